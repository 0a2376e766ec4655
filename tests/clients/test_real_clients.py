"""Codex and Claude Code through the proxy: the same work done, for less."""

import json
import traceback
from dataclasses import dataclass, field

import pytest
from helpers import anthropic_upstream, log_task, real_clients, responses_upstream, strict_anthropic, strict_openai
from helpers.upstreams import running

from lrrc.digest.rendering import HEAD
from lrrc.middleware import Coordinator
from lrrc.middleware.anthropic_messages import _Reading as Blocks
from lrrc.middleware.openai_responses import role_of, text_of
from lrrc.middleware.proxy.app import create_app
from lrrc.pretrained import tokens

READ, WRITE = 0.1, 1.25  # prices of a prompt token that the cache has, and of one that it is to have
TURNS = log_task.turns_of(32, 4)
SENTENCES = 70


@dataclass
class Model:
    """`refused` are the prompts that an API would not take, `prompts` those of the task, each as [(bytes, tokens)] of
    what it is made of, in order."""

    thinking: bool
    refused: list = field(default_factory=list)
    prompts: list = field(default_factory=list)

    def last(self):
        """(tokens that the cache had, tokens that it is to have) of the last prompt."""
        return shared(*[[], [], *self.prompts][-2:])

    def answer(self, body):
        """None where an API would refuse the prompt, or where the model itself is at a loss."""
        try:
            return self.reply(body)
        except Exception:
            self.refused.append(traceback.format_exc())
            return None


class Anthropic(Model):
    """Claude Code's."""

    def reply(self, body):
        if "Bash" not in [tool.get("name") for tool in body.get("tools") or ()]:
            return [{"type": "text", "text": '{"isNewTopic": true, "title": "The log"}'}]
        messages = body["messages"]
        self.refused += strict_anthropic.refusals(body).values()
        plain = [strict_anthropic.plain(message) for message in messages]
        self.prompts.append([json.dumps(part) for part in (body["tools"], unmarked(body["system"]), *plain)])
        step = log_task.next_step(list(self.said(messages)))
        thoughts = []
        if self.thinking:
            assert body["thinking"]["type"] in ("enabled", "adaptive")
            thoughts = [{"type": "thinking", "thinking": "On.", "signature": strict_anthropic.signature(messages)}]
        if step is None:
            return [*thoughts, {"type": "text", "text": log_task.DONE}]
        key = f"toolu_{len(self.prompts):05}"
        given = {"command": step, "description": "Reads on"}
        return [*thoughts, {"type": "tool_use", "id": key, "name": "Bash", "input": given}]

    def usage(self):
        cached, fresh = self.last()
        told = {"cache_read_input_tokens": cached, "cache_creation_input_tokens": fresh}
        return {"input_tokens": 0, **told, "output_tokens": 30}

    def said(self, messages):
        for message in messages:
            for block in strict_anthropic.blocks(message):
                found = Blocks()
                found.take(block)
                yield "tool" if block["type"] == "tool_result" else message["role"], "\n".join(found.texts)


def unmarked(system):
    """Without marks, and without the hash of the call that Claude Code puts before its system prompt."""
    texts = [block["text"] for block in system]
    return [text for text in texts if not text.startswith("x-anthropic-billing-header")]


class OpenAI(Model):
    """Codex's."""

    def reply(self, body):
        items = body["input"]
        self.refused += strict_openai.refusals(body).values()
        self.prompts.append([json.dumps(part) for part in (body.get("tools"), body.get("instructions"), *items)])
        step = log_task.next_step([(role_of(item), text_of(item)) for item in items])
        n = len(self.prompts)
        thoughts = []
        if self.thinking:
            thoughts = [
                {"type": "reasoning", "id": f"rs_{n:05}", "summary": [], "encrypted_content": f"sealed rs_{n:05}"}
            ]
        if step is None:
            said = [{"type": "output_text", "text": log_task.DONE, "annotations": []}]
            return [*thoughts, {"type": "message", "role": "assistant", "content": said}]
        key = f"call_{n:05}" + (f"_of_rs_{n:05}" if thoughts else "")
        given = json.dumps({"cmd": step})
        return [*thoughts, {"type": "function_call", "call_id": key, "name": "exec_command", "arguments": given}]

    def usage(self):
        cached, fresh = self.last()
        told = {"input_tokens": cached + fresh, "input_tokens_details": {"cached_tokens": cached}}
        return responses_upstream.USAGE | told | {"total_tokens": cached + fresh + 3}


