"""Values from files and users, checked by pydantic: strict types, no unknown keys, and mistakes told in one line."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, ValidationError, WrapValidator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from lrrc.runtime.files import shortened

T = TypeVar("T")
RULES = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, val_json_bytes="hex")
UNKNOWN = ("unexpected_keyword_argument", "invalid_key", "extra_forbidden")
NAMES = {  # what pydantic expected -> what is allowed
    "bool_type": "true or false",
    "bytes_type": "hex digits",
    "dataclass_type": "a mapping of keys to values",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "an integer",
    "string_type": "a text",
    "tuple_type": "a list",
}


def checked(kind: type[T]) -> type[T]:
    """The class as a frozen dataclass whose values are checked; a ValidationError says what is wrong."""

    def schema(cls: type, source: Any, handler: Callable[[Any], Any]) -> Any:
        return handler(source) | {"strict": False}  # the section itself may come as a mapping, its values stay strict

    kind.__get_pydantic_core_schema__ = classmethod(schema)
    return dataclass(frozen=True, config=RULES)(kind)


def told_as(name: str) -> Callable[[type[T]], type[T]]:
    """Above `checked`, for a class that users make: its constructor raises a ValueError of one line."""

    def change(kind: type[T]) -> type[T]:
        init = kind.__init__

        @functools.wraps(init)
        def one_line_init(self: T, *args: Any, **values: Any) -> None:
            try:
                init(self, *args, **values)
            except ValidationError as error:
                raise ValueError(f"{name}: {one_line(error, kind)}") from None

        kind.__init__ = one_line_init
        return kind

    return change


def allowed(what: str) -> WrapValidator:
    """Put last in an Annotated type: any mistake in such a value is told as "allowed is `what`"."""

    def check(value: Any, inner: Callable[[Any], Any]) -> Any:
        try:
            return inner(value)
        except ValidationError:
            raise PydanticCustomError("allowed", "{what}", {"what": what}) from None

    return WrapValidator(check)


def require(right: bool, key: str, value: Any, what: str) -> None:
    """For what hangs on more than one value, in `__post_init__` of a checked class. Raises ValueError."""
    if not right:
        raise ValueError(f"{_printable(key)} = {shortened(value)}: allowed is {what}")


def refused(error: ValidationError, kind: type | None = None) -> tuple[list[str], str]:
    """The keys that lead to a mistake, and what it is; `kind` is the checked class, where known keys are to be listed.

    An unknown key goes first: it may be a known one misspelt, which is then missing too.
    """
    found = min(error.errors(include_url=False), key=lambda each: each["type"] not in UNKNOWN)
    type_, value, context = found["type"], found["input"], found.get("ctx", {})
    keys = [_printable(key) for key in found["loc"] if isinstance(key, str)]
    if type_ == "value_error":  # by `require`, which names the key
        return [*keys, str(context["error"])], ""
    if type_ == "json_invalid":
        return [found["msg"]], ""
    if type_ == "missing":
        return keys, " is missing"
    if type_ in UNKNOWN:
        what = "no such key"
        for key in found["loc"][:-1]:
            kind = kind and getattr(kind, "__pydantic_fields__", {}).get(key)
            kind = kind and kind.annotation
        if known := getattr(kind, "__pydantic_fields__", {}):
            what += f"; known are {', '.join(known)}"
        keys = keys if type_ != "invalid_key" else [*keys, shortened(value)]
    elif type_ == "literal_error":
        what = "one of " + context["expected"].replace("' or '", ", ").replace("'", "")
    else:
        what = context.get("what") or NAMES.get(type_) or found["msg"].removeprefix("Input should be ")
    return keys or ["file"], f" = {shortened(value)}: allowed is {what}"


def one_line(error: ValidationError, kind: type | None = None) -> str:
    """`section.key = value: allowed is ...`."""
    keys, what = refused(error, kind)
    return ".".join(keys) + what


def _printable(key: str) -> str:
    return key if key.isprintable() else repr(key)


def _number(value: Any) -> Any:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return float(value)
    return value


Listed = Annotated[tuple[T, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]
Number = Annotated[float, BeforeValidator(_number)]  # YAML 1.1 reads 1e-4 as text
