"""Other frameworks' same operations, on the same machine."""
