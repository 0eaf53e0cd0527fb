"""The rows of Systems Manager, but for documents."""

import time

from generate import Omit
from rows import PAGE_TOKEN, TAGS, row

NO_ACTIVATION = "11111111-2222-4333-8444-555555555555"
NO_NODE = "mi-00000000000000000"

# --- sessions

row(
    "ssm.StartSession",
    lambda w: {"Target": w.node},
    lambda w: {
        "Target": w.node,
        "DocumentName": "AWS-StartInteractiveCommand",
        "Parameters": {"command": ["true"]},
    },
    refusals=[
        ("a node that is not there", lambda w: {"Target": NO_NODE}, "TargetNotConnected"),
        ("a target of another kind", lambda w: {"Target": "ecs:cluster_task_container"}, "TargetNotConnected"),
        ("an unknown document", lambda w: {"Target": w.node, "DocumentName": "No-Such"}, "InvalidDocument"),
        (
            "a parameter that the document does not declare",
            lambda w: {"Target": w.node, "DocumentName": "AWS-StartSSHSession", "Parameters": {"nosuch": ["1"]}},
            "InvalidParameters",
        ),
        (
            "a parameter against its pattern",
            lambda w: {"Target": w.node, "DocumentName": "AWS-StartSSHSession", "Parameters": {"portNumber": ["x"]}},
            "InvalidParameters",
        ),
    ],
    codes={"InvalidParameters": "the model has no error for a document's parameters"},
)
row(
    "ssm.ResumeSession",
    lambda w: {"SessionId": w.new_session()},
    base=lambda w: {"SessionId": w.ended_session},
    refusals=[("an unknown session", lambda w: {"SessionId": "nobody-00000000000000000"}, "DoesNotExistException")],
)
row(
    "ssm.TerminateSession",
    lambda w: {"SessionId": w.new_session()},
    base=lambda w: {"SessionId": w.ended_session},
    refusals=[("an unknown session", lambda w: {"SessionId": "nobody-00000000000000000"}, "DoesNotExistException")],
    codes={"DoesNotExistException": "in AWS's documentation, though not in the model"},
)
row(
    "ssm.DescribeSessions",
    lambda w: {"State": "History"},
    lambda w: {
        "State": "History",
        "NextToken": PAGE_TOKEN,
        "Filters": [
            {"key": "InvokedAfter", "value": "2020-01-01T00:00:00Z"},
            {"key": "InvokedBefore", "value": "2120-01-01T00:00:00Z"},
            {"key": "Target", "value": w.node},
            {"key": "Status", "value": "Terminated"},
            {"key": "SessionId", "value": w.ended_session},
            {"key": "AccessType", "value": "Standard"},
        ],
    },
    pages=lambda w: {"State": "History", "Filters": [{"key": "InvokedBefore", "value": w.ready}]},
    refusals=[
        (
            "a status that is none",
            lambda w: {"State": "Active", "Filters": [{"key": "Status", "value": "connected"}]},
            "ValidationException",
        ),
        (
            "a time that is none",
            lambda w: {"State": "Active", "Filters": [{"key": "InvokedAfter", "value": "yesterday"}]},
            "ValidationException",
        ),
    ],
)
row("ssm.GetConnectionStatus", lambda w: {"Target": w.node}, lambda w: {"Target": "x" * 400})

# --- nodes

