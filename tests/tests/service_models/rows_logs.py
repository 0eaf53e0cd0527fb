"""The rows of CloudWatch Logs."""

import time

from generate import Omit
from rows import row

GROUP = "/walk/sessions"
NO_GROUP = "/walk/none"
PAGE = Omit("a first page has none; paging has its own check")
BY_NAME = Omit("it cannot be used together with logGroupName")
CONSTRAINT = "InvalidParameterException"
GONE = "ResourceNotFoundException"
THERE = "ResourceAlreadyExistsException"


def group(w):
    """A group with two streams of three events, and two groups more, made once."""
    if not hasattr(w, "group"):
        logs = w.client("logs")
        for name in (GROUP, "/walk/a", "/walk/b"):
            logs.create_log_group(logGroupName=name)
        w.moment = int(time.time() * 1000)
        for stream in ("jane-1", "jane-2"):
            logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
            events = [{"timestamp": w.moment + at, "message": f"event {at}"} for at in range(3)]
            logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)
        w.group = GROUP
    return w.group


def moment(w):
    group(w)
    return w.moment


def new_group(w):
    name = f"/walk/new/{w.name('group')}"
    w.client("logs").create_log_group(logGroupName=name)
    return name


def new_stream(w):
    name = w.name("stream")
    w.client("logs").create_log_stream(logGroupName=group(w), logStreamName=name)
    return name


def on_group(operation, **more):
    row(
        operation,
        lambda w: {"logGroupName": new_group(w), **more},
        base=lambda w: {"logGroupName": group(w), **more},
        refusals=[("a group that is not there", lambda w: {"logGroupName": NO_GROUP, **more}, GONE)],
    )


row(
    "logs.CreateLogGroup",
    lambda w: {"logGroupName": f"/walk/made/{w.name('group')}"},
    lambda w: {
        "logGroupName": w.name("/walk/long/").ljust(512, "n"),
        "kmsKeyId": "alias/aws/ssm",
        "tags": {f"{n}-" + "k" * 120: "v" * 256 for n in range(50)},
        "logGroupClass": "STANDARD",
        "deletionProtectionEnabled": False,
    },
    refusals=[
        ("one that is there", lambda w: {"logGroupName": group(w)}, THERE),
        ("an unknown key", lambda w: {"logGroupName": NO_GROUP, "kmsKeyId": "alias/none"}, CONSTRAINT),
        ("another class", lambda w: {"logGroupName": NO_GROUP, "logGroupClass": "DELIVERY"}, CONSTRAINT),
        ("protection", lambda w: {"logGroupName": NO_GROUP, "deletionProtectionEnabled": True}, CONSTRAINT),
        ("too many tags", lambda w: {"logGroupName": NO_GROUP, "tags": {str(n): "" for n in range(51)}}, CONSTRAINT),
        ("no tags", lambda w: {"logGroupName": NO_GROUP, "tags": {}}, CONSTRAINT),
    ],
)
on_group("logs.DeleteLogGroup")
on_group("logs.PutRetentionPolicy", retentionInDays=3653)
on_group("logs.DeleteRetentionPolicy")
row(
    "logs.DescribeLogGroups",
    lambda w: {},
    lambda w: {
        "accountIdentifiers": Omit("no other account can be seen, so it is refused"),
        "logGroupNamePrefix": group(w),
        "logGroupNamePattern": Omit("it cannot be used together with logGroupNamePrefix"),
        "includeLinkedAccounts": False,
        "logGroupClass": "STANDARD",
        "logGroupIdentifiers": Omit("names and patterns do, so it is refused"),
        "nextToken": PAGE,
    },
    pages=lambda w: group(w) and {"logGroupNamePrefix": "/walk/"},
    refusals=[
        ("a prefix and a pattern", lambda w: {"logGroupNamePrefix": "a", "logGroupNamePattern": "b"}, CONSTRAINT),
        ("other accounts", lambda w: {"accountIdentifiers": ["123456789012"]}, CONSTRAINT),
    ],
)
row(
    "logs.CreateLogStream",
    lambda w: {"logGroupName": group(w), "logStreamName": w.name("made")},
    lambda w: {"logGroupName": group(w), "logStreamName": w.name("long").ljust(512, "n")},
    refusals=[
        ("one that is there", lambda w: {"logGroupName": group(w), "logStreamName": "jane-1"}, THERE),
        ("one in no group", lambda w: {"logGroupName": NO_GROUP, "logStreamName": "x"}, GONE),
    ],
)
row(
    "logs.DeleteLogStream",
    lambda w: {"logGroupName": group(w), "logStreamName": new_stream(w)},
    base=lambda w: {"logGroupName": group(w), "logStreamName": "jane-1"},
    refusals=[
        ("one that is not there", lambda w: {"logGroupName": group(w), "logStreamName": "none"}, GONE),
        ("one in no group", lambda w: {"logGroupName": NO_GROUP, "logStreamName": "x"}, GONE),
    ],
)
row(
    "logs.DescribeLogStreams",
    lambda w: {"logGroupName": group(w)},
    lambda w: {
        "logGroupName": group(w),
        "logGroupIdentifier": BY_NAME,
        "logStreamNamePrefix": "jane-",
        "orderBy": "LogStreamName",
        "nextToken": PAGE,
    },
    pages=lambda w: {"logGroupName": group(w), "logStreamNamePrefix": "jane-"},
    refusals=[
        ("no group", lambda w: {}, CONSTRAINT),
        ("two groups", lambda w: {"logGroupName": group(w), "logGroupIdentifier": group(w)}, CONSTRAINT),
        ("an identifier of something else", lambda w: {"logGroupIdentifier": "arn:aws:s3:::x"}, CONSTRAINT),
        ("a group that is not there", lambda w: {"logGroupName": NO_GROUP}, GONE),
        (
            "a prefix in the order of events",
            lambda w: {"logGroupName": group(w), "logStreamNamePrefix": "a", "orderBy": "LastEventTime"},
            CONSTRAINT,
        ),
    ],
)


