"""Inputs for an operation, made from botocore's model of it: one that uses everything, and many that must be refused.

Values are those of boto3's arguments, except that times are numbers; `wire.py` writes them as JSON.
"""

import copy
import re
from dataclasses import dataclass

# Characters of which valid texts are made, and texts that break a pattern; the first that fits is taken.
GOOD = ["a", "0", "A", "/", "-", "1"]
BAD = ["!", " ", "a\nb", "\u0001", "\u2603", "x", "%"]
# Texts without a limit are made this long; lists and maps that a row does not give get one item.
UNLIMITED = 64


class NotGiven(Exception):
    """The model does not say enough to make a value: the row has to."""


@dataclass
class Omit:
    """Put in a row in place of a value: the member is left out of the maximal input, for this reason. If there is a code,
    this value is refused with it."""

    reason: str
    value: object = None
    code: str = None


@dataclass
class Case:
    where: str  # Tags[0].Key
    fault: str  # "missing", "too long", …
    input: dict

    def __str__(self):
        return f"{self.where} {self.fault}"


def pattern_of(shape):
    """The shape's pattern for Python, whose engine does not know Unicode's classes."""
    text = shape.metadata.get("pattern")
    if text is None:
        return None
    for name, letters in (("L", "a-zA-Z\u00c0-\u02af"), ("Z", " "), ("N", "0-9")):
        text = text.replace("\\p{%s}" % name, letters)
    return re.compile(text, re.ASCII)


def bounds(shape):
    return shape.metadata.get("min"), shape.metadata.get("max")


def maximal(shape, given, where=""):
    """Every member of the structure: as the row gives it, as large as the model allows otherwise."""
    filled = {}
    for name, member in shape.members.items():
        value = given[name] if name in given else value_for(member, f"{where}{name}")
        if not isinstance(value, Omit):
            filled[name] = value
    return filled


def value_for(shape, where):
    kind = shape.type_name
    if kind == "structure":
        return maximal(shape, {}, f"{where}.")
    if kind == "list":
        return [value_for(shape.member, f"{where}[0]")]
    if kind == "map":
        return {value_for(shape.key, where): value_for(shape.value, where)}
    if kind == "boolean":
        return True
    low, high = bounds(shape)
    if kind in ("integer", "long") and high is not None:
        return high
    if kind == "string":
        if shape.enum:
            return shape.enum[0]
        pattern = pattern_of(shape)
        for letter in GOOD:
            text = letter * (high or max(UNLIMITED, low or 0))
            if pattern is None or pattern.fullmatch(text):
                return text
    raise NotGiven(f"{where} ({kind}): the row must give a value")


def refused(shape, valid):
    """Inputs that differ from a valid one in one place, where they break the model."""
    yield from in_structure(shape, valid, (), valid)


def in_structure(shape, value, path, whole):
    for name in shape.required_members:
        if name in value:
            yield Case(spell(path + (name,)), "missing", without(whole, path + (name,)))
    for name, member in shape.members.items():
        if name in value:
            yield from in_value(member, value[name], path + (name,), whole)


def in_value(shape, value, path, whole):
    kind = shape.type_name
    for fault, wrong in wrong_values(shape, value):
        yield Case(spell(path), fault, replaced(whole, path, wrong))
    if kind == "structure":
        yield from in_structure(shape, value, path, whole)
    elif kind == "list" and value:
        yield from in_value(shape.member, value[0], path + (0,), whole)
    elif kind == "map" and value:
        key = next(iter(value))
        for fault, wrong in wrong_values(shape.key, key):
            if isinstance(wrong, str):
                yield Case(spell(path), f"key {fault}", replaced(whole, path, {wrong: value[key]}))
        yield from in_value(shape.value, value[key], path + (key,), whole)


def other_names(shape, value, path, whole):
    """For each text of a closed set of names, the same input with each other name of the set."""
    kind = shape.type_name
    if kind == "string" and shape.enum:
        for name in shape.enum:
            if name != value:
                yield Case(aws_spelling(path), f"with the name {name}", replaced(whole, path, name))
    elif kind == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from other_names(member, value[name], path + (name,), whole)
    elif kind == "list" and value:
        yield from other_names(shape.member, value[0], path + (0,), whole)


def aws_spelling(path):
    """How AWS's messages name a member: filters.1.member.key."""
    steps = [f"{step + 1}.member" if isinstance(step, int) else step[0].lower() + step[1:] for step in path]
    return ".".join(steps)


WRONG_TYPES = {
    "string": [7, {"x": "y"}],
    "integer": ["five", [1]],
    "long": ["five", [1]],
    "double": ["five", [1]],
    "float": ["five", [1]],
    "boolean": ["perhaps", [True]],
    "timestamp": [{"x": 1}, [1]],
    "blob": [7, ["YQ=="]],
    "list": ["text", {"x": "y"}],
    "map": ["text", ["x"]],
    "structure": ["text", ["x"]],
}


def wrong_values(shape, value):
    kind = shape.type_name
    for wrong in WRONG_TYPES[kind]:
        yield f"of the wrong type ({type(wrong).__name__})", wrong
    low, high = bounds(shape)
    if kind in ("integer", "long"):
        if low is not None:
            yield "too small", low - 1
        if high is not None:
            yield "too large", high + 1
    elif kind == "list":
        if low:
            yield "with too few items", value[: low - 1]
        if high is not None and value:
            yield "with too many items", [value[0]] * (high + 1)
    elif kind == "blob":
        yield "that is no base64", "***"
        if low:
            yield "too short", value[: low - 1]
        if high is not None:
            yield "too long", value + b"x" * (high + 1 - len(value))
    elif kind == "string" and shape.enum:
        yield "with an unknown name", "NoSuchName"
    elif kind == "string":
        if low:
            yield "too short", value[: low - 1]
        if high is not None:
            yield "too long", value + (value or "a")[-1] * (high + 1 - len(value))
        pattern = pattern_of(shape)
        if pattern is not None:
            for bad in BAD:
                text = bad * (low or 1) if len(bad * (low or 1)) <= (high or UNLIMITED) else bad
                if not pattern.fullmatch(text):
                    yield "against the pattern", text
                    break


def spell(path):
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text[1:41]


def replaced(whole, path, value):
    whole = copy.deepcopy(whole)
    parent = whole
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return whole


def without(whole, path):
    whole = copy.deepcopy(whole)
    parent = whole
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    return whole
