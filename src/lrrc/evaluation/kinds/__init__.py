"""Kinds of conversation that a coordinator has never seen: what digests are worth there (docs/method.md 5.5).

calls    the calls drawn from a file of one kind
draws    random digests of a call, and the rules that policies are compared with
targets  how much the true reply surprises a language model given each digest
"""
