"""`lrrc NAME`: one module a subcommand, with add_arguments and run; the library is imported inside run."""
