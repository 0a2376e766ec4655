"""A language model whose likelihoods can be worked out by hand: its tokens are words."""

import numpy as np

from lrrc.digest.words import words_of

SEEN, NEW = -1.0, -3.0  # nats of a word that stands in the prompt, and of one that does not


class Scorer:
    """It expects the words that it has read. `asked`: every request so far."""

    chatml_marks = (1, 2)
    digest = "words"

    def __init__(self):
        self.ids = {}
        self.asked = []

    def encode(self, text):
        return tuple(self.ids.setdefault(word, len(self.ids) + 3) for word in words_of(text))

    def message(self, role, content):
        return (1, *self.encode(role), *self.encode(content), 2)

    def reply_prefix(self):
        return (1, *self.encode("assistant"))

    def score(self, groups):
        self.asked += [request for group in groups for request in group]
        return [
            [[np.array([SEEN if t in r.prompt else NEW for t in answer]) for answer in r.answers] for r in group]
            for group in groups
        ]
