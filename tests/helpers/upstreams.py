"""A scripted model server: what it does to a call is said by the call's model. And servers in threads of the test."""

import asyncio
import contextlib
import gzip
import json
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lrrc.commands.serve import listen
from lrrc.digest.rendering import HEAD

BUSY = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit"}}
REFUSED = {"error": {"message": "not in this form", "type": "invalid_request_error"}}
BROKEN = {"error": {"message": "internal", "type": "server_error"}}


class Upstream:
    """`calls` are the bodies of chat completions that came, `headers` those of the last request; `gone` is set when a
    caller left before its answer ended."""

    def __init__(self):
        self.calls, self.headers, self.gone = [], {}, threading.Event()
        chat = Route("/v1/chat/completions", self.chat, methods=["POST"])
        self.app = Starlette(
            routes=[
                chat,
                Route("/v1/models", self.models),
                Route("/{path:path}", self.echo, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    async def models(self, request):
        self.headers = dict(request.headers)
        return JSONResponse({"object": "list", "data": [{"id": "words", "object": "model"}]})

    async def echo(self, request):
        """Any other address: what came, as it came."""
        body = await request.body()
        path = request.scope["raw_path"].decode() + "?" + request.url.query
        return Response(body, headers={"x-path": path, "x-method": request.method, "set-cookie": "a=1"})

    async def chat(self, request: Request):
        self.headers = dict(request.headers)
        raw = await request.body()
        try:
            body = json.loads(gzip.decompress(raw) if "content-encoding" in request.headers else raw)
        except ValueError:
            return Response(b'{"error": "not JSON"', 400, {"content-type": "application/json"})
        self.calls.append(body)
        model = body.get("model")
        if model == "busy":
            return JSONResponse(BUSY, 429, {"retry-after": "7", "x-ratelimit-remaining": "0"})
        if model == "broken":
            return JSONResponse(BROKEN, 500)
        if model and model.startswith("strict-") and (model.endswith("-all") or HEAD.strip() in json.dumps(body)):
            return JSONResponse(REFUSED, int(model.split("-")[1]))
        if model == "mangled":  # says JSON, is none
            return Response(b'{"choices": [{"mess', headers={"content-type": "application/json"})
        words = said(body)
        if not body.get("stream"):
            if model == "patient":
                await wait_for_leaving(request, self.gone)
            return JSONResponse(whole(model, " ".join(words)), headers={"x-request-id": "r1"})
        if model == "cut":
            return Cut([chunk(model, word) for word in words[:2]])
        return Stream(self, model, words)


def said(body):
    """The words of the answer: the last message's own, so that an answer shows whose it is."""
    last = body["messages"][-1]["content"]
    return (last if isinstance(last, str) else json.dumps(last)).split()


def whole(model, text):
    message = {"role": "assistant", "content": text}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def chunk(model, text):
    choice = {"index": 0, "delta": {"content": text + " "}, "finish_reason": None}
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n".encode()


class Stream:
    """Server-sent events, one a word, with the pause (s) that `slow-S` names."""

    def __init__(self, upstream, model, words):
        self.upstream, self.model, self.words = upstream, model, words
        self.pause = float(model.removeprefix("slow-")) if model.startswith("slow-") else 0

    async def __call__(self, scope, receive, send):
        headers = [(b"content-type", b"text/event-stream"), (b"x-request-id", b"r2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        leaving = asyncio.create_task(receive())
        for word in self.words:
            await send({"type": "http.response.body", "body": chunk(self.model, word), "more_body": True})
            done, _ = await asyncio.wait([leaving], timeout=self.pause)
            if done and leaving.result()["type"] == "http.disconnect":
                return self.upstream.gone.set()
        leaving.cancel()
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


class Cut:
    """Begins an answer; as it does not end it, the server drops the connection."""

    def __init__(self, chunks):
        self.chunks = chunks

    async def __call__(self, scope, receive, send):
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for data in self.chunks:
            await send({"type": "http.response.body", "body": data, "more_body": True})
            await asyncio.sleep(0.05)


async def wait_for_leaving(request, gone):
    while not await request.is_disconnected():
        await asyncio.sleep(0.02)
    gone.set()


@contextlib.contextmanager
def running(app):
    """`app` behind a real socket on loopback, in a thread; its address."""
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
            assert thread.is_alive()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
        listener.close()
