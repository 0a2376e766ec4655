"""`lrrc serve --upstream URL`: an OpenAI-compatible address that shortens prompts on their way to another.

    lrrc serve --upstream https://api.openai.com/v1 --port 8080

Then give applications http://127.0.0.1:8080/v1 as their base_url, and open http://127.0.0.1:8080 to watch.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrrc.commands.arguments import OURS, add_policy, check_budget
from lrrc.middleware.settings import Settings
from lrrc.runtime.urls import check_base_url

if TYPE_CHECKING:
    from lrrc.middleware import Coordinator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
client:       base_url="http://127.0.0.1:8080/v1"; key, model and everything else as before
watch:        http://127.0.0.1:8080 in a browser; /stats as JSON, /stats?format=prometheus for a monitor
several:      --upstream URL --upstream MODEL=URL sends calls of MODEL to a server of their own
exit status:  1 could not start; ended by Ctrl-C 130, by SIGTERM 143, as shells count

example:      lrrc serve --upstream http://127.0.0.1:11434/v1 --policy bm25"""
    parser.add_argument(
        "--upstream",
        metavar="[MODEL=]URL",
        action="append",
        required=True,
        help="address that the client would use as base_url (without a path, /v1 is meant); may be repeated with "
        "names of models",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on, 0 for any (default 8080)")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """All but where it listens, and to which upstream it sends."""
    parser.add_argument(
        "--token",
        help="what clients must send in the header x-lrrc-token (the pages take ?token= too); needed where --host is "
        "not this machine alone; better set as LRRC_TOKEN in the environment",
    )
    add_policy(parser)
    parser.add_argument(
        "--rewrite",
        metavar="WHEN",
        default=Settings.rewrite,
        help="when a digest is written anew: auto (where that lowers the bill, default), always, or every N turns",
    )
    parser.add_argument(
        "--price-cached",
        metavar="P",
        type=float,
        help="price of a token that the provider's prefix cache has, as a part of a fresh one's; 1 where there is none "
        f"(default: by the table of prices, {Settings.price_cached} for models that are not in it). Where one of these "
        "four is given, the packaged table is not read",
    )
    parser.add_argument(
        "--price-write",
        metavar="P",
        type=float,
        help="price of a token that is written into the cache, as a part of a fresh one's (default: by the table, 1)",
    )
    parser.add_argument(
        "--cache-minimum",
        metavar="N",
        type=int,
        help="the provider's cache has no prefix below N tokens; 0 for llama.cpp and the like "
        f"(default: by the table, {Settings.cache_minimum})",
    )
    parser.add_argument(
        "--cache-lifetime",
        metavar="S",
        type=float,
        help="seconds after its last use for which the cache keeps a prefix: later, a new digest breaks nothing "
        f"(default: by the table, {Settings.cache_lifetime:g})",
    )
    parser.add_argument(
        "--prices",
        metavar="FILE.yaml",
        type=Path,
        help="prices of models, in the form of the packaged table (docs/proxy.md) and read before it",
    )
    parser.add_argument(
        "--exclude-tools",
        metavar="NAME",
        nargs="+",
        default=(),
        help="tools whose calls and results are never shortened; `*` and `?` as in names of files",
    )
    parser.add_argument(
        "--recall",
        action="store_true",
        help="let agents ask for what digests leave out: requests with tools get one more, lrrc_recall, which is "
        "answered here (unless they have it from `lrrc mcp`), and digests end with a hint at it",
    )
    parser.add_argument(
        "--holdout",
        metavar="SHARE",
        type=float,
        default=Settings.holdout,
        help="share of conversations whose calls are left whole, for the page to compare the others with (default 0)",
    )
    parser.add_argument(
        "--keep-goal",
        action=argparse.BooleanOptionalAction,
        default=Settings.keep_goal,
        help="send the first user message as it stands (default: yes)",
    )
    parser.add_argument(
        "--standing",
        metavar="SHARE",
        type=float,
        help="most of a digest that the user's standing rules may take, from 0, which keeps none for being one, to 0.5 "
        "(default 0.5)",
    )
    parser.add_argument(
        "--min-tokens",
        metavar="N",
        type=int,
        default=Settings.min_tokens,
        help=f"send prompts below N tokens as they are (default {Settings.min_tokens})",
    )
    parser.add_argument(
        "--conversations",
        metavar="N",
        type=int,
        default=Settings.max_sessions,
        help=f"most conversations held in memory (default {Settings.max_sessions})",
    )
    parser.add_argument(
        "--idle", metavar="MIN", type=float, default=60, help="minutes after which the page forgets one (default 60)"
    )
    parser.add_argument("--state", metavar="DIR", type=Path, help="folder to keep conversations in between two runs")
    parser.add_argument(
        "--ledger",
        metavar="FILE",
        type=Path,
        help="SQLite file of what calls cost, without texts (default: ledger.sqlite in --state, else a temporary one)",
    )
    parser.add_argument(
        "--keep", metavar="DAYS", type=float, default=30, help="days after which it forgets a call (default 30)"
    )
    parser.add_argument(
        "--otlp",
        metavar="URL",
        help="OpenTelemetry collector (OTLP over HTTP, such as http://127.0.0.1:4318) to send a span for every call to",
    )


def run(args: argparse.Namespace) -> int:
    from lrrc.middleware.proxy.pages import is_loopback

    token = args.token or os.environ.get("LRRC_TOKEN") or None
    if not is_loopback(args.host) and not token:
        raise ValueError(f"--host = {args.host!r}: an address that others can reach needs --token or LRRC_TOKEN")
    upstreams = parse_upstreams(args.upstream)
    with listen(args.host, args.port) as listener:
        coordinator = make_coordinator(args)
        server, _ = make_server(args, coordinator, upstreams, token)
        where = address_of(listener)
        whose = f", {OURS}" if is_ours(coordinator) else ""
        print(f"lrrc serve: {where}/v1 to {', '.join(upstreams.values())}{whose}; watch at {where}", flush=True)
        server.run(sockets=[listener])
    return 0


def make_server(
    args: argparse.Namespace, coordinator: Any, upstreams: Mapping[str | None, str], token: str | None
) -> tuple[Any, Any]:
    """A uvicorn.Server by the options of `add_options`, and its ledger. Raises ValueError."""
    import uvicorn

    from lrrc.middleware.proxy.app import create_app
    from lrrc.middleware.proxy.books import Books
    from lrrc.middleware.proxy.forwarding import MAX_BODY
    from lrrc.middleware.proxy.ledger import Ledger
    from lrrc.middleware.proxy.spans import Spans

    for name, value, unit in (("idle", args.idle, "minutes"), ("keep", args.keep, "days")):
        if not value > 0:
            raise ValueError(f"--{name} = {value}: allowed is a number > 0 ({unit})")
    file = args.ledger or (args.state / "ledger.sqlite" if args.state else None)
    collector = args.otlp and check_base_url(args.otlp, "--otlp", "the collector's own settings")
    spans = Spans(collector) if collector else None
    ledger = Ledger(args.conversations, 60 * args.idle, books=Books(file, args.keep), spans=spans)
    app = create_app(coordinator, upstreams, token, ledger, args.state)
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,  # a page's address may hold the token
        server_header=False,
        date_header=False,  # the upstream's are relayed
        proxy_headers=False,
        ws_ping_interval=None,
        ws_max_size=MAX_BODY,
        timeout_keep_alive=75,  # s; longer than clients keep idle connections, which so never meet a closing one
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config), ledger


def is_ours(coordinator: Any) -> bool:
    """Is its policy the one that comes with the package?"""
    from lrrc.policies.serving import PACKAGED

    return coordinator.policy.checkpoint == str(PACKAGED)


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def parse_upstreams(values: Sequence[str]) -> dict[str | None, str]:
    """{model or None: address}; None, the default, stands first. Raises ValueError."""
    upstreams: dict[str | None, str] = {}
    for value in values:
        named, colon, rest = value.partition("://")  # an equals sign behind it belongs to the address
        model, _, scheme = named.rpartition("=")
        address = scheme + colon + rest
        if (model or None) in upstreams:
            raise ValueError(f"--upstream: {model or 'the default'} is given twice")
        upstreams[model or None] = base_address(address)
    return {None: upstreams.get(None, next(iter(upstreams.values()))), **upstreams}


def base_address(address: str) -> str:
    """The base address, with a path and no slash at its end. Raises ValueError.

    The address of the chat completions themselves is understood too.
    """
    if "@" not in address and re.match("https?://[^?#]+[?]", address):  # it is not repeated: it may hold a key
        raise ValueError(
            "--upstream: give the address without what follows its `?`; the query of each request (such as "
            "api-version=...) is passed on, so set it in the client"
        )
    if whole := re.fullmatch("(https?://.*?)/+chat/completions/*", address):
        return check_base_url(whole[1], "--upstream", "the client")
    checked = check_base_url(address, "--upstream", "the client")
    return checked if checked.count("/") > 2 else f"{checked}/v1"


def listen(host: str, port: int) -> socket.socket:
    """A bound TCP socket. Raises ValueError where the address cannot be had.

    It names its protocol, because asyncio turns off Nagle's algorithm, which holds small answers back for 40 ms, only
    where it does.
    """
    if not 0 <= port < 65536:
        raise ValueError(f"--port = {port}: allowed is an integer from 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
        return listener
    except OSError as error:
        raise ValueError(f"--host {host} --port {port}: cannot listen there: {error.strerror or error}") from None


def make_coordinator(args: argparse.Namespace) -> Any:
    """The coordinator that the arguments ask for, ready to answer at once. Raises ValueError."""
    from lrrc.digest.additive import Line
    from lrrc.middleware.coordinator import Coordinator
    from lrrc.middleware.tariff import PACKAGED, table

    check_budget(args)
    names = ("price_cached", "price_write", "cache_minimum", "cache_lifetime")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    settings = Settings(
        rewrite=int(args.rewrite) if args.rewrite.isdecimal() else args.rewrite,
        **given,
        prices=str(args.prices) if args.prices else None if given else PACKAGED,
        exclude_tools=args.exclude_tools,
        holdout=args.holdout,
        recall=args.recall,
        min_tokens=args.min_tokens,
        keep_goal=args.keep_goal,
        standing=args.standing,
        max_sessions=args.conversations,
    )
    if settings.prices:
        table(settings.prices)  # a mistake in it is told now
    if args.state and (args.state / "coordinator.json").exists():
        coordinator = Coordinator.load(args.state)
        name, budget = coordinator.policy.name, coordinator.policy.spec.budget
        if (name, budget) != (args.policy, args.budget if budget is not None else None):
            raise ValueError(
                f"--state = {args.state}: holds --policy {name} --budget {budget}: give these, or another folder"
            )
        if args.adapted and Line.read(args.adapted) != getattr(coordinator.policy, "line", None):
            raise ValueError(
                f"--state = {args.state}: was written under another --adapted: give that, or another folder"
            )
        if coordinator.settings != settings:
            raise ValueError(
                f"--state = {args.state}: was written under {coordinator.settings}: give these, or another folder"
            )
    else:
        folders = {"checkpoint": args.checkpoint, "encoder": args.encoder, "adapted": args.adapted}
        coordinator = Coordinator(args.policy, args.budget, settings, **folders)
    _make_ready(coordinator)
    return coordinator


def _make_ready(coordinator: Coordinator) -> None:
    """Do now what is else done at first use, half a second in all: by a coordinator whose memory is not kept, and the
    patterns of rules one by one, as no message needs them all."""
    from lrrc.digest import rule_wording
    from lrrc.digest.signals import Signal
    from lrrc.middleware import Coordinator

    for signal in vars(rule_wording).values():
        if isinstance(signal, Signal):
            signal.search("字")  # in no language's alphabet, so that none is passed over
    Coordinator(coordinator.policy).compose(
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    )
