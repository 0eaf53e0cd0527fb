"""boto3's clients of the key service and of logs against a service that passes their requests on. Endpoint, region and
credentials come from the environment, and are those of that service."""

import time

import boto3

kms, logs = boto3.client("kms"), boto3.client("logs")


def raises(kind, call, **arguments):
    try:
        call(**arguments)
    except kind as error:
        return error.response["Error"]
    raise AssertionError("it went through")


key = kms.create_key(Description="boto3", Tags=[{"TagKey": "env", "TagValue": "prod"}])["KeyMetadata"]
assert key["AWSAccountId"] == "123456789012" and key["KeyState"] == "Enabled", key
assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["Description"] == "boto3"
context = {"aws:ssm:SessionId": "jane-1", "aws:ssm:TargetId": "mi-00000000000000000"}
data = kms.generate_data_key(KeyId=key["KeyId"], NumberOfBytes=64, EncryptionContext=context)
assert len(data["Plaintext"]) == 64 and data["KeyId"] == key["Arn"], data["KeyId"]
opened = kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext=context)
assert opened["Plaintext"] == data["Plaintext"]
made = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"hunter2")
assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == b"hunter2"
errors = kms.exceptions
for wrong in ({}, {**context, "aws:ssm:SessionId": "jane-2"}):
    raises(errors.InvalidCiphertextException, kms.decrypt, CiphertextBlob=data["CiphertextBlob"], EncryptionContext=wrong)
raises(errors.NotFoundException, kms.describe_key, KeyId="alias/none")
kms.disable_key(KeyId=key["KeyId"])
assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
kms.enable_key(KeyId=key["KeyId"])
assert key["KeyId"] in [one["KeyId"] for page in kms.get_paginator("list_keys").paginate() for one in page["Keys"]]
assert any(alias["AliasName"] == "alias/aws/ssm" for alias in kms.list_aliases()["Aliases"])
kms.create_alias(AliasName="alias/boto3", TargetKeyId=key["KeyId"])
assert kms.describe_key(KeyId="alias/boto3")["KeyMetadata"]["Arn"] == key["Arn"]
raises(errors.AlreadyExistsException, kms.create_alias, AliasName="alias/boto3", TargetKeyId=key["KeyId"])
# What is not offered is refused here and never sent.
raises(errors.UnsupportedOperationException, kms.create_key, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")

group, now = "/boto3/theirs", int(time.time() * 1000)
logs.create_log_group(logGroupName=group, kmsKeyId=key["Arn"], tags={"env": "prod"})
(found,) = logs.describe_log_groups(logGroupNamePrefix="/boto3")["logGroups"]
assert found["kmsKeyId"] == key["Arn"] and "123456789012" in found["arn"], found
logs.create_log_stream(logGroupName=group, logStreamName="jane-1")
events = [{"timestamp": now + at, "message": f"jane says hunter{at}"} for at in range(100)]
put = logs.put_log_events(logGroupName=group, logStreamName="jane-1", logEvents=events)
assert put["nextSequenceToken"], put
read = logs.get_log_events(logGroupName=group, logStreamName="jane-1", startFromHead=True)
assert [event["message"] for event in read["events"]] == [event["message"] for event in events]
assert read["nextForwardToken"] and read["nextBackwardToken"], read
pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern='"hunter42"')
assert [event["timestamp"] - now for page in pages for event in page["events"]] == [42]
(stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="jane")["logStreams"]
assert stream["logStreamName"] == "jane-1" and stream["lastEventTimestamp"] == now + 99, stream
errors = logs.exceptions
raises(errors.ResourceAlreadyExistsException, logs.create_log_group, logGroupName=group)
raises(errors.ResourceNotFoundException, logs.get_log_events, logGroupName=group, logStreamName="none")
raises(errors.InvalidParameterException, logs.put_retention_policy, logGroupName=group, retentionInDays=2)
logs.put_retention_policy(logGroupName=group, retentionInDays=7)
assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7
logs.delete_retention_policy(logGroupName=group)
logs.delete_log_stream(logGroupName=group, logStreamName="jane-1")
logs.delete_log_group(logGroupName=group)
assert logs.describe_log_groups()["logGroups"] == []
