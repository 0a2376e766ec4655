"""Stage annotate: exact token counts of every message (paper section 3.5).

python pipeline/annotate.py data/raw/episodes.parquet data/annotated/tokens.parquet
"""

import argparse

from lrrc.annotate import annotate, schema
from lrrc.config import load_params
from lrrc.engine import shared
from lrrc.errors import one_line
from lrrc.files import write_parquet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("episodes", type=shared, help="parquet to read")
    parser.add_argument("tokens", help="parquet to write: one row per message")
    args = parser.parse_args()
    params = load_params()
    tables = annotate(args.episodes, params.annotate.per_message_overhead, params.engine)
    write_parquet(args.tokens, tables, schema())


if __name__ == "__main__":
    one_line(main)
