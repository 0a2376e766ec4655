"""The settings of every policy, chosen on validation episodes with as many trials for each."""
