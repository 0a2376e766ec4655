"""`lrrc serve`: an address that shortens prompts on their way to another.

forwarding  requests and answers, relayed
reading     what of a request is read, and why it is left alone
composing   from a request's body to the one that goes upstream
client      the connection to the upstream, under the environment's proxies and certificates
sockets     WebSockets, forwarded
compress    POST /v1/compress, for clients that send the payload themselves
app         the server
offering    the tool lrrc_recall, where the proxy itself offers and answers it
recalling   POST /recall: what a conversation said, for the tool of `lrrc mcp`
usage       what an answer says it cost, read while it passes
books       what calls cost, kept over restarts; spans: the same for OpenTelemetry
ledger      what was saved, by conversation
pages       the page and its statistics
"""
