"""Values of JSON and YAML as the types that a dataclass declares."""

from __future__ import annotations

import contextlib
import dataclasses
import types
import typing
from typing import Any

from lrrc.runtime.files import shortened


def _check(ok: bool, key: str, value: object, allowed: str) -> None:
    if not ok:
        name = key if key.isprintable() else repr(key)  # the message stays one line
        raise ValueError(f"params: {name} = {shortened(value)}: allowed is {allowed}")


def typed(value: Any, kind: Any, key: str) -> Any:
    """`value` as `kind` (an annotation of the dataclasses above). Raises ValueError that names `key`."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
        return typed(value, kind, key)
    if dataclasses.is_dataclass(kind):
        return _section(kind, value, key + ".")
    if origin is tuple:
        _check(isinstance(value, list), key, value, "a list")
        return tuple(typed(item, typing.get_args(kind)[0], key) for item in value)
    if origin is dict:
        _check(isinstance(value, dict), key, value, "a mapping")
        return dict(value)
    if kind is float and isinstance(value, str):  # YAML 1.1 reads 1e-4 as text
        with contextlib.suppress(ValueError):
            value = float(value)
    if kind is bytes:  # as JSON holds them
        with contextlib.suppress(TypeError, ValueError):
            return bytes.fromhex(value)
    names = {bytes: "hex digits", int: "an integer", float: "a number", str: "a text", bool: "true or false"}
    right = isinstance(value, (int, float) if kind is float else kind) and (kind is bool) == isinstance(value, bool)
    _check(right, key, value, names[kind])
    if kind is float:
        _check(abs(value) < 1e300, key, value, "a finite number")  # NaN fails it too
    return kind(value)


def _section(kind: type, values: Any, prefix: str) -> Any:
    _check(isinstance(values, dict), prefix.rstrip(".") or "file", values, "a mapping of keys to values")
    hints = typing.get_type_hints(kind)
    for key in values:
        _check(key in hints, prefix + str(key), values[key], f"no such key; known are {', '.join(hints)}")
    for key in hints:
        if key not in values:
            raise ValueError(f"params: {prefix}{key} is missing")
    return kind(**{key: typed(values[key], hint, prefix + key) for key, hint in hints.items()})
