"""What is meaningful for each operation: the values that a model cannot know. An operation without a row fails the test.

`minimal` gives the required members; `maximal` some of the others too, of which the model makes the rest as large as
they may be. What is refused is made from `base`, whose things exist and stay: `maximal` unless it says otherwise.
"""

import time
from dataclasses import dataclass, field
from typing import Callable

from generate import Omit

ROWS = {}


@dataclass
class Row:
    minimal: Callable
    maximal: Callable = None
    base: Callable = None
    # What is read page by page; it must stand still meanwhile.
    pages: Callable = None
    # What the model allows and the operation refuses: a name, the input, the code.
    refusals: list = field(default_factory=list)
    # Codes that the operation answers and its model does not list, each with the reason.
    codes: dict = field(default_factory=dict)
    # Faults of the input that are let pass: (where, fault) to the reason.
    tolerates: dict = field(default_factory=dict)
    # Faults of the answer that are let pass: the sentence, with [] for any index, to the reason.
    answers: dict = field(default_factory=dict)

    def __post_init__(self):
        self.maximal = self.maximal or self.minimal
        self.base = self.base or self.maximal
        self.pages = self.pages or self.minimal


def row(name, minimal, maximal=None, **more):
    ROWS[name] = Row(minimal, maximal, **more)


# The operations of agents: AWS publishes no model of them, so there is nothing to walk. Their tests are the captures
# of the stock agent.
UNPUBLISHED = {
    "ssm.RegisterManagedInstance",
    "ssm.RequestManagedInstanceRoleToken",
    "ssm.UpdateManagedInstancePublicKey",
    "ssm.UpdateInstanceInformation",
    "ssm.ListInstanceAssociations",
}

NO_ACTIVATION = "11111111-2222-4333-8444-555555555555"
NO_NODE = "mi-00000000000000000"
PAGE_TOKEN = Omit("a first page has none; paging has its own check")
# The largest set of tags a resource may have.
TAGS = [{"Key": f"key-{n}" + "k" * 120, "Value": "v" * 256} for n in range(10, 60)]

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

# --- documents

SHELL = '{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": "%s"}}'
COMMAND = '{"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "run"}]}'
OTHER_TYPES = Omit("it is for types of documents that are not kept here")
NO_VERSION = "No-Version"


def session_document(w, **more):
    return {"Name": w.name("document"), "Content": SHELL % 5, "DocumentType": "Session", **more}


