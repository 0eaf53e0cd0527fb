"""Whether an answer is what botocore's model says: strictly, where botocore itself reads over what it does not know."""

import base64
import binascii

from generate import bounds, pattern_of

TYPES = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float),
    "blob": str,
    "list": list,
    "map": dict,
    "structure": dict,
}


def faults(shape, value, where="the answer"):
    """A sentence for each thing in `value`, as it came over the wire, that the model does not allow."""
    kind = shape.type_name
    is_flag = isinstance(value, bool)
    if not isinstance(value, TYPES[kind]) or (is_flag and kind != "boolean"):
        yield f"{where} is {type(value).__name__} and should be {kind}"
        return
    low, high = bounds(shape)
    if kind == "structure":
        for name in value.keys() - shape.members.keys():
            yield f"{where} has a member {name}, which the model does not know"
        for name in shape.required_members:
            if name not in value:
                yield f"{where} lacks {name}"
        for name, member in shape.members.items():
            if name in value:
                yield from faults(member, value[name], f"{where}.{name}")
    elif kind == "list":
        for at, item in enumerate(value):
            yield from faults(shape.member, item, f"{where}[{at}]")
    elif kind == "map":
        for key, item in value.items():
            yield from faults(shape.key, key, f"{where}'s key {key}")
            yield from faults(shape.value, item, f"{where}.{key}")
    elif kind == "blob":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            yield f"{where} is no base64"
        return
    elif kind == "string":
        pattern = pattern_of(shape)
        if shape.enum and value not in shape.enum:
            yield f"{where} is {value!r} and should be one of {shape.enum}"
        elif pattern is not None and not pattern.fullmatch(value):
            yield f"{where} is {value[:80]!r} and should match {pattern.pattern}"
    size = len(value) if kind in ("string", "list", "map") else value
    if kind in ("string", "list", "map", "integer", "long"):
        if low is not None and size < low:
            yield f"{where} is below its minimum of {low}"
        if high is not None and size > high:
            yield f"{where} is above its maximum of {high}"
