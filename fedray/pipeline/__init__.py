"""Pipelines: several tasks of which some take what others made, as one thing to start, watch, cancel and resume."""
