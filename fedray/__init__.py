"""Training and serving on data that may not be pooled; knows no Ray and no HTTP."""
