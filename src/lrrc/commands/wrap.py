"""`lrrc wrap codex|claude|opencode -- ...`: a client of agents behind a proxy of its own, which ends with it.

    lrrc wrap claude --policy bm25
    lrrc wrap codex --policy bm25 -- exec "mend the tests"

The proxy runs in this process, so nothing can be left behind. The client's own settings say which upstream is meant;
they are not changed, only overridden for this run.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from lrrc.commands import wrapped_clients
from lrrc.commands.serve import add_options, address_of, base_address, listen, make_coordinator, make_server

SIGNALS = ("SIGTERM", "SIGHUP")  # that the client is told, and then ends by; a terminal tells it SIGINT itself


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "lrrc wrap CLIENT [options] [-- arguments of the client]"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
options:      as those of `lrrc serve`
exit status:  the client's; 1 could not start

example:      lrrc wrap codex --policy bm25 -- exec "mend the tests\""""
    parser.add_argument("client", metavar="CLIENT", choices=sorted(wrapped_clients.CLIENTS), help="%(choices)s")
    parser.add_argument(
        "--upstream",
        metavar="URL",
        help="address that the client would use (default: the one in its settings or in the environment, else its "
        "maker's own)",
    )
    add_options(parser)
    parser.set_defaults(token=None)


def run(args: argparse.Namespace) -> int:
    binary = shutil.which(args.client)
    if binary is None:
        package = wrapped_clients.PACKAGES[args.client]
        raise ValueError(f"{args.client} is not installed: npm install -g {package}")
    client = wrapped_clients.CLIENTS[args.client](dict(os.environ))
    logging.getLogger("lrrc.proxy").addHandler(logging.NullHandler())  # the terminal is the client's
    logging.getLogger("lrrc.proxy").propagate = False
    with ExitStack() as stack:
        addresses, ledgers = {}, []
        for name, own in client.upstreams.items():
            upstream = base_address(args.upstream or own)
            addresses[name], ledger = stack.enter_context(running(args, upstream))
            ledgers.append(ledger)
            print(f"lrrc wrap: {addresses[name]}/v1 to {upstream}; watch at {addresses[name]}", file=sys.stderr)
        status = call([binary, *client.arguments(addresses), *args.passed_on], client.environment(addresses))
        for ledger in ledgers:
            tell(ledger.summary())
    return status


@contextmanager
def running(args: argparse.Namespace, upstream: str) -> Iterator[tuple[str, Any]]:
    """A proxy in a thread; its address and its ledger."""
    with listen("127.0.0.1", 0) as listener:
        server, ledger = make_server(args, make_coordinator(args), {None: upstream}, None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                thread.join(0.02)
            yield address_of(listener), ledger
        finally:
            server.should_exit = True
            thread.join()


def call(command: list[str], environment: dict[str, str]) -> int:
    """The client's exit status, as shells have it. What would end this process ends the client, and so this one."""
    children: list[subprocess.Popen] = []
    early: list[int] = []  # came before there was a client to end

    def pass_on(number: int, frame: Any) -> None:
        if children:
            children[0].send_signal(number)
        else:
            early.append(number)

    handled = {name: signal.getsignal(getattr(signal, name)) for name in (*SIGNALS, "SIGINT") if hasattr(signal, name)}
    for name in handled:
        signal.signal(getattr(signal, name), pass_on if name != "SIGINT" else lambda number, frame: None)
    try:
        children.append(subprocess.Popen(command, env=environment))
        for number in early:
            children[0].send_signal(number)
        status = children[0].wait()
    finally:
        for name, before in handled.items():
            signal.signal(getattr(signal, name), before)
    return status if status >= 0 else 128 - status


def tell(summary: dict[str, Any]) -> None:
    """What was saved, in one line."""
    prompt, bill = summary["tokens"], summary["bill"]
    if prompt["before"]:
        print(
            f"lrrc wrap: prompt tokens {prompt['before']:,} to {prompt['after']:,}, bill {bill['before']:,.0f} to "
            f"{bill['after']:,.0f} (by the prices of the settings, for a fresh token 1)",
            file=sys.stderr,
        )
