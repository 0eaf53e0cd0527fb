"""Calls each operation that the service lists with inputs made from botocore's own models, good and bad ones, and checks
answers, codes and statuses against them, and that what was refused changed nothing.

    walk.py OPERATIONS NODE DATABASE

OPERATIONS is a JSON list of [service, operation]. One line a check; failures once more at the end; then one line
`walked<TAB>service.Operation<TAB>passed|failed` for each operation.
"""

import json
import re
import sys
import traceback

from botocore import xform_name
from botocore.exceptions import ClientError, UnknownServiceError

import rows_ssm  # noqa: F401  (fills ROWS, as the next)
import rows_documents  # noqa: F401
import rows_kms  # noqa: F401
import rows_logs  # noqa: F401
import rows_cloudtrail  # noqa: F401
from generate import Case, Omit, maximal, other_names, refused
from rows import ROWS, UNPUBLISHED
from shape import faults
from world import World

# What AWS answers to any operation (public API reference, "Common errors"), as far as these inputs can cause it.
WRONG_TYPE = {"SerializationException"}
BROKEN_CONSTRAINT = {"ValidationException"}
BAD_TOKEN = {"InvalidNextToken", "InvalidNextTokenException", "InvalidMarkerException", "InvalidParameterException"}
INDEX = re.compile(r"\[[0-9]+\]")
REQUEST_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Walk:
    def __init__(self, world):
        self.world = world
        self.operation = None
        self.checks = 0
        self.failures = []

    def check(self, what, problems):
        """One check and what is wrong, if anything. Items of one list that are wrong in the same way are one problem."""
        self.checks += 1
        line = f"{self.operation}: {what}"
        for problem in dict.fromkeys(INDEX.sub("[]", problem) for problem in problems):
            self.failures.append((self.operation, f"{line}: {problem}"))
        print(f"{'FAIL' if problems else 'ok  '} {line}")

    # --- what must be refused

    def refusals(self, service, name):
        model = self.world.model(service).operation_model(name)
        row = ROWS[self.operation]
        base = maximal(model.input_shape, row.base(self.world))
        inputs = [(describe, build(self.world), code) for describe, build, code in row.refusals]
        for member, value in row.maximal(self.world).items():
            if isinstance(value, Omit) and value.code:
                inputs.append((f"{member}: {value.reason}", {**base, member: value.value}, value.code))
        before = self.world.stored()
        tolerated = set()
        for case in [*refused(model.input_shape, base), *self.bad_tokens(service, name, base)]:
            answer = self.world.wire.call(self.world.model(service), name, case.input)
            key = (case.where, case.fault)
            if key in row.tolerates and answer.status == 200:
                tolerated.add(key)
                continue
            self.check(case, self.refusal_problems(model, answer, self.expected_codes(model, row, case)))
        if stale := row.tolerates.keys() - tolerated:
            self.check("what the row tolerates", [f"{where} {fault} is refused" for where, fault in stale])
        for describe, input, code in inputs:
            answer = self.world.wire.call(self.world.model(service), name, input)
            self.check(describe, self.refusal_problems(model, answer, {code}))
        self.check("what was refused changed nothing", list(changes(before, self.world.stored())))

    def bad_tokens(self, service, name, base):
        pagination = self.pagination(service, name)
        if pagination:
            token = pagination["input_token"]
            for text in ("garbage", "A" * 64, "\u2603"):
                yield Case(token, f"that is garbage ({text[:8]})", {**base, token: text})

    def pagination(self, service, name):
        client = self.world.client(service)
        if not client.can_paginate(xform_name(name)):
            return None
        config = client.get_paginator(xform_name(name))._pagination_cfg
        return config if isinstance(config["input_token"], str) else None

    def expected_codes(self, model, row, case):
        listed = {shape.name for shape in model.error_shapes} | row.codes.keys()
        if "wrong type" in case.fault or "no base64" in case.fault:
            return WRONG_TYPE
        if "garbage" in case.fault:
            has_pattern = "pattern" in model.input_shape.members[case.where].metadata
            return BAD_TOKEN & listed | (BROKEN_CONSTRAINT if has_pattern else set())
        return BROKEN_CONSTRAINT | listed - {"InternalServerError"}

    def refusal_problems(self, model, answer, codes):
        problems = common_problems(answer)
        if answer.code not in codes:
            return problems + [f"{answer.status} {json.dumps(answer.body)[:200]}; expected {sorted(codes)}"]
        status = 400
        for shape in model.error_shapes:
            if shape.name == answer.code:
                status = shape.metadata.get("error", {}).get("httpStatusCode", 400)
                body = {name: value for name, value in answer.body.items() if name not in ("__type", "Message", "message")}
                problems += faults(shape, body, "the error")
        if answer.status != status:
            problems.append(f"HTTP {answer.status} and should be {status}")
        if answer.headers.get("x-amzn-ErrorType") != answer.code:
            problems.append(f"x-amzn-ErrorType is {answer.headers.get('x-amzn-ErrorType')}")
        if not (answer.body.get("Message") or answer.body.get("message")):
            problems.append("there is no message")
        return problems

    # --- what must be accepted

    def acceptances(self, service, name):
        model = self.world.model(service).operation_model(name)
        row = ROWS[self.operation]
        self.check("minimal input", self.accepted(service, model, row, row.minimal(self.world)))
        filled = maximal(model.input_shape, row.maximal(self.world))
        self.check("maximal input", self.accepted(service, model, row, filled))
        self.check("every name of its sets is known", list(self.unknown_names(service, model, row)))
        unknown = {**row.minimal(self.world), "NoSuchMember": {"x": [1]}}
        self.check("an unknown member is ignored", self.plainly_accepted(service, name, unknown))
        minimal = row.minimal(self.world)
        nulls = {**dict.fromkeys(model.input_shape.members), **minimal}
        self.check("null is the same as nothing", self.plainly_accepted(service, name, nulls))
        if pagination := self.pagination(service, name):
            self.check("pages add up to the whole", self.page_problems(service, model, row, pagination))

    def accepted(self, service, model, row, input):
        client = self.world.client(service)
        try:
            parsed = getattr(client, xform_name(model.name))(**input)
        except ClientError as error:
            return [f"refused: {error}"]
        body = json.loads(self.world.bodies[-1])
        if model.output_shape is None:
            return [f"the answer should be empty and is {body}"] if body else []
        problems = [fault for fault in faults(model.output_shape, body) if INDEX.sub("[]", fault) not in row.answers]
        parsed.pop("ResponseMetadata")
        if parsed.keys() != body.keys():
            problems.append(f"botocore read {sorted(parsed)} of {sorted(body)}")
        return problems

    def plainly_accepted(self, service, name, input):
        """For input that botocore would not send."""
        answer = self.world.wire.call(self.world.model(service), name, input)
        return common_problems(answer) + ([] if answer.status == 200 else [f"{answer.status} {answer.body}"])

    def unknown_names(self, service, model, row):
        """Names that the model has and the service does not know: it may refuse them, but in other words than that."""
        base = maximal(model.input_shape, row.base(self.world))
        for case in other_names(model.input_shape, base, (), base):
            answer = self.world.wire.call(self.world.model(service), model.name, case.input)
            if f"'{case.where}' failed to satisfy constraint: Member must satisfy enum" in json.dumps(answer.body):
                yield f"{case}: {answer.body}"

    def page_problems(self, service, model, row, pagination):
        paginator = self.world.client(service).get_paginator(xform_name(model.name))
        arguments = row.pages(self.world)
        size = model.input_shape.members[pagination["limit_key"]] if "limit_key" in pagination else None
        smallest = size.metadata.get("min", 1) if size is not None else None
        largest = size.metadata.get("max", 1000) if size is not None else None

        def items(page_size):
            pages = list(paginator.paginate(**arguments, PaginationConfig={"PageSize": page_size}))
            key = paginator.result_keys[0]
            return len(pages), [item for page in pages for item in key.search(page) or []]

        (_, whole), (count, pieces) = items(largest), items(smallest)
        if len(whole) <= smallest:
            return [f"{len(whole)} items are too few to tell: the world should hold more"]
        if pieces != whole:
            return [f"{len(pieces)} items in {count} pages of {smallest}, {len(whole)} items in one"]
        return []


