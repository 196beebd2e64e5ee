"""The roles of a task: the order of steps at each party, plain Python."""
