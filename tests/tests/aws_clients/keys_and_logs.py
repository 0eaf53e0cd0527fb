"""boto3's clients of the key service and of logs against a running service, as scripts use them. Endpoint, region and
credentials come from the environment. One line for each behaviour that is shown."""

import sys
import time

# A file beside this one has the name of the package.
sys.path.pop(0)
import boto3  # noqa: E402

kms, logs = boto3.client("kms"), boto3.client("logs")


def shown(behaviour):
    print(f"shown\t{behaviour}", flush=True)


def raises(kind, call, **arguments):
    try:
        call(**arguments)
    except kind as error:
        assert error.response["Error"]["Code"] == kind.__name__, error.response
        return error.response["Error"]["Message"]
    raise AssertionError("it went through")


key = kms.create_key(Description="boto3", Tags=[{"TagKey": "env", "TagValue": "prod"}])["KeyMetadata"]
assert key["KeyState"] == "Enabled" and key["KeyManager"] == "CUSTOMER", key
kms.create_alias(AliasName="alias/boto3", TargetKeyId=key["Arn"])
context = {"aws:ssm:SessionId": "jane-1", "aws:ssm:TargetId": "mi-00000000000000000"}
data = kms.generate_data_key(KeyId="alias/boto3", NumberOfBytes=64, EncryptionContext=context)
assert len(data["Plaintext"]) == 64 and data["KeyId"] == key["Arn"], data["KeyId"]
opened = kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext=context, KeyId=key["KeyId"])
assert opened["Plaintext"] == data["Plaintext"]
made = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"hunter2")
assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == b"hunter2"
assert made["CiphertextBlob"] != kms.encrypt(KeyId=key["KeyId"], Plaintext=b"hunter2")["CiphertextBlob"]
errors = kms.exceptions
raises(errors.InvalidCiphertextException, kms.decrypt, CiphertextBlob=data["CiphertextBlob"])
other = kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]
assert other["KeyManager"] == "AWS", other
raises(errors.IncorrectKeyException, kms.decrypt, CiphertextBlob=made["CiphertextBlob"], KeyId=other["KeyId"])
raises(errors.AlreadyExistsException, kms.create_alias, AliasName="alias/boto3", TargetKeyId=key["KeyId"])
kms.disable_key(KeyId=key["KeyId"])
message = raises(errors.DisabledException, kms.encrypt, KeyId="alias/boto3", Plaintext=b"x")
assert message == f"{key['Arn']} is disabled.", message
kms.enable_key(KeyId=key["KeyId"])
names = [alias["AliasName"] for page in kms.get_paginator("list_aliases").paginate() for alias in page["Aliases"]]
assert names == ["alias/aws/ssm", "alias/boto3"], names
shown("keys are made and named, texts and data keys encrypted and decrypted")

group, now = "/boto3/sessions", int(time.time() * 1000)
logs.create_log_group(logGroupName=group, kmsKeyId=key["Arn"])
(found,) = logs.describe_log_groups(logGroupNamePrefix="/boto3")["logGroups"]
assert found["kmsKeyId"] == key["Arn"], found
for stream in ("jane-1", "jane-2"):
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": now + at, "message": f"{stream} says hunter{at}"} for at in range(100)]
    put = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert put["nextSequenceToken"] and "rejectedLogEventsInfo" not in put, put
    # A token is not needed, and a wrong one does no harm.
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[-1:], sequenceToken="wrong")

arguments = {"logGroupName": group, "logStreamName": "jane-1", "startFromHead": True, "limit": 30}
seen, token = [], None
while True:
    page = logs.get_log_events(**arguments, **({"nextToken": token} if token else {}))
    seen += [event["message"] for event in page["events"]]
    if page["nextForwardToken"] == token:
        break
    token = page["nextForwardToken"]
assert seen == [f"jane-1 says hunter{at}" for at in range(100)] + ["jane-1 says hunter99"], seen

pages = logs.get_paginator("filter_log_events").paginate(
    logGroupName=group, filterPattern='"says hunter7"', PaginationConfig={"PageSize": 1}
)
found = [(event["logStreamName"], event["timestamp"] - now) for page in pages for event in page["events"]]
assert found == [(stream, 7) for stream in ("jane-1", "jane-2")] + [
    (stream, at) for at in range(70, 80) for stream in ("jane-1", "jane-2")
], found
old = [{"timestamp": now - 15 * 86_400_000, "message": "old"}]
rejected = logs.put_log_events(logGroupName=group, logStreamName="jane-1", logEvents=old)["rejectedLogEventsInfo"]
assert rejected == {"tooOldLogEventEndIndex": 1}, rejected
errors = logs.exceptions
raises(errors.ResourceAlreadyExistsException, logs.create_log_group, logGroupName=group)
raises(errors.ResourceNotFoundException, logs.get_log_events, logGroupName=group, logStreamName="none")
raises(errors.InvalidParameterException, logs.put_retention_policy, logGroupName=group, retentionInDays=2)
logs.put_retention_policy(logGroupName=group, retentionInDays=1)
logs.delete_log_stream(logGroupName=group, logStreamName="jane-2")
names = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]]
assert names == ["jane-1"], names
logs.delete_log_group(logGroupName=group)
assert logs.describe_log_groups()["logGroups"] == []
shown("log groups are made, written, read, searched")
