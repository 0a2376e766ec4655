"""Conversations of a user with one or more agents. May import runtime, params, pretrained.tokens.

episode       the types: Episode, Turn, Message, Check
chat_message  the text of a chat message
parsing       rows and chat messages of other makers as episodes
episode_file  parquet files of episodes
sources       where episodes come from: hub, mt_bench, files
split         train, validation, test and folds
token_counts  tokens of every message
arena/        makes the embedded data set
"""
