"""A server of Anthropic's Messages API: what it answers is chosen by the test, as one JSON or as a stream of events."""

import hashlib
import json

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

USAGE = {"input_tokens": 7, "output_tokens": 3}
REFUSED = {"type": "error", "error": {"type": "invalid_request_error", "message": "messages: not in this form"}}


class MessagesUpstream:
    """`answer(request)` gives the blocks of a reply, or None to refuse with `status`. `bodies` are the bytes that came,
    `headers` and `query` those of the last. `usage` is told with every reply."""

    def __init__(self, answer, status=400, usage=lambda: USAGE):
        self.answer, self.status, self.usage = answer, status, usage
        self.bodies, self.headers, self.query = [], {}, ""
        self.app = Starlette(
            routes=[
                Route("/v1/messages", self.messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", self.count, methods=["POST"]),
                Route("/{path:path}", self.nothing, methods=["GET", "HEAD", "POST"]),
            ]
        )

    async def nothing(self, request):
        return JSONResponse({}, 404)

    async def count(self, request):
        return Response(await request.body(), media_type="application/json")

    async def messages(self, request):
        self.headers, self.query = dict(request.headers), request.url.query
        self.bodies.append(await request.body())
        body = json.loads(self.bodies[-1])
        blocks = self.answer(body)
        if blocks is None:
            return JSONResponse(REFUSED, self.status)
        reply = whole(body, blocks, self.usage())
        if not body.get("stream"):
            return JSONResponse(reply)
        return StreamingResponse(iter(list(events(reply))), media_type="text/event-stream")


def whole(body, blocks, usage=USAGE):
    calls = any(block["type"] == "tool_use" for block in blocks)
    key = hashlib.blake2b(json.dumps(body["messages"][-1]).encode(), digest_size=8).hexdigest()
    return {
        "id": f"msg_{key}",  # clients join replies of one id
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": blocks,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def events(reply):
    def event(kind, **more):
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()

    yield event("message_start", message=reply | {"content": [], "stop_reason": None})
    for i, block in enumerate(reply["content"]):
        kind = block["type"]
        if kind == "text":
            empty, deltas = {"text": ""}, [{"type": "text_delta", "text": block["text"]}]
        elif kind == "tool_use":
            empty, deltas = {"input": {}}, [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        else:
            empty = {"thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        yield event("content_block_start", index=i, content_block=block | empty)
        for delta in deltas:
            yield event("content_block_delta", index=i, delta=delta)
        yield event("content_block_stop", index=i)
    ended = {"stop_reason": reply["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=ended, usage={"output_tokens": 3})
    yield event("message_stop")
