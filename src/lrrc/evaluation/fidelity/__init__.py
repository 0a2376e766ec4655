"""How much the true next reply surprises a language model that reads what policies send."""
