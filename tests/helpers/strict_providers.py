"""Providers that refuse what the strictest are known to refuse, each by one rule: `PROVIDERS[name](messages, body)`
raises Refused, or TemplateError for chat templates that raise as those of models do. Types and orders are also checked
by the packages that the makers ship."""

from __future__ import annotations

import json

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import MistralRequestValidator
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter, ValidationError

from helpers.refusals import Refused

# chat templates, in the style of the models' own: what they raise for is what servers answer 400 to
GEMMA = """
{%- if messages[0].role == 'system' %}{{ raise_exception('there is no system role') }}{% endif %}
{%- for m in messages %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}
{% if m.content is string %}{{ m.content | trim }}
{%- else %}{% for p in m.content or [] %}{{ p.text or '<image>' }}{% endfor %}{% endif %}<end_of_turn>
{% endfor %}"""
LLAMA_2 = """
{%- if messages[0].role == 'system' %}{% set rest, said = messages[1:], messages[0].content %}
{%- else %}{% set rest, said = messages, '' %}{% endif %}
{%- for m in rest %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
{%- if m.role == 'user' %}[INST] {{ said if loop.first }}{{ m.content }} [/INST]
{%- elif m.role == 'assistant' %} {{ m.content }} </s>
{%- else %}{{ raise_exception('only user and assistant roles are supported') }}{% endif %}
{%- endfor %}"""
MISTRAL = """
{%- if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}
{%- set ns = namespace(spoken=0, before='') %}
{%- for m in rest %}
{%- if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}
{%- if (m.role == 'user') != (ns.spoken % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
{%- set ns.spoken = ns.spoken + 1 %}
{%- elif m.role == 'tool' and ns.before not in ('calls', 'tool') %}{{ raise_exception('a result without its call') }}
{%- elif m.role not in ('assistant', 'tool') %}{{ raise_exception('an unknown role') }}
{%- endif %}
{%- set ns.before = 'calls' if m.tool_calls else m.role %}[{{ m.role }}] {{ m.content }}
{%- endfor %}"""
SYSTEM_FIRST = """
{%- for m in messages %}
{%- if m.role == 'system' and not loop.first %}{{ raise_exception('the system message must come first') }}{% endif %}
<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{%- endfor %}"""
TEMPLATES = {"gemma": GEMMA, "llama-2": LLAMA_2, "mistral": MISTRAL, "system first": SYSTEM_FIRST}
TYPES = TypeAdapter(list[ChatCompletionMessageParam])


def _raise(reason):
    raise jinja2.TemplateError(reason)


_environment = ImmutableSandboxedEnvironment(undefined=jinja2.ChainableUndefined)
_environment.globals["raise_exception"] = _raise
_compiled = {name: _environment.from_string(text) for name, text in TEMPLATES.items()}


def results_behind_calls(messages, body):
    """OpenAI and most others."""
    waiting = []
    for i, message in enumerate(messages):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                raise Refused(f"messages[{i}]: a result without its call")
            waiting.remove(message["tool_call_id"])
        elif waiting:
            raise Refused(f"messages[{i}]: comes before the results of {waiting}")
        else:
            waiting = [call["id"] for call in message.get("tool_calls") or []]
    if waiting:
        raise Refused(f"no results of {waiting}")


def no_names(messages, body):
    """Groq, Mistral."""
    if any(message["role"] == "user" and "name" in message for message in messages):
        raise Refused("name")


def word_of_json(messages, body):
    """OpenAI, DeepSeek and DashScope in JSON mode."""
    if body.get("response_format") and "json" not in json.dumps([m.get("content") for m in messages]).lower():
        raise Refused("no message says JSON")


def user_first_and_filled(messages, body):
    """Anthropic's rules for what comes over a compatible address: no empty texts, four cache marks at most."""
    spoken = [message for message in messages if message["role"] != "system"]
    if not spoken or spoken[0]["role"] != "user":
        raise Refused("the first message must be the user's")
    if any(not message.get("content") and not message.get("tool_calls") for message in spoken):
        raise Refused("an empty text")
    if json.dumps(messages).count('"cache_control"') > 4:
        raise Refused("more than four cache marks")


def typed(messages, body):
    """The request's types in OpenAI's own package."""
    try:
        for message in TYPES.validate_python(messages):
            for parts in (message.get("content"), message.get("tool_calls")):
                list(parts or ())  # read only now
    except ValidationError as error:
        raise Refused(str(error)) from None


def mistral_common(messages, body):
    """Mistral's own request types and its validator, but for the length of ids."""
    try:
        last = messages[-1]["role"] == "assistant" and not messages[-1].get("tool_calls")
        request = ChatCompletionRequest.from_openai(messages, continue_final_message=last, model="m")
        MistralRequestValidator().validate_request(request)
    except (MistralCommonException, ValueError) as error:  # pydantic's are ValueErrors
        raise Refused(str(error)) from None


def template(name):
    def rendered(messages, body):
        _compiled[name].render(messages=messages)

    return rendered


PROVIDERS = {
    **{rule.__name__: rule for rule in (results_behind_calls, no_names, word_of_json, user_first_and_filled, typed)},
    "mistral_common": mistral_common,
    **{name: template(name) for name in TEMPLATES},
}


def refusal(name, messages, body):
    """Why that provider refuses the messages, or None."""
    try:
        PROVIDERS[name](messages, body)
    except (Refused, jinja2.TemplateError) as error:
        return str(error)
    return None
