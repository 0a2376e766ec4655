"""Low-Rank Recurrent Coordinator."""
