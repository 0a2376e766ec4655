"""The networks: torch only, no Lightning, no I/O, no configuration files."""
