"""Who may come in: tokens, roles, limits of rates, foreign pages, and the log of what they did."""
