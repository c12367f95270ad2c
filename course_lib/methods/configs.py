"""Configurations: frozen dataclasses, checked, and changed only by names that exist."""

import dataclasses
import difflib
import typing
from typing import Any

from course_lib.errors import CourseError, ensure

SHARES = ("average", "beta1", "beta2", "decay_from", "dropout")  # of something: at most 1


def parse(cls: type, pairs: list[str]) -> dict[str, Any]:
    """``["lambda_l1=10", "generator=unet"]`` as typed values of the fields of ``cls``.

    Raises CourseError for a name that is not a field, or a value of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    out = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        ensure(
            equals,
            f"expected key=value, got {pair!r}",
            "--set",
            "write for example --set lambda_l1=10",
        )
        near = difflib.get_close_matches(name, defaults(cls), n=1)
        ensure(
            name in defaults(cls),
            f"unknown setting {name!r}",
            "--set",
            f"did you mean {near[0]}?" if near else "course train METHOD --help lists them",
        )
        out[name] = _value(name, text, hints[name])
    return out


def _value(name: str, text: str, kind: Any) -> Any:
    if choices := typing.get_args(kind):
        kind = type(choices[0])  # build() checks the choice
    if kind is bool and text.lower() in ("true", "1", "yes", "on", "false", "0", "no", "off"):
        return text.lower() in ("true", "1", "yes", "on")
    try:
        return {int: int, float: float, str: str}[kind](text)
    except (KeyError, ValueError):
        raise CourseError(
            f"{name} needs {kind.__name__}, got {text!r}", "--set", f"write {name}=VALUE"
        ) from None


def check(cls: type, values: dict[str, Any]) -> None:
    """Check every choice and range of these settings of ``cls``.

    No number may be negative. Real numbers may be 0 and whole numbers may not, unless their field
    says otherwise (``base.setting``). Raises CourseError that names the setting.
    """
    hints = typing.get_type_hints(cls)
    for name, value in values.items():
        kind = hints.get(name)  # one that does not exist is refused by cls itself
        choices = typing.get_args(kind)
        ensure(
            not choices or value in choices,
            f"{name} cannot be {value!r}",
            name,
            f"choose from {', '.join(map(str, choices))}",
        )
        if kind in (int, float):
            zero_ok = allowed(cls, name) == ">= 0"
            least = "at least" if zero_ok else "above"
            ensure(
                0 <= value < float("inf")
                and (value > 0 or zero_ok)
                and (value <= 1 or name not in SHARES),
                f"{name} must be {least} 0{' and at most 1' * (name in SHARES)}, got {value}",
                name,
                f"write {name}=NUMBER",
            )


def build(cls: type, **values: Any) -> Any:
    """``cls(**values)``, checked."""
    check(cls, values)
    return cls(**values)


def differences(old: dict, new: dict, defaults: dict | None = None) -> list[str]:
    """``name: old -> new`` for each entry that differs.

    What ``old`` does not name yet has its value in ``defaults``.
    """
    old = {name: value for name, value in (defaults or {}).items() if name in new} | old
    names = sorted(old.keys() | new.keys())
    return [f"{n}: {old.get(n)} -> {new.get(n)}" for n in names if old.get(n) != new.get(n)]


def as_dict(config: Any) -> dict[str, Any]:
    return dataclasses.asdict(config)


def defaults(cls: type) -> dict[str, Any]:
    """The default of every setting of a configuration."""
    return {field.name: field.default for field in dataclasses.fields(cls)}


def told(cls: type, name: str) -> dict[str, Any]:
    """What is known of a setting (see ``base.setting``): its own, else what its class inherits."""
    fields = [vars(part).get("__dataclass_fields__", {}) for part in reversed(cls.__mro__)]
    known = {"group": "its own", "meaning": "", "zero": typing.get_type_hints(cls)[name] is float}
    for part in fields:
        known |= part[name].metadata if name in part else {}
    return known


def allowed(cls: type, name: str) -> str:
    """The values that :func:`build` takes for a setting: ``a | b``, or ``> 0``."""
    kind = typing.get_type_hints(cls)[name]
    if choices := typing.get_args(kind):
        return " | ".join(map(str, choices))
    if kind is bool:
        return "True | False"
    return ">= 0" if told(cls, name)["zero"] else "> 0"
