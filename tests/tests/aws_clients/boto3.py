"""boto3 against a running service: argv is the id of an online node, which is gone afterwards. Endpoint, region and
credentials come from the environment, as users have them. One line for each behaviour that is shown."""

import sys
import time
from datetime import datetime, timezone

# This file has the name of the package.
sys.path.pop(0)
import boto3  # noqa: E402

node = sys.argv[1]
ssm = boto3.client("ssm")


def shown(behaviour):
    print(f"shown\t{behaviour}", flush=True)


def raises(kind, call, **arguments):
    try:
        call(**arguments)
    except kind as error:
        assert error.response["Error"]["Code"] == kind.__name__, error.response
        return error
    raise AssertionError("it went through")


def history(session):
    ended = ssm.describe_sessions(State="History", Filters=[{"key": "SessionId", "value": session}])
    return ended["Sessions"]


started = ssm.start_session(Target=node, Reason="boto3")
assert started["StreamUrl"].startswith("ws"), started
assert len(started["TokenValue"]) <= 300
session = started["SessionId"]
(active,) = ssm.describe_sessions(State="Active", Filters=[{"key": "Target", "value": node}])["Sessions"]
assert active["SessionId"] == session and active["Reason"] == "boto3", active
resumed = ssm.resume_session(SessionId=session)
assert resumed["TokenValue"] and resumed["TokenValue"] != started["TokenValue"]
ssm.terminate_session(SessionId=session)
ssm.terminate_session(SessionId=session)
for _ in range(300):
    if history(session):
        break
    time.sleep(0.1)
(ended,) = history(session)
assert ended["Status"] == "Terminated", ended
assert "TokenValue" not in ssm.resume_session(SessionId=session)
shown("a session is started, resumed and ended")

made = ssm.create_activation(
    IamRole="PosternNode", DefaultInstanceName="web", RegistrationLimit=3, Tags=[{"Key": "env", "Value": "prod"}]
)
wanted = [{"FilterKey": "ActivationIds", "FilterValues": [made["ActivationId"]]}]
pages = ssm.get_paginator("describe_activations").paginate(Filters=wanted)
(listed,) = [activation for page in pages for activation in page["ActivationList"]]
assert listed["RegistrationLimit"] == 3 and not listed["Expired"], listed
assert listed["Tags"] == [{"Key": "env", "Value": "prod"}], listed
ssm.delete_activation(ActivationId=made["ActivationId"])
assert ssm.describe_activations(Filters=wanted)["ActivationList"] == []
shown("activations are made, listed and deleted")

(info,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
now = datetime.now(timezone.utc)
for time_of in ("LastPingDateTime", "RegistrationDate"):
    assert abs((now - info[time_of]).total_seconds()) < 120, info
(activation,) = ssm.describe_activations(Filters=[{"FilterKey": "ActivationIds", "FilterValues": [info["ActivationId"]]}])[
    "ActivationList"
]
assert 86000 < (activation["ExpirationDate"] - activation["CreatedDate"]).total_seconds() <= 86400, activation
shown("times are times")

errors = ssm.exceptions
raises(errors.DoesNotExistException, ssm.resume_session, SessionId="nobody-00000000000000000")
raises(errors.InvalidDocument, ssm.start_session, Target=node, DocumentName="No-Such-Document")
raises(errors.InvalidActivation, ssm.delete_activation, ActivationId="11111111-2222-4333-8444-555555555555")
raises(errors.InvalidNextToken, ssm.describe_activations, NextToken="garbage")
offline = raises(errors.TargetNotConnected, ssm.start_session, Target="mi-00000000000000000")
assert offline.response["Error"]["Message"].startswith("mi-00000000000000000 is not connected."), offline
shown("errors are the SDK's own classes")

assert info["PingStatus"] == "Online", info
older = [{"key": "PingStatus", "valueSet": ["ConnectionLost"]}]
assert ssm.describe_instance_information(InstanceInformationFilterList=older)["InstanceInformationList"] == []
assert ssm.get_connection_status(Target=node)["Status"] == "connected"
assert ssm.get_connection_status(Target="mi-00000000000000000")["Status"] == "notconnected"
ssm.deregister_managed_instance(InstanceId=node)
assert ssm.describe_instance_information()["InstanceInformationList"] == []
shown("nodes are listed, filtered and deregistered")
