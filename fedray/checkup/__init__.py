"""Whether a cluster is fit for tasks: facts that are measured elsewhere, and what is to be said about them."""
