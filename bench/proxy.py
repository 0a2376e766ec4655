"""What `lrrc serve` costs: time per request, and many streaming conversations at once.

    python bench/proxy.py overhead --policy bm25 --history 4000
    python bench/proxy.py load --policy bm25 --conversations 200 --seconds 60
    python bench/proxy.py large --policy bm25 --megabytes 20
    python bench/proxy.py dialects --policy lrrc --history 100000 --requests 30 --log runs.jsonl

Upstream, proxy and client are three processes on this machine. `overhead` measures every request twice, straight to
the upstream and through the proxy, less the upstream's own time. `load` gives every conversation words of its own: the
upstream looks for another one's in each prompt, the client in each answer. `large` measures small requests alone, and
then beside two large ones at once. `dialects` is the processor's time, in one process, from a request's body to the one
that goes upstream: a busy machine does not matter to it. Prints JSON; exit status 1 where an answer
was wrong, lost or stalled.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx2
import openai
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lrrc.commands.serve import listen
from lrrc.middleware import Coordinator
from lrrc.middleware.proxy.composing import shorten
from lrrc.middleware.proxy.reading import CHAT, MESSAGES, RESPONSES, SHORTENED
from lrrc.pretrained import tokens

MARK = re.compile(r"talk-(\d+)")
ANSWER = 20  # words of a streamed answer


async def complete(request: Request) -> Response:
    """The upstream: says the last message's first words back, one every `x-pause` seconds, or `mixed`.

    `x-took` of an answer in one piece is the time that it took here, in milliseconds.
    """
    began = time.perf_counter()
    body = await request.json()
    talks = set(MARK.findall(json.dumps(body["messages"])))
    said = body["messages"][-1]["content"].rsplit("\n\n", 1)[-1]  # a digest may stand before it
    words = said.split()[:ANSWER] if len(talks) == 1 else ["mixed", *talks]
    if not body.get("stream"):
        message = {"role": "assistant", "content": " ".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = JSONResponse({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
        reply.headers["x-took"] = str(1e3 * (time.perf_counter() - began))
        return reply
    pause = float(request.headers["x-pause"])

    async def events() -> AsyncIterator[str]:
        for word in words:
            choice = {"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}
            event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            yield f"data: {json.dumps(event)}\n\n"
            await asyncio.sleep(pause)
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@contextmanager
def process(*command: str) -> Iterator[int]:
    """A server in a process of its own; the port that its first line names."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            line = server.stdout.readline()
            if not (found := re.search(r"127\.0\.0\.1:(\d+)", line)):
                raise SystemExit(f"{' '.join(command)}: did not start: {line}")
            yield int(found[1])
        finally:
            server.terminate()
            server.wait(20)


def text(rng: random.Random, count: int, mark: str) -> str:
    """About `count` tokens of English-looking sentences that carry `mark`."""
    sentences, size = [f"This is {mark}."], 4
    while size < count:
        words = rng.choices(VOCABULARY, k=rng.randint(6, 14))
        sentences.append(f"{' '.join(words).capitalize()}.")
        size += len(words) + 2
    return " ".join(sentences)


VOCABULARY = """train report budget Friday garden lentil soup number river window painter letter contract vault purple
morning engine ticket harbour invoice doctor planet coffee mountain sentence colour always never please remember asks
wants moves opens sells writes brings counts of the a in with about before after under their""".split()  # noqa: SIM905


def talk(rng: random.Random, number: int, history: int) -> list[dict[str, str]]:
    """A conversation of `history` cl100k tokens or a few more, in turns of about 150, and a question."""
    messages: list[dict[str, str]] = []
    while tokens.payload_tokens(m["content"] for m in messages) < history:
        role = "assistant" if len(messages) % 2 else "user"
        messages.append({"role": role, "content": text(rng, 75, f"talk-{number}")})
    if len(messages) % 2:
        messages.append({"role": "assistant", "content": f"Well, talk-{number}."})
    return [*messages, {"role": "user", "content": f"What of talk-{number}?"}]


