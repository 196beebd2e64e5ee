"""Ray actors around the parties; the only place that imports Ray's core. Knows no protocol."""