row(
    "ssm.DescribeInstanceInformation",
    lambda w: {},
    lambda w: {
        "InstanceInformationFilterList": Omit("it cannot be used together with Filters"),
        "NextToken": PAGE_TOKEN,
        "Filters": [
            {"Key": "InstanceIds", "Values": [w.node] * 100},
            {"Key": "PingStatus", "Values": ["Online"]},
            {"Key": "PlatformTypes", "Values": ["Linux"]},
            {"Key": "ResourceType", "Values": ["ManagedInstance"]},
            {"Key": "IamRole", "Values": [w.role]},
        ],
    },
    refusals=[
        (
            "both kinds of filter",
            lambda w: {
                "Filters": [{"Key": "IamRole", "Values": ["x"]}],
                "InstanceInformationFilterList": [{"key": "IamRole", "valueSet": ["x"]}],
            },
            "ValidationException",
        ),
        ("an unknown key", lambda w: {"Filters": [{"Key": "Colour", "Values": ["red"]}]}, "InvalidFilterKey"),
        (
            "an unknown key in the older style",
            lambda w: {"InstanceInformationFilterList": [{"key": "SourceIds", "valueSet": ["x"]}]},
            "ValidationException",
        ),
        (
            "an empty list in the older style",
            lambda w: {"InstanceInformationFilterList": [{"key": "IamRole", "valueSet": []}]},
            "ValidationException",
        ),
        (
            "a ping status that is none",
            lambda w: {"Filters": [{"Key": "PingStatus", "Values": ["online"]}]},
            "InvalidInstanceInformationFilterValue",
        ),
        (
            "a node's id that is none",
            lambda w: {"Filters": [{"Key": "InstanceIds", "Values": ["web"]}]},
            "InvalidInstanceId",
        ),
    ],
)
row(
    "ssm.DescribeInstanceProperties",
    lambda w: {},
    lambda w: {
        "InstancePropertyFilterList": Omit("it cannot be used together with FiltersWithOperator"),
        "NextToken": PAGE_TOKEN,
        "FiltersWithOperator": [
            {"Key": "InstanceIds", "Values": [w.node], "Operator": "BeginWith"},
            {"Key": "PingStatus", "Values": ["ConnectionLost"], "Operator": "NotEqual"},
            {"Key": "AgentVersion", "Values": ["0.0.0"], "Operator": "GreaterThan"},
            {"Key": "AgentVersion", "Values": ["999999.0.0"], "Operator": "LessThan"},
            {"Key": "IamRole", "Values": [w.role], "Operator": "Equal"},
        ],
    },
    refusals=[
        (
            "both kinds of filter",
            lambda w: {
                "FiltersWithOperator": [{"Key": "IamRole", "Values": ["x"]}],
                "InstancePropertyFilterList": [{"key": "IamRole", "valueSet": ["x"]}],
            },
            "ValidationException",
        ),
        (
            "an unknown key",
            lambda w: {"FiltersWithOperator": [{"Key": "Colour", "Values": ["red"]}]},
            "InvalidFilterKey",
        ),
        (
            "an unknown key in the older style",
            lambda w: {"InstancePropertyFilterList": [{"key": "tag:env", "valueSet": ["x"]}]},
            "ValidationException",
        ),
        (
            "an unknown operator",
            lambda w: {"FiltersWithOperator": [{"Key": "IamRole", "Values": ["x"], "Operator": "Like"}]},
            "ValidationException",
        ),
        (
            "a ping status that is none",
            lambda w: {"InstancePropertyFilterList": [{"key": "PingStatus", "valueSet": ["online"]}]},
            "InvalidInstancePropertyFilterValue",
        ),
        (
            "an activation's id that is none",
            lambda w: {"FiltersWithOperator": [{"Key": "ActivationIds", "Values": ["web"]}]},
            "InvalidActivationId",
        ),
        (
            "a node's id that is none",
            lambda w: {"FiltersWithOperator": [{"Key": "InstanceIds", "Values": ["web"]}]},
            "InvalidInstanceId",
        ),
        (
            "a document's name that is none",
            lambda w: {"FiltersWithOperator": [{"Key": "DocumentName", "Values": ["a b"]}]},
            "InvalidDocument",
        ),
    ],
)
row(
    "ssm.ListNodes",
    lambda w: {},
    lambda w: {
        "NextToken": PAGE_TOKEN,
        "Filters": [
            {"Key": "InstanceId", "Values": [w.node] * 5, "Type": "Equal"},
            {"Key": "InstanceStatus", "Values": ["ConnectionLost"], "Type": "NotEqual"},
            {"Key": "PlatformType", "Values": ["Lin"], "Type": "BeginWith"},
            {"Key": "ManagedStatus", "Values": ["Managed"]},
        ],
    },
    refusals=[
        (
            "an unknown key",
            lambda w: {"Filters": [{"Key": "Colour", "Values": ["red"]}]},
            "ValidationException",
        ),
    ],
)
row(
    "ssm.UpdateManagedInstanceRole",
    lambda w: {"InstanceId": w.new_node(), "IamRole": "Other"},
    lambda w: {"InstanceId": w.new_node(), "IamRole": "service-role/" + "R" * 51},
    refusals=[
        ("a node that is not there", lambda w: {"InstanceId": NO_NODE, "IamRole": w.role}, "InvalidInstanceId"),
        (
            "a node of another kind",
            lambda w: {"InstanceId": "eks_c:cluster_0123456789abcdefg", "IamRole": w.role},
            "InvalidInstanceId",
        ),
        ("no role", lambda w: {"InstanceId": w.node, "IamRole": ""}, "ValidationException"),
    ],
)
row(
    "ssm.DeregisterManagedInstance",
    lambda w: {"InstanceId": w.new_node()},
    refusals=[("a node that is not there", lambda w: {"InstanceId": NO_NODE}, "InvalidInstanceId")],
)

# --- tags

