"""`lrrc NAME`: one module a subcommand, with add_arguments and run; the library is imported inside run.

May import anything: compress, estimate, fidelity, serve, prove, certify, log; what they share is in arguments and
pipes."""
