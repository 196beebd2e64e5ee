"""Models on shares."""