row(
    "ssm.CreateDocument",
    lambda w: {"Name": w.name("document"), "Content": COMMAND},
    lambda w: session_document(
        w,
        Name=w.name("document") + "-" * 110,
        DocumentFormat="JSON",
        Requires=OTHER_TYPES,
        Attachments=OTHER_TYPES,
        Tags=TAGS,
    ),
    refusals=[
        ("a name that is taken", lambda w: {"Name": w.document, "Content": COMMAND}, "DocumentAlreadyExists"),
        ("a reserved name", lambda w: {"Name": "AWS-Mine", "Content": COMMAND}, "InvalidDocumentContent"),
        ("what is no JSON", lambda w: {"Name": "document", "Content": "a: b"}, "InvalidDocumentContent"),
        (
            "a YAML bomb",
            lambda w: session_document(
                w,
                DocumentFormat="YAML",
                Content="\n".join(
                    ["a: &a [x, x, x, x, x, x, x, x, x]"]
                    + [f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi")]
                ),
            ),
            "InvalidDocumentContent",
        ),
        ("deep nesting", lambda w: session_document(w, Content='{"a":' + "[" * 9999), "InvalidDocumentContent"),
        ("a mistyped member", lambda w: session_document(w, Content=SHELL.replace("inputs", "input") % 5), "InvalidDocumentContent"),
        ("a value out of range", lambda w: session_document(w, Content=SHELL % 61), "InvalidDocumentContent"),
        ("a large document", lambda w: session_document(w, Content="x" * 65537), "MaxDocumentSizeExceeded"),
        (
            "a schema of another type",
            lambda w: {"Name": "document", "Content": SHELL % 5},
            "InvalidDocumentSchemaVersion",
        ),
        ("a type that is not kept", lambda w: session_document(w, DocumentType="Automation"), "ValidationException"),
        ("a form that it has not", lambda w: session_document(w, DocumentFormat="TEXT"), "ValidationException"),
        (
            "attachments",
            lambda w: session_document(w, Attachments=[{"Key": "SourceUrl", "Values": ["s3://bucket/x"]}]),
            "ValidationException",
        ),
        (
            "two tags of one key",
            lambda w: session_document(w, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]),
            "ValidationException",
        ),
    ],
)
row(
    "ssm.GetDocument",
    lambda w: {"Name": "AWS-StartSSHSession"},
    lambda w: {"Name": w.document_arn, "VersionName": "two", "DocumentVersion": "2", "DocumentFormat": "YAML"},
    refusals=[
        ("an unknown document", lambda w: {"Name": "No-Such"}, "InvalidDocument"),
        ("an unknown version", lambda w: {"Name": w.document, "DocumentVersion": "9"}, "InvalidDocumentVersion"),
        ("an unknown version's name", lambda w: {"Name": w.document, "VersionName": NO_VERSION}, "InvalidDocumentVersion"),
        (
            "a number and a name of different versions",
            lambda w: {"Name": w.document, "VersionName": "two", "DocumentVersion": "1"},
            "InvalidDocumentVersion",
        ),
        (
            "another account's document",
            lambda w: {"Name": f"arn:aws:ssm:us-east-1:999999999999:document/{w.document}"},
            "InvalidDocument",
        ),
        ("a form that it has not", lambda w: {"Name": w.document, "DocumentFormat": "TEXT"}, "ValidationException"),
    ],
)
row(
    "ssm.DescribeDocument",
    lambda w: {"Name": "AWS-StartNonInteractiveCommand"},
    lambda w: {"Name": w.document_arn, "VersionName": "two", "DocumentVersion": "$LATEST"},
    refusals=[
        ("an unknown document", lambda w: {"Name": "No-Such"}, "InvalidDocument"),
        ("an unknown version", lambda w: {"Name": w.document, "DocumentVersion": "9"}, "InvalidDocumentVersion"),
    ],
)
row(
    "ssm.UpdateDocument",
    lambda w: {"Name": w.new_document(), "Content": SHELL % 6},
    lambda w: {
        "Name": w.new_document(),
        "Content": SHELL % 6,
        "Attachments": OTHER_TYPES,
        "DocumentVersion": "1",
        "DocumentFormat": "JSON",
    },
    base=lambda w: {
        "Name": w.document,
        "Content": SHELL % 9,
        "Attachments": OTHER_TYPES,
        "DocumentVersion": "$LATEST",
        "DocumentFormat": "JSON",
    },
    refusals=[
        ("an unknown document", lambda w: {"Name": "No-Such", "Content": SHELL % 5}, "InvalidDocument"),
        (
            "a document of the service",
            lambda w: {"Name": "AWS-StartSSHSession", "Content": SHELL % 5},
            "InvalidDocumentOperation",
        ),
        (
            "a version that is not the latest",
            lambda w: {"Name": w.document, "Content": SHELL % 7, "DocumentVersion": "1"},
            "InvalidDocumentVersion",
        ),
        ("the same content", lambda w: {"Name": w.document, "Content": SHELL % 6}, "DuplicateDocumentContent"),
        (
            "a version's name that is taken",
            lambda w: {"Name": w.document, "Content": SHELL % 7, "VersionName": "two"},
            "DuplicateDocumentVersionName",
        ),
        ("what is no document", lambda w: {"Name": w.document, "Content": "{}"}, "InvalidDocumentContent"),
        ("a large document", lambda w: {"Name": w.document, "Content": "x" * 65537}, "MaxDocumentSizeExceeded"),
    ],
)
row(
    "ssm.UpdateDocumentDefaultVersion",
    lambda w: {"Name": w.new_document(), "DocumentVersion": "1"},
    base=lambda w: {"Name": w.document, "DocumentVersion": "1"},
    refusals=[
        ("an unknown document", lambda w: {"Name": "No-Such", "DocumentVersion": "1"}, "InvalidDocument"),
        ("an unknown version", lambda w: {"Name": w.document, "DocumentVersion": "9"}, "InvalidDocumentVersion"),
        (
            "a document of the service",
            lambda w: {"Name": "AWS-StartSSHSession", "DocumentVersion": "1"},
            "InvalidDocument",
        ),
    ],
)
row(
    "ssm.DeleteDocument",
    lambda w: {"Name": w.new_document()},
    lambda w: {"Name": w.new_document(versions=2), "VersionName": "two", "DocumentVersion": "2"},
    base=lambda w: {"Name": w.document, "VersionName": "two", "DocumentVersion": "2"},
    refusals=[
        ("an unknown document", lambda w: {"Name": "No-Such"}, "InvalidDocument"),
        ("a document of the service", lambda w: {"Name": "AWS-StartSSHSession"}, "InvalidDocumentOperation"),
        ("the default version", lambda w: {"Name": w.document, "DocumentVersion": "1"}, "InvalidDocumentOperation"),
        ("an unknown version", lambda w: {"Name": w.document, "DocumentVersion": "9"}, "InvalidDocumentVersion"),
        ("a shared document", lambda w: {"Name": w.document}, "InvalidDocumentOperation"),
    ],
    codes={"InvalidDocumentVersion": "the model has no error for a version that is not there"},
)
row(
    "ssm.ListDocuments",
    lambda w: {},
    lambda w: {
        "DocumentFilterList": Omit("it cannot be used together with Filters"),
        "NextToken": PAGE_TOKEN,
        "Filters": [
            {"Key": "Name", "Values": ["AWS-", w.document]},
            {"Key": "Owner", "Values": ["Self"]},
            {"Key": "DocumentType", "Values": ["Session", "Command"]},
            {"Key": "PlatformTypes", "Values": ["Linux", "Windows"]},
            {"Key": "TargetType", "Values": ["/"]},
            {"Key": "tag:env", "Values": ["prod", "test"]},
        ],
    },
    pages=lambda w: {"Filters": [{"Key": "Owner", "Values": ["Amazon"]}]},
    refusals=[
        (
            "both kinds of filter",
            lambda w: {
                "Filters": [{"Key": "Owner", "Values": ["Self"]}],
                "DocumentFilterList": [{"key": "Owner", "value": "Self"}],
            },
            "ValidationException",
        ),
        ("an unknown key", lambda w: {"Filters": [{"Key": "Colour", "Values": ["red"]}]}, "InvalidFilterKey"),
        (
            "an unknown key in the older style",
            lambda w: {"DocumentFilterList": [{"key": "TargetType", "value": "/"}]},
            "ValidationException",
        ),
        (
            "two owners",
            lambda w: {"Filters": [{"Key": "Owner", "Values": ["Self", "Amazon"]}]},
            "ValidationException",
        ),
        (
            "two tag keys",
            lambda w: {"Filters": [{"Key": "tag:a", "Values": ["x"]}, {"Key": "tag:b", "Values": ["x"]}]},
            "InvalidFilterKey",
        ),
    ],
)
row(
    "ssm.ListDocumentVersions",
    lambda w: {"Name": w.document},
    lambda w: {"Name": w.document_arn, "NextToken": PAGE_TOKEN},
    refusals=[("an unknown document", lambda w: {"Name": "No-Such"}, "InvalidDocument")],
)
row(
    "ssm.ModifyDocumentPermission",
    lambda w: {"Name": w.new_document(), "PermissionType": "Share", "AccountIdsToAdd": ["All"]},
    lambda w: {
        "Name": w.new_document(),
        "PermissionType": "Share",
        "AccountIdsToAdd": [f"{n:012}" for n in range(20)],
        "AccountIdsToRemove": ["all"] + [f"{n:012}" for n in range(10, 29)],
        "SharedDocumentVersion": "$LATEST",
    },
    base=lambda w: {
        "Name": w.document,
        "PermissionType": "Share",
        "AccountIdsToAdd": ["000000000007"],
        "AccountIdsToRemove": ["000000000008"],
        "SharedDocumentVersion": "$ALL",
    },
    refusals=[
        (
            "an unknown document",
            lambda w: {"Name": "No-Such", "PermissionType": "Share", "AccountIdsToAdd": ["all"]},
            "InvalidDocument",
        ),
        (
            "a permission type that is none",
            lambda w: {"Name": w.document, "PermissionType": "Own", "AccountIdsToAdd": ["all"]},
            "InvalidPermissionType",
        ),
        ("nobody", lambda w: {"Name": w.document, "PermissionType": "Share"}, "ValidationException"),
        (
            "a document of the service",
            lambda w: {"Name": "AWS-StartSSHSession", "PermissionType": "Share", "AccountIdsToAdd": ["all"]},
            "InvalidDocument",
        ),
    ],
)
row(
    "ssm.DescribeDocumentPermission",
    lambda w: {"Name": w.document, "PermissionType": "Share"},
    lambda w: {"Name": w.document, "PermissionType": "Share", "NextToken": PAGE_TOKEN},
    refusals=[
        ("an unknown document", lambda w: {"Name": "No-Such", "PermissionType": "Share"}, "InvalidDocument"),
        (
            "a permission type that is none",
            lambda w: {"Name": w.document, "PermissionType": "Own"},
            "InvalidPermissionType",
        ),
    ],
)
