"""Tokens, calls and preference success on logged episodes (paper section 3.5)."""