def put(w, *events, **more):
    events = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    return {"logGroupName": group(w), "logStreamName": "jane-1", "logEvents": events, **more}


row(
    "logs.PutLogEvents",
    lambda w: {**put(w, (moment(w), "x")), "logStreamName": new_stream(w)},
    lambda w: {
        **put(w, *[(moment(w), "x" * 75)] * 10_000, sequenceToken="s" * 56),
        "logStreamName": new_stream(w),
        "entity": Omit("nobody looks for the entities of logs, so they are ignored"),
    },
    base=lambda w: put(w, (moment(w), "x"), sequenceToken="s" * 56, entity=Omit("as above")),
    refusals=[
        ("a stream that is not there", lambda w: {**put(w, (moment(w), "x")), "logStreamName": "none"}, GONE),
        ("a group that is not there", lambda w: {**put(w, (moment(w), "x")), "logGroupName": NO_GROUP}, GONE),
        ("events out of order", lambda w: put(w, (moment(w), "x"), (moment(w) - 1, "y")), CONSTRAINT),
        ("events of two days", lambda w: put(w, (moment(w) - 2 * 86_400_000, "x"), (moment(w), "y")), CONSTRAINT),
        ("too much text", lambda w: put(w, *[(moment(w), "x" * 524_288)] * 2), CONSTRAINT),
    ],
)
row(
    "logs.GetLogEvents",
    lambda w: {"logGroupName": group(w), "logStreamName": "jane-1"},
    lambda w: {
        "logGroupName": group(w),
        "logGroupIdentifier": BY_NAME,
        "logStreamName": "jane-1",
        "startTime": 0,
        "endTime": moment(w) + 1000,
        "nextToken": PAGE,
    },
    refusals=[
        ("a stream that is not there", lambda w: {"logGroupName": group(w), "logStreamName": "none"}, GONE),
        ("a group that is not there", lambda w: {"logGroupName": NO_GROUP, "logStreamName": "x"}, GONE),
        (
            "a token that is none",
            lambda w: {"logGroupName": group(w), "logStreamName": "jane-1", "nextToken": "f/1"},
            CONSTRAINT,
        ),
    ],
)
row(
    "logs.FilterLogEvents",
    lambda w: {"logGroupName": group(w)},
    lambda w: {
        "logGroupName": group(w),
        "logGroupIdentifier": BY_NAME,
        "logStreamNames": ["jane-1"] * 100,
        "logStreamNamePrefix": Omit("it cannot be used together with logStreamNames"),
        "startTime": 0,
        "endTime": moment(w) + 1000,
        "filterPattern": '"' + "p" * 1022 + '"',
        "startFromHead": True,
        "nextToken": PAGE,
    },
    pages=lambda w: {"logGroupName": group(w), "logStreamNamePrefix": "jane-"},
    refusals=[
        ("a pattern for JSON", lambda w: {"logGroupName": group(w), "filterPattern": "{ $.a = 1 }"}, CONSTRAINT),
        ("a quote alone", lambda w: {"logGroupName": group(w), "filterPattern": '"'}, CONSTRAINT),
        ("a stream that is not there", lambda w: {"logGroupName": group(w), "logStreamNames": ["none"]}, GONE),
        (
            "names and a prefix",
            lambda w: {"logGroupName": group(w), "logStreamNames": ["a"], "logStreamNamePrefix": "b"},
            CONSTRAINT,
        ),
        ("the newest first", lambda w: {"logGroupName": group(w), "startFromHead": False}, CONSTRAINT),
    ],
)
