"""`lrrc serve`: an address that shortens prompts on their way to another."""
