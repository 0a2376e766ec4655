"""A real agent answers checks from what policies send."""
