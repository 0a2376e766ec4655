"""Conversations of a user with one or more agents. May import runtime, params, pretrained.tokens.

episode       the types: Episode, Turn, Message, Check
chat_message  the text of a chat message
forms         rows of other makers as chat logs; other_messages: their messages as chat completions; message_parts:
              parts of those, calls and results of tools; anthropic_requests: which rows are requests to Anthropic
parsing       rows of an arena and chat logs as episodes
logs          logs for commands: what is said and nothing else
episode_file  parquet files of episodes
sources       where episodes come from: hub, mt_bench, files
split         train, validation, test and folds
token_counts  tokens of every message
arena/        makes the embedded data set
"""
