"""Kinds of conversation that a coordinator has never seen: what digests are worth there (docs/method.md 5.4).

calls    the calls drawn from a file of one kind
draws    random digests of a call; rules: what policies are compared with
words    how much of the reply a digest holds
targets  what every digest of a call is worth
fit      the line of values
ordering the ordered line, which the package has; adapting: it to somebody's own conversations
regret   policies on kinds that no weight of theirs has seen; recall: of the message that a reply answers
stage    all of it
"""