NO_TAGGED = [
    (
        "a node that is not there",
        lambda w, more: {"ResourceType": "ManagedInstance", "ResourceId": NO_NODE, **more},
        "InvalidResourceId",
    ),
    (
        "a node of another kind",
        lambda w, more: {"ResourceType": "ManagedInstance", "ResourceId": "i-0123456789abcdef0", **more},
        "ValidationException",
    ),
    (
        "a document that is not there",
        lambda w, more: {"ResourceType": "Document", "ResourceId": "No-Such", **more},
        "InvalidResourceId",
    ),
    (
        "a kind that does not exist here",
        lambda w, more: {"ResourceType": "Parameter", "ResourceId": "x", **more},
        "InvalidResourceId",
    ),
]


def no_tagged(**more):
    return [(what, lambda w, make=make: make(w, more), code) for what, make, code in NO_TAGGED]


def on_node(w, **more):
    return {"ResourceType": "ManagedInstance", "ResourceId": w.tagged_node, **more}


row(
    "ssm.AddTagsToResource",
    lambda w: on_node(w, Tags=[]),
    lambda w: on_node(w, Tags=TAGS),
    base=lambda w: on_node(w, Tags=TAGS[:1]),
    refusals=[
        *no_tagged(Tags=[{"Key": "a", "Value": "b"}]),
        ("too many tags", lambda w: on_node(w, Tags=TAGS + [{"Key": "one", "Value": "more"}]), "TooManyTagsError"),
        ("a tag of the system's", lambda w: on_node(w, Tags=[{"Key": "aws:a", "Value": ""}]), "ValidationException"),
        (
            "keys that differ in case only",
            lambda w: on_node(w, Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]),
            "ValidationException",
        ),
    ],
)
row("ssm.ListTagsForResource", lambda w: on_node(w), refusals=no_tagged())
row(
    "ssm.RemoveTagsFromResource",
    lambda w: on_node(w, TagKeys=[]),
    lambda w: on_node(w, TagKeys=["k" * 128, "never there"]),
    refusals=no_tagged(TagKeys=["a"]),
)

# --- service settings

TIER = "/ssm/managed-instance/activation-tier"
NO_SETTING = [
    ("a setting that does not exist", "/ssm/no/such"),
    ("a setting of another account", "arn:aws:ssm:us-east-1:999999999999:servicesetting" + TIER),
]


def no_setting(**more):
    return [
        (what, lambda w, id=id: {"SettingId": id, **more}, "ServiceSettingNotFound") for what, id in NO_SETTING
    ]


row("ssm.GetServiceSetting", lambda w: {"SettingId": TIER}, refusals=no_setting())
row(
    "ssm.UpdateServiceSetting",
    lambda w: {"SettingId": TIER, "SettingValue": "standard"},
    refusals=[
        *no_setting(SettingValue="standard"),
        ("a value it cannot have", lambda w: {"SettingId": TIER, "SettingValue": "gold"}, "ValidationException"),
    ],
)
row("ssm.ResetServiceSetting", lambda w: {"SettingId": TIER}, refusals=no_setting())

# --- activations

row(
    "ssm.CreateActivation",
    lambda w: {"IamRole": w.role},
    lambda w: {
        "IamRole": "service-role/" + "R" * 51,
        "ExpirationDate": int(time.time()) + 29 * 86400,
        "Tags": TAGS,
    },
    refusals=[
        ("a date that is past", lambda w: {"IamRole": w.role, "ExpirationDate": 1}, "InvalidParameters"),
        (
            "a date that is too far ahead",
            lambda w: {"IamRole": w.role, "ExpirationDate": int(time.time()) + 366 * 86400},
            "InvalidParameters",
        ),
        (
            "too many tags",
            lambda w: {"IamRole": w.role, "Tags": TAGS + [{"Key": "one", "Value": "more"}]},
            "InvalidParameters",
        ),
        (
            "a tag of the system's",
            lambda w: {"IamRole": w.role, "Tags": [{"Key": "aws:owner", "Value": "x"}]},
            "InvalidParameters",
        ),
        ("no role", lambda w: {"IamRole": ""}, "InvalidParameters"),
        ("a role that is no name", lambda w: {"IamRole": "no/such/ path"}, "InvalidParameters"),
    ],
)
row(
    "ssm.DescribeActivations",
    lambda w: {},
    lambda w: {
        "NextToken": PAGE_TOKEN,
        "Filters": [
            {"FilterKey": "ActivationIds", "FilterValues": [w.activation]},
            {"FilterKey": "IamRole", "FilterValues": [w.role]},
        ],
    },
    answers={
        "the answer.ActivationList[].RegistrationsCount is below its minimum of 1": "AWS answers 0 as well, as its "
        "documentation shows"
    },
)
row(
    "ssm.DeleteActivation",
    lambda w: {"ActivationId": w.new_activation()},
    base=lambda w: {"ActivationId": w.activation},
    refusals=[
        ("an unknown activation", lambda w: {"ActivationId": NO_ACTIVATION}, "InvalidActivation"),
        ("an id that is none", lambda w: {"ActivationId": "web"}, "InvalidActivationId"),
    ],
)
