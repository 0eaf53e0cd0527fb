"""The rows of CloudTrail."""

import time

from generate import Omit
from rows import PAGE_TOKEN, row


def until(w):
    """A moment before which nothing happens any more, and before it events enough for many pages."""
    if not hasattr(w, "audited_until"):
        for _ in range(60):
            w.client("ssm").list_documents()
        time.sleep(1.1)
        w.audited_until = int(time.time()) - 1
    return w.audited_until


row(
    "cloudtrail.LookupEvents",
    lambda w: {},
    lambda w: {
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "StartSession"}],
        "StartTime": 0,
        "EndTime": until(w),
        "EventCategory": Omit("there are no insights", "insight", "InvalidEventCategoryException"),
        "NextToken": PAGE_TOKEN,
    },
    pages=lambda w: {
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "ListDocuments"}],
        "EndTime": until(w),
    },
    refusals=[
        (
            "two attributes",
            lambda w: {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "true"}] * 2},
            "InvalidLookupAttributesException",
        ),
        ("an end before the beginning", lambda w: {"StartTime": 2, "EndTime": 1}, "InvalidTimeRangeException"),
    ],
)
