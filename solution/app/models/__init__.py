"""Models: the tables, one module each."""