def overhead(args: argparse.Namespace, upstream: int, proxy: int) -> dict[str, object]:
    """Milliseconds that the proxy adds: to a conversation's next turn, and to one that it has never seen."""
    rng, rows = random.Random(0), {"next turn": [], "never seen": []}
    clients = [
        openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="k", max_retries=0) for port in (upstream, proxy)
    ]
    sizes = []

    def measure(kind: str, messages: list[dict[str, str]]) -> str:
        took = []
        for client in clients:
            began = time.perf_counter()
            reply = client.chat.completions.with_raw_response.create(model="m", messages=messages)
            took.append(1e3 * (time.perf_counter() - began) - float(reply.headers["x-took"]))
        rows[kind].append(took)
        return reply.parse().choices[0].message.content

    for number in range(args.requests // 10 + 1):
        messages = talk(rng, number, args.history)
        for turn in range(11):
            sizes.append(tokens.payload_tokens(m["content"] for m in messages[:-1]))
            reply = measure("next turn" if turn else "never seen", messages)
            if reply.startswith("mixed"):
                raise SystemExit(f"conversation {number}: {reply}")
            messages = [
                *messages,
                {"role": "assistant", "content": reply},
                {"role": "user", "content": text(rng, 30, f"talk-{number}")},
            ]
    result: dict[str, object] = {"history_tokens": [min(sizes), max(sizes)]}
    for kind, pairs in rows.items():
        direct = statistics.median(pair[0] for pair in pairs)
        added = sorted(pair[1] - direct for pair in pairs)
        p50, p95 = (round(added[min(len(added) - 1, int(q * len(added)))], 2) for q in (0.5, 0.95))
        result[kind] = {
            "requests": len(added),
            "added_ms_p50": p50,
            "added_ms_p95": p95,
            "direct_ms_p50": round(direct, 2),
        }
    return result


def large(args: argparse.Namespace, proxy: int) -> dict[str, object]:
    """Milliseconds of small requests, alone and beside two large ones."""
    rng, numbers, took = random.Random(0), itertools.count(), {"alone": [], "beside_two_large": []}
    url = f"http://127.0.0.1:{proxy}/v1/chat/completions"

    def seconds(messages: list[dict[str, str]]) -> float:
        body, began = json.dumps({"model": "m", "messages": messages}), time.perf_counter()
        httpx2.post(url, content=body, timeout=None).raise_for_status()
        return time.perf_counter() - began

    def one(kind: str) -> None:
        took[kind].append(1e3 * seconds(talk(rng, next(numbers), args.history)))
        time.sleep(0.05)

    def book(number: int) -> list[dict[str, str]]:
        said = [text(rng, args.megabytes * 100_000 // 6, f"talk-{number}") for _ in range(10)]
        pairs = [({"role": "user", "content": each}, {"role": "assistant", "content": "Noted."}) for each in said]
        return [*itertools.chain(*pairs), {"role": "user", "content": f"What of talk-{number}?"}]

    books = [book(next(numbers)) for _ in range(2)]
    for _ in range(args.requests):
        one("alone")
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(seconds, each) for each in books]
        while not all(each.done() for each in waiting):
            one("beside_two_large")
    result: dict[str, object] = {"large_s": [round(each.result(), 1) for each in waiting]}
    for kind, each in took.items():
        each.sort()
        p50, p95 = (round(each[int(share * (len(each) - 1))], 1) for share in (0.5, 0.95))
        result[kind] = {"requests": len(each), "ms_p50": p50, "ms_p95": p95}
    return result


def dialects(args: argparse.Namespace) -> dict[str, object]:
    """Milliseconds of the processor for a request in each dialect, by default settings: of a conversation never seen
    before, and of its next turns."""
    rng, result = random.Random(0), {}
    plain = logged(args.log, args.history) if args.log else talk(rng, 0, args.history)
    for kind in (CHAT, MESSAGES, RESPONSES):
        coordinator, rows, messages = (
            Coordinator(args.policy),
            {"never seen": [], "next turn": []},
            plain,
        )
        Coordinator(coordinator.policy).compose(talk(rng, 1, 300))  # whatever is made ready at first use is
        for turn in range(args.requests + 1):
            given = [as_item(message) for message in messages] if kind == RESPONSES else messages
            body = json.dumps({"model": "m", "max_tokens": 9, SHORTENED[kind]: given}).encode()
            began = time.thread_time()
            done = shorten(coordinator, body, {}, kind)
            took = 1e3 * (time.thread_time() - began)
            if done.receipt is None:
                raise SystemExit(f"{kind}: {done.action}: {done.reason}")
            rows["next turn" if turn else "never seen"].append(took)
            more = [{"role": "assistant", "content": text(rng, 75, "talk-0")}]
            messages = [*messages, *more, {"role": "user", "content": text(rng, 30, "talk-0")}]
        result[kind] = {
            name: {"requests": len(each), "ms_p50": round(statistics.median(each), 1), "ms_max": round(max(each), 1)}
            for name, each in rows.items()
            if each
        }
    return result


def logged(path: str, history: int) -> list[dict[str, str]]:
    """What people and agents said in the runs of a chat log, one after the other, up to `history` tokens: real
    messages, of a user and an agent in turn, that end with one of the user's."""
    messages: list[dict[str, str]] = []
    count = 0
    with open(path, encoding="utf-8") as lines:
        for run in map(json.loads, lines):
            for message in run["messages"]:
                role, said = message["role"], message.get("content")
                if role not in ("user", "assistant") or not isinstance(said, str) or not said:
                    continue
                if messages and messages[-1]["role"] == role:
                    messages[-1]["content"] += f"\n\n{said}"
                else:
                    messages.append({"role": role, "content": said})
                count += tokens.count(said)
                if count >= history and role == "user":
                    return messages
    raise SystemExit(f"{path}: fewer than {history} tokens")


def as_item(message: dict[str, str]) -> dict[str, object]:
    """A message in the form of the Responses API."""
    kind = "output_text" if message["role"] == "assistant" else "input_text"
    return {"type": "message", "role": message["role"], "content": [{"type": kind, "text": message["content"]}]}


async def converse(client: openai.AsyncOpenAI, number: int, args: argparse.Namespace, end: float, seen: dict) -> None:
    """One conversation, `--turns` turns or more, until `end`."""
    rng, messages = random.Random(number), []
    await asyncio.sleep(ANSWER * args.pause * rng.random())  # not all in step
    named = {"x-lrrc-conversation": f"talk-{number}"} if number % 2 else {}
    for turn in itertools.count():
        said = f"Turn {turn} of talk-{number}. " + text(rng, 150, f"talk-{number}")
        messages.append({"role": "user", "content": said})
        got, last = [], time.perf_counter()
        try:
            headers = {"x-pause": str(args.pause), **named}
            stream = await client.chat.completions.create(
                model="m", messages=messages, stream=True, extra_headers=headers
            )
            async for event in stream:
                now = time.perf_counter()
                seen["gap"].append(now - last)
                last = now
                got.append(event.choices[0].delta.content)
        except openai.OpenAIError as error:
            seen["lost"].append(f"talk-{number}, turn {turn}: {type(error).__name__}")
        answer = "".join(got)
        if got and answer.split() != said.split()[:ANSWER]:
            seen["wrong"].append(f"talk-{number}, turn {turn}: {answer[:80]}")
        seen["calls"] += 1
        messages.append({"role": "assistant", "content": answer or "?"})
        if turn + 1 >= args.turns and time.perf_counter() > end:
            return


async def crowd(args: argparse.Namespace, proxy: int) -> dict[str, object]:
    """All conversations at once."""
    seen = {"calls": 0, "gap": [], "lost": [], "wrong": []}
    limits = httpx2.Limits(max_connections=None)
    async with openai.AsyncOpenAI(
        base_url=f"http://127.0.0.1:{proxy}/v1",
        api_key="k",
        max_retries=0,
        http_client=httpx2.AsyncClient(limits=limits, timeout=60),
    ) as client:
        end = time.perf_counter() + args.seconds
        await asyncio.gather(*(converse(client, i, args, end, seen) for i in range(args.conversations)))
    gaps, shares = sorted(seen["gap"]), {"p50": 0.5, "p99": 0.99, "max": 1}
    return {
        "calls": seen["calls"],
        "words": len(gaps),
        "lost": seen["lost"],
        "wrong": seen["wrong"],
        "stalled": sum(gap > args.pause + args.stall for gap in gaps),
        "gap_s": {name: round(gaps[int(share * (len(gaps) - 1))], 3) for name, share in shares.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=("overhead", "load", "large", "dialects", "upstream"))
    parser.add_argument("--policy", default="bm25")
    parser.add_argument("--checkpoint", help="folder of a trained policy")
    parser.add_argument("--history", type=int, default=4000, help="tokens of history (all but load)")
    parser.add_argument("--log", help="a chat log, JSON lines, whose words the history has (dialects)")
    parser.add_argument("--requests", type=int, default=300, help="requests (all but load)")
    parser.add_argument("--megabytes", type=int, default=20, help="of each of two requests (large)")
    parser.add_argument("--conversations", type=int, default=200, help="conversations at once (load)")
    parser.add_argument("--seconds", type=float, default=60, help="how long new turns begin (load)")
    parser.add_argument("--turns", type=int, default=2, help="turns of a conversation, at least (load)")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between the words of an answer (load)")
    parser.add_argument("--stall", type=float, default=5, help="seconds beyond the pause that count as a stall (load)")
    args = parser.parse_args()
    if args.what == "upstream":
        with listen("127.0.0.1", 0) as listener:
            print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
            app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
            uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])
        return 0
    if args.what == "dialects":
        print(json.dumps({"what": args.what, "history": args.history, **dialects(args)}, indent=1))
        return 0
    checkpoint = ["--checkpoint", args.checkpoint] if args.checkpoint else []
    with ExitStack() as servers:
        upstream = servers.enter_context(process(__file__, "upstream"))
        serve = ("serve", "--upstream", f"http://127.0.0.1:{upstream}/v1", "--port", "0", "--rewrite", "always")
        proxy = servers.enter_context(process("-m", "lrrc.cli", *serve, "--policy", args.policy, *checkpoint))
        if args.what == "overhead":
            result = overhead(args, upstream, proxy)
        else:
            result = large(args, proxy) if args.what == "large" else asyncio.run(crowd(args, proxy))
        now = httpx2.get(f"http://127.0.0.1:{proxy}/stats").json()
    del now["conversations"], now["upstreams"]
    print(json.dumps({"what": args.what, **result, "proxy": now}, indent=1))
    bad = now["requests"]["failed"] + now["requests"]["malformed"]
    return int(bool(bad or result.get("lost") or result.get("wrong") or result.get("stalled")))


if __name__ == "__main__":
    sys.exit(main())
