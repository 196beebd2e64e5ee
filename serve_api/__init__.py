"""HTTP edges: routes and shapes only."""