def common_problems(answer):
    problems = []
    if not REQUEST_ID.fullmatch(answer.headers.get("x-amzn-RequestId", "")):
        problems.append("there is no request id")
    if answer.headers.get("Content-Type") != "application/x-amz-json-1.1":
        problems.append(f"Content-Type is {answer.headers.get('Content-Type')}")
    return problems


def changes(before, after):
    """A sentence for each table and column that differs. Values are left out: some are secret."""
    for table in before.keys() | after.keys():
        rows, others = before.get(table, []), after.get(table, [])
        if len(rows) != len(others):
            yield f"the table {table} had {len(rows)} rows and has {len(others)}"
            continue
        for row, other in zip(rows, others):
            for column in row:
                if row[column] != other[column]:
                    yield f"{column} of the table {table} changed"


def has_model(world, service, name):
    try:
        return name in world.model(service).operation_names
    except UnknownServiceError:
        return False


def main():
    operations = json.loads(sys.argv[1])
    world = World(sys.argv[2], sys.argv[3])
    walk = Walk(world)
    walked = []
    for service, name in operations:
        walk.operation = f"{service}.{name}"
        if walk.operation in UNPUBLISHED:
            published = has_model(world, service, name)
            walk.check("AWS publishes no model", ["it does now: it needs a row"] if published else [])
        elif walk.operation not in ROWS:
            walk.check("has a row", ["there is none in rows_*.py"])
        elif not has_model(world, service, name):
            walk.check("is known to botocore", ["it is not"])
        else:
            walked.append((service, name))
    # All that changes nothing first: what the rest leaves behind goes on changing for a while.
    for act in (walk.refusals, walk.acceptances):
        for service, name in walked:
            walk.operation = f"{service}.{name}"
            try:
                act(service, name)
            except Exception:
                walk.check(f"the {act.__name__} of its row", [traceback.format_exc()])

    failed = {operation for operation, _ in walk.failures}
    print(f"\n{walk.checks} checks of {len(walked)} operations, {len(walk.failures)} failures")
    for _, failure in walk.failures:
        print(f"  {failure}")
    for service, name in walked:
        operation = f"{service}.{name}"
        print(f"walked\t{operation}\t{'failed' if operation in failed else 'passed'}")
    return 1 if walk.failures else 0


if __name__ == "__main__":
    sys.exit(main())
