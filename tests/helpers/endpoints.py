"""A server on loopback that answers as a chat endpoint does."""

import contextlib
import json
import socket
import threading
import time

import uvicorn

from lrrc.episodes.episode import Check
from lrrc.evaluation.live.agents import Question

KEY = "sk-very-secret-0123456789"


OPTIONS = ("It is 9 euros.", "It is 740 euros.", "It is 12 euros.")


def completion(content, usage=(50, 3)):
    told = usage and {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return 200, {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": told}


class Server:
    """Replies (status, JSON or text) in turn, the last one again and again; `seen` are headers and body of requests."""

    def __init__(self, *replies):
        self.replies, self.seen = list(replies), []

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        self.seen.append(({k.decode(): v.decode() for k, v in scope["headers"]}, json.loads(body), scope["path"]))
        status, content = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        kind, text = ("text/html", content) if isinstance(content, str) else ("application/json", json.dumps(content))
        headers = [(b"content-type", kind.encode()), (b"retry-after-ms", b"5")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


@contextlib.contextmanager
def serving(app):
    """The address of `app`, served on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join(20)


def question(*payload):
    payload = payload or (("user", "What is the budget?"),)
    return Question("e", "model_a", payload, 0, Check(1, "recall", "?", OPTIONS, 1, 0, (0, 0)))
