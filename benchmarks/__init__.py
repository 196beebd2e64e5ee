"""Benchmarks: one command per table, one JSON line per run. See docs/benchmarks.md."""