CLIENTS = {
    "claude": (real_clients.claude, Anthropic, anthropic_upstream.MessagesUpstream),
    "codex": (real_clients.codex, OpenAI, responses_upstream.ResponsesUpstream),
}


def shared(before, prompt):
    """Tokens of what a prompt has in common with the one before it, whole messages, and of the rest."""
    same = 0
    while same < min(len(prompt), len(before)) and prompt[same] == before[same]:
        same += 1
    return sum(map(tokens.count, prompt[:same])), sum(map(tokens.count, prompt[same:]))


def bill(prompts):
    """By the table: what a prompt has in common with the one before is read from the cache, the rest written to it."""
    parts = [shared(before, prompt) for before, prompt in zip([[], *prompts], prompts, strict=False)]
    return sum(READ * cached + WRITE * fresh for cached, fresh in parts)


def total(prompts):
    return sum(tokens.count(part) for prompt in prompts for part in prompt)


@pytest.mark.clients
@pytest.mark.parametrize("thinking", [False, True], ids=["", "thinking"])
@pytest.mark.parametrize("client", CLIENTS)
def test_the_same_work_for_less(client, thinking, tmp_path):
    drive, kind, server = CLIENTS[client]
    real_clients.binary(client)
    models, reports, receipts = {}, {}, []
    for way in ("straight", "proxy"):
        folder = tmp_path / way
        log_task.make_repository(folder, TURNS, SENTENCES)
        model = models[way] = kind(thinking)
        with running(server(model.answer, usage=model.usage).app) as address:
            asked = [turn.asked for turn in TURNS]
            if way == "straight":
                drive(address, folder, tmp_path / f"home-{way}", asked, thinking)
            else:
                coordinator = Coordinator(on_receipt=receipts.append)
                with running(create_app(coordinator, {None: f"{address}/v1"})) as proxy:
                    drive(proxy, folder, tmp_path / f"home-{way}", asked, thinking)
        assert not model.refused, model.refused[:3]
        reports[way] = (folder / "report.txt").read_text()
        assert log_task.git(folder, "status", "--short") == "?? report.txt\n"
    assert reports["straight"] == reports["proxy"] == log_task.report_of(TURNS)
    straight, proxied = models["straight"].prompts, models["proxy"].prompts
    assert len(straight) == len(proxied) >= 30 and sum(map(tokens.count, straight[-1])) > 60_000
    main = [receipt for receipt in receipts if receipt.tokens_before > 5000]  # not those that name a session
    assert len(main) == len(proxied)
    rewritten = [receipt.action == "rewritten" for receipt in main]
    for before, now, anew in zip(proxied, proxied[1:], rewritten[1:], strict=False):
        assert anew or now[: len(before)] == before
    assert any(HEAD.strip() in part for prompt in proxied for part in prompt)
    costs, sizes = [[each(prompts) for prompts in (straight, proxied)] for each in (bill, total)]
    saved = 1 - costs[1] / costs[0]
    print(f"\n{client}, thinking: {thinking}; {len(proxied)} calls, {sum(rewritten)} digests; tokens {sizes[0]:,} to")
    print(f"{sizes[1]:,}, bill {costs[0]:,.0f} to {costs[1]:,.0f}, saved {saved:.1%}")
    assert saved >= 0.25
