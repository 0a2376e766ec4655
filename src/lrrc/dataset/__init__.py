"""Episodes as arrays, with what each segment is worth.

May import params, runtime, pretrained, episodes, digest, model; knows no policies.

episode_arrays   an episode as what every call could see
targets          what is to be learnt of it
calls            the calls that teach
segment_gains    what segments gain a language model
standing_labels  which sentences are standing rules
array_file       all of it in one file; episode_store is the general part
batches          padded tensors
inputs           the files and folds that stages share
"""
