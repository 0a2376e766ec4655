"""The coordinator's network in numpy alone, for those who use it: installing torch for matrices of eight rows costs a
gigabyte, and starting it seconds.

network   the forward pass of one conversation; tested equal to lrrc.model

May import digest (names of features); knows no files.
"""
