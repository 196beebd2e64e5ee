"""Tables, paths and transforms of one party."""
