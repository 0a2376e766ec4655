"""A server of OpenAI's Responses API: what it answers is chosen by the test, as one JSON or as a stream of events."""

import hashlib
import json

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

REFUSED = {
    "error": {"type": "invalid_request_error", "message": "input: not in this form", "code": None, "param": None}
}

USAGE = {
    "input_tokens": 7,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 10,
}


class ResponsesUpstream:
    """`answer(request)` gives the items of a reply, or None to refuse with `status`. `bodies` are the bytes that came,
    `headers` and `query` those of the last; `usage` is told with every reply. Over a WebSocket every message is
    answered by one that says it again."""

    def __init__(self, answer, status=400, usage=lambda: USAGE):
        self.answer, self.status, self.usage = answer, status, usage
        self.bodies, self.headers, self.query = [], {}, ""
        self.app = Starlette(
            routes=[
                Route("/v1/responses", self.responses, methods=["POST"]),
                Route("/v1/responses/compact", self.compact, methods=["POST"]),
                WebSocketRoute("/v1/responses", self.talk),
                Route("/{path:path}", self.nothing, methods=["GET", "HEAD", "POST"]),
            ]
        )

    async def nothing(self, request):
        return JSONResponse({}, 404)

    async def compact(self, request):
        return Response(await request.body(), media_type="application/json")

    async def talk(self, socket):
        if "refuse" in socket.url.query:
            return await socket.close()
        self.headers, self.query = dict(socket.headers), socket.url.query
        asked = socket.headers.get("sec-websocket-protocol")
        await socket.accept(asked and asked.split(",")[-1].strip())
        async for message in socket.iter_text():
            if message == "end":
                return await socket.close(4001, "the end")
            await (socket.send_bytes(message.encode()) if message == "bytes" else socket.send_text(f"again: {message}"))

    async def responses(self, request):
        self.headers, self.query = dict(request.headers), request.url.query
        self.bodies.append(await request.body())
        body = json.loads(self.bodies[-1])
        items = self.answer(body)
        if items is None:
            return JSONResponse(REFUSED, self.status)
        reply = whole(body, items, self.usage())
        if not body.get("stream"):
            return JSONResponse(reply)
        return StreamingResponse(iter(list(events(reply))), media_type="text/event-stream")


def whole(body, items, usage=USAGE):
    key = hashlib.blake2b(json.dumps(body["input"][-1]).encode(), digest_size=8).hexdigest()
    return {
        "id": f"resp_{key}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": body["model"],
        "output": [{"id": f"item_{key}_{i}", "status": "completed"} | item for i, item in enumerate(items)],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }


def events(reply):
    number = 0

    def event(kind, **more):
        nonlocal number
        number += 1
        return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': number, **more})}\n\n".encode()

    begun = reply | {"output": [], "status": "in_progress", "usage": None}
    yield event("response.created", response=begun)
    for i, item in enumerate(reply["output"]):
        key = {"item_id": item["id"], "output_index": i}
        if item["type"] == "message":
            yield event("response.output_item.added", output_index=i, item=item | {"content": []})
            for n, part in enumerate(item["content"]):
                place = {**key, "content_index": n}
                yield event("response.content_part.added", **place, part=part | {"text": ""})
                yield event("response.output_text.delta", **place, delta=part["text"], logprobs=[])
                yield event("response.output_text.done", **place, text=part["text"], logprobs=[])
                yield event("response.content_part.done", **place, part=part)
        else:
            yield event("response.output_item.added", output_index=i, item=item)
        yield event("response.output_item.done", output_index=i, item=item)
    yield event("response.completed", response=reply)
