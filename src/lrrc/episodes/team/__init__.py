"""The team arena (docs/method.md 10): a user and three to five agents, each with notes that nobody else sees."""
