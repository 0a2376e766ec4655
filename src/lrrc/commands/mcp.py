"""`lrrc mcp`: what an agent behind `lrrc serve` may ask the proxy, as tools of the Model Context Protocol.

    claude mcp add lrrc -- lrrc mcp
    codex mcp add lrrc -- lrrc mcp

With `lrrc serve --recall`, digests end with a hint at lrrc_recall wherever a request has it. A client lists its tools
from a conversation's first request on, so the provider's cached prefix holds.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from lrrc.runtime.urls import check_base_url


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--proxy",
        metavar="URL",
        default="http://127.0.0.1:8080",
        help="address of `lrrc serve` (default http://127.0.0.1:8080)",
    )
    parser.add_argument("--token", help="the proxy's token, where it has one; better set as LRRC_TOKEN")


def run(args: argparse.Namespace) -> int:
    try:
        from mcp.server import MCPServer  # noqa: F401
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'lrrc[mcp]'") from None
    url = check_base_url(args.proxy, "--proxy", "the environment variable LRRC_TOKEN")
    make_server(url, args.token or os.environ.get("LRRC_TOKEN")).run("stdio")
    return 0


def make_server(url: str, token: str | None = None) -> Any:
    """The MCP server over the proxy at `url`."""
    import httpx2
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    server = MCPServer(
        "lrrc", instructions="Long conversations reach you shortened; ask lrrc_recall for what is missing."
    )
    client = httpx2.AsyncClient(
        base_url=url, headers={"x-lrrc-token": token} if token else {}, timeout=60, trust_env=False
    )

    async def asked(method: str, path: str, **options: Any) -> dict[str, Any]:
        """The proxy's answer; a refusal, or that there is none, becomes an error in its words."""
        try:
            reply = await client.request(method, path, headers={"accept": "application/json"}, **options)
            found = reply.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ToolError(f"no answer from lrrc serve at {url} ({type(error).__name__})") from None
        if reply.is_error:
            raise ToolError(found["error"]["message"] if "error" in found else f"status {reply.status_code}")
        return found

    @server.tool()
    async def lrrc_recall(conversation: str, query: str) -> str:
        """Ask for what was said earlier in a conversation and does not stand in it any more: files read, results of
        tools, decisions. Give the conversation as the excerpt names it, and say in a few words what you look for. The
        answer quotes what was said."""
        return (await asked("POST", "/recall", json={"conversation": conversation, "query": query}))["text"]

    @server.tool()
    async def lrrc_compress(request: dict[str, Any]) -> dict[str, Any]:
        """Shorten a whole request of OpenAI's chat completions or Responses, or of Anthropic's Messages: gives the
        payload to send instead, and its receipt."""
        return await asked("POST", "/v1/compress", json=request)

    @server.tool()
    async def lrrc_stats() -> dict[str, Any]:
        """What the proxy has saved so far: tokens, and the bill by agent and model."""
        found = await asked("GET", "/stats")
        return {key: found[key] for key in ("tokens", "billed", "requests")}

    return server
