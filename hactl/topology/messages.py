"""What pydantic found wrong -> complaints an operator can act on, each with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from hactl.suggest import did_you_mean, one_of
from hactl.topology.jsonschema import keys_at, kinds_at
from hactl.topology.units import shown
from hactl.topology.yaml.loader import Complaint
from hactl.topology.yaml.positions import Branch, Step, holds, line_of

Error = Mapping[str, Any]

# Keys that other tools, or earlier drafts, would write here.
MOVED = {
    "rootfs": "write path: the directory that holds the container's config",
    "vcpus": "did you mean 'cpus'?",
    "interfaces": "did you mean 'nics'?",
    "uplinks": "did you mean 'ports'?",
    "ports": "did you mean 'uplinks'?",
    "trunks": "did you mean 'vlans'?",
    "tag": "did you mean 'vlan'?",
    "vms": "did you mean 'guests'?",
}


def complaints(root: Branch | None, error: ValidationError) -> list[Complaint]:
    """Return one complaint for each thing that pydantic found."""
    return [complaint(root, found) for found in error.errors(include_url=False)]


def complaint(root: Branch | None, error: Error) -> Complaint:
    path = document_path(root, error["loc"])
    if error["type"] == "union_tag_invalid":
        path = (*path, "kind")
    # The kinds that pydantic has put into the path say which keys are possible.
    message, hint = describe(error, path, [step for step in error["loc"] if step not in path])
    return Complaint(line_of(root, path), path, message, hint)


def document_path(root: Branch | None, loc: Sequence[Step]) -> tuple[Step, ...]:
    """Return ``loc`` without what pydantic adds to it: the kinds of unions, and ``[key]``."""
    path: list[Step] = []
    steps = [step for step in loc if step != "[key]"]
    for step in steps[:-1]:
        # A problem is inside a mapping or list that is there: a step that is none is a kind.
        if holds(root, [*path, step]):
            path.append(step)
    return (*path, *steps[-1:])


def describe(error: Error, path: Sequence[Step], kinds: Sequence[Step]) -> tuple[str, str]:
    """Return what is wrong and how to mend it."""
    context = error.get("ctx", {})
    match error["type"]:
        case "wrong":
            return context["message"], context["hint"]
        case "missing":
            return "is missing", f"add {path[-1]}:"
        case "extra_forbidden":
            return unknown_key(path, kinds)
        case "union_tag_invalid" | "union_tag_not_found":
            return wrong_kind(error, path)
    return MESSAGES.get(error["type"], fallback)(error)


def unknown_key(path: Sequence[Step], kinds: Sequence[Step]) -> tuple[str, str]:
    key = str(path[-1])
    known = keys_at(path[:-1], kinds)
    suggestion = MOVED.get(key) or did_you_mean(key, known, f"known keys: {one_of(known, 30)}")
    return "unknown key", suggestion


def wrong_kind(error: Error, path: Sequence[Step]) -> tuple[str, str]:
    tag = error["ctx"].get("tag")
    kinds = kinds_at(path if tag is None else path[:-1])
    listed = ", ".join(kinds[:-1]) + f" or {kinds[-1]}"
    if tag is None:
        return "has no kind", f"add kind: {listed}"
    return f"{shown(tag)} is not a kind that this hactl knows", did_you_mean(
        str(tag), kinds, f"write {listed}"
    )


def expects(what: str, hint: str = "") -> Callable[[Error], tuple[str, str]]:
    def say(error: Error) -> tuple[str, str]:
        if error["input"] is None:
            return "has no value", hint or f"write {what}"
        return f"{shown(error['input'])} is not {what}", hint or f"write {what}"

    return say


def literal(error: Error) -> tuple[str, str]:
    choices = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
    return f"{shown(error['input'])} is not possible here", f"write one of {choices}"


def limit(word: str, key: str) -> Callable[[Error], tuple[str, str]]:
    def say(error: Error) -> tuple[str, str]:
        bound = error["ctx"][key]
        return f"{shown(error['input'])} is {word} {bound}", "write a number within the range"

    return say


def too_short(_error: Error) -> tuple[str, str]:
    return "is empty", "write at least one entry, or remove the key"


def too_long(error: Error) -> tuple[str, str]:
    context = error["ctx"]
    return f"has more than {context['max_length']} entries", "remove some"


def fallback(error: Error) -> tuple[str, str]:
    return f"{shown(error['input'])}: {error['msg'].lower()}", "see the reference of this key"


MAPPING = expects("a mapping", "write keys below it, indented, or {key: value}")
MESSAGES: dict[str, Callable[[Error], tuple[str, str]]] = {
    "int_type": expects("a whole number"),
    "int_from_float": expects("a whole number"),
    "int_parsing_size": expects("a number that small"),
    "float_type": expects("a number"),
    "bool_type": expects("true or false", "write true or false, without quotes"),
    "string_type": expects("text"),
    "list_type": expects("a list", "write it like [a, b]"),
    "dict_type": MAPPING,
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "literal_error": literal,
    "greater_than_equal": limit("less than", "ge"),
    "less_than_equal": limit("more than", "le"),
    "multiple_of": expects("a multiple of 4096"),
    "less_than": limit("not below", "lt"),
    "greater_than": limit("not above", "gt"),
    "too_short": too_short,
    "too_long": too_long,
}


def dotted(path: Sequence[Step]) -> str:
    """Spell a path as ``guests.web1.nics[0].mac``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else str(step)
    return text
