"""The coordinator's network in numpy alone, for those who use it: installing torch for matrices of eight rows costs a
gigabyte, and starting it seconds.

network   the forward pass of one conversation
caller    that of the call gate
cell      the recurrent cell of both
rows      normed, and of a length

All are tested equal to lrrc.model.

May import digest (names of features); knows no files.
"""
