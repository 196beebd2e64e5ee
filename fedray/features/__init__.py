"""What is found out about columns before a training: bins, what the label tells of them, correlations, statistics."""
