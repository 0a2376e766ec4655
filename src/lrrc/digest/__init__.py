"""From a conversation to a digest of at most B tokens. No torch, no files. May import pretrained, episodes.

segments        cuts messages into the units of a digest, by
blocks, units   what the lines of a message are, and what units those have,
sentences, lists, json_units, blobs, cutting
                where sentences end and values, what items of lists need, what nobody reads, how what is too long is cut
words           of any script, and what each says
history         the segments of a conversation, growing turn by turn
features        what is known of a segment without learning
agent_view      a conversation as one of several agents sees it
growing_rows    arrays that grow
asked_parts     the parts of a question that asks for several things
place_prior     what the place of a segment, and the words asked, say of its worth
standing_rules  what a user asks for once and expects to hold, until it is replaced
rule_wording    how that is worded, in eight languages fully and in six plainly
rule_matters    what a rule is about, and so which rules a later sentence ends
voice           which words of a message its writer says in their own voice
signals         many wordings, found as fast as one
reply_form      what any reader sees of two replies, length and layout, as differences
selection       what is sent of a history: spans, their text, tokens
writer          chooses segments until the budget is full, by DigestRules
rendering       spans as text, with marks for gaps
"""
