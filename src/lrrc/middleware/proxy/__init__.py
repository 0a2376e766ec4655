"""`lrrc serve`: an address that shortens prompts on their way to another.

forwarding  requests and answers, relayed
app         the server
ledger      what was saved, by conversation
pages       the page and its statistics
"""
