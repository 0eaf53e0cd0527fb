"""One signed HTTP request with any body: what botocore itself would refuse to send has to arrive as well."""

import base64
import http.client
import json
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: object  # The JSON, or the bytes if they are none.

    @property
    def code(self):
        return self.body.get("__type") if isinstance(self.body, dict) else None


def plain(value):
    """For JSON: bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{value!r} is not for JSON")


class Wire:
    def __init__(self):
        self.url = os.environ["AWS_ENDPOINT_URL"]
        self.region = os.environ["AWS_REGION"]
        self.credentials = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def call(self, model, operation, input, signed=True):
        """Calls an operation of a botocore service model, or one with the target prefix of that service."""
        headers = {
            "Host": urlsplit(self.url).netloc,
            "X-Amz-Target": f"{model.metadata['targetPrefix']}.{operation}",
            "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
        }
        body = input if isinstance(input, bytes) else json.dumps(input, default=plain).encode()
        request = AWSRequest("POST", self.url + "/", headers=headers, data=body)
        if signed:
            SigV4Auth(self.credentials, model.signing_name, self.region).add_auth(request)
        self.connection.request("POST", "/", body, dict(request.headers.items()))
        answer = self.connection.getresponse()
        body = answer.read()
        try:
            body = json.loads(body)
        except ValueError:
            pass
        return Answer(answer.status, answer.headers, body)
