"""What the calls are about: a running node, and things that are made as they are needed."""

import base64
import os
import sqlite3
import time
import uuid
from datetime import datetime, timezone

import botocore.session

from wire import Wire

# What changes by itself in the database: nodes report themselves, and what became of sessions, in their own time.
# And what a key was last used for.
RESTLESS = {
    "last_seen_at",
    "reached_agent",
    "end_delivered",
    "agent_status",
    "agent_output",
    "last_used_at",
    "last_used_service",
}


class World:
    def __init__(self, node, database):
        self.node = node
        self.database = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        self.session = botocore.session.get_session()
        self.wire = Wire()
        self.clients = {}
        self.bodies = []
        self.made = 0
        self.role = "PosternNode"
        self.activation = self.new_activation()
        # More than one page of the smallest size (5 nodes), of which one is running.
        for _ in range(6):
            self.tagged_node = self.new_node()
        for _ in range(3):
            self.ended_session = self.new_session()
            self.ssm.terminate_session(SessionId=self.ended_session)
            self.wait_until_ended(self.ended_session)
        # Two versions, the first the default one; shared with two accounts.
        self.document = self.new_document(versions=2)
        self.document_arn = f"arn:aws:ssm:{self.ssm.meta.region_name}:{self.account}:document/{self.document}"
        shared = {"AccountIdsToAdd": ["000000000001", "000000000002"]}
        self.ssm.modify_document_permission(Name=self.document, PermissionType="Share", **shared)
        # These three are all that were started before this moment.
        self.ready = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"

    def model(self, service):
        return self.session.get_service_model(service)

    def client(self, service):
        """botocore's client. What it receives is also kept as it came, in `bodies`."""
        if service not in self.clients:
            client = self.session.create_client(service)
            client.meta.events.register(
                "response-received", lambda response_dict, **_: self.bodies.append(response_dict["body"])
            )
            self.clients[service] = client
        return self.clients[service]

    @property
    def ssm(self):
        return self.client("ssm")

    def name(self, kind):
        self.made += 1
        return f"{kind}-{self.made}"

    def new_activation(self, **arguments):
        return self.ssm.create_activation(IamRole=self.role, **arguments)["ActivationId"]

    def new_document(self, versions=1):
        name = self.name("document")
        content = '{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": "%s"}}'
        made = self.ssm.create_document(Name=name, DocumentType="Session", Content=content % 5)
        self.account = made["DocumentDescription"]["Owner"]
        for number in range(2, versions + 1):
            self.ssm.update_document(Name=name, Content=content % (4 + number), VersionName="two")
        return name

    def new_node(self):
        """A node that has registered and was never heard of again."""
        made = self.ssm.create_activation(IamRole=self.role)
        key = bytes.fromhex("302a300506032b6570032100") + os.urandom(32)
        registered = self.wire.call(
            self.model("ssm"),
            "RegisterManagedInstance",
            {
                "ActivationId": made["ActivationId"],
                "ActivationCode": made["ActivationCode"],
                "Fingerprint": str(uuid.uuid4()),
                "PublicKey": base64.b64encode(key).decode(),
                "PublicKeyType": "Ed25519",
            },
            signed=False,
        )
        assert registered.status == 200, registered
        return registered.body["InstanceId"]

    def new_session(self):
        """A session that nobody attaches to. Its reason makes the request one of a kind: a replay is refused."""
        return self.ssm.start_session(Target=self.node, Reason=self.name("reason"))["SessionId"]

    def wait_until_ended(self, session):
        ended = {"State": "History", "Filters": [{"key": "SessionId", "value": session}]}
        for _ in range(300):
            if self.ssm.describe_sessions(**ended)["Sessions"]:
                return
            time.sleep(0.1)
        raise AssertionError(f"{session} does not end")

    def stored(self):
        """Everything the service has stored, but for what changes by itself: the rows of each table."""
        self.database.row_factory = sqlite3.Row
        # Every call leaves an audit event, also one that is refused.
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'audit_%'"
        tables = [name for (name,) in self.database.execute(query)]
        return {table: [self.kept(row) for row in self.database.execute(f'SELECT * FROM "{table}"')] for table in tables}

    def kept(self, row):
        return {column: row[column] for column in row.keys() if column not in RESTLESS}
