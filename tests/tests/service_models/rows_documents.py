"""The rows of documents."""

from generate import Omit
from rows import PAGE_TOKEN, TAGS, row

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
