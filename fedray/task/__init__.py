"""Documents of a task: specification, plan, record, and the store that keeps them."""
