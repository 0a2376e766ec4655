"""Stage annotate: exact token counts of every message (paper section 3.5).

python pipeline/annotate.py data/raw/episodes.parquet data/annotated/tokens.parquet
"""

from lrrc.runtime.stage_script import run_script  # isort: split

import argparse

from lrrc.episodes.token_counts import count_tokens, schema
from lrrc.params import load_params
from lrrc.runtime.executor import absolute_path
from lrrc.runtime.files import write_parquet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("episodes", type=absolute_path, help="parquet to read")
    parser.add_argument("tokens", help="parquet to write: one row per message")
    args = parser.parse_args()
    params = load_params()
    tables = count_tokens(args.episodes, params.annotate.per_message_overhead, params.engine)
    write_parquet(args.tokens, tables, schema())


if __name__ == "__main__":
    run_script(main)
