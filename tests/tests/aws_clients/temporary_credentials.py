"""Temporary credentials through boto3 and the aws CLI, against a running service: roles that are acted as, one-time codes.
The first argument lists the operations, each of which is called; the second is the aws program. Endpoint, region and
credentials come from the environment. One line for each behaviour that is shown."""

import base64
import hashlib
import hmac
import json
import os
import struct
import subprocess
import sys
import tempfile
import time

# A file beside this one may have the name of the package.
sys.path.pop(0)
import boto3  # noqa: E402

called = set()


def client_of(service, **arguments):
    client = boto3.client(service, **arguments)
    client.meta.events.register("before-call", lambda model, **_: called.add(model.name))
    return client


iam, sts = client_of("iam"), client_of("sts")


def shown(behaviour):
    print(f"shown\t{behaviour}", flush=True)


def raises(code, call, **arguments):
    try:
        call(**arguments)
    except (iam.exceptions.ClientError, sts.exceptions.ClientError) as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response["Error"]["Message"]
    raise AssertionError("it went through")


def keys(credentials):
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def aws(*words, credentials=None):
    """The aws program's answer, or its words about a failure."""
    environment = dict(os.environ, AWS_PAGER="")
    if credentials:
        environment |= {name.upper(): value for name, value in keys(credentials).items()}
    done = subprocess.run([sys.argv[2], *words, "--output", "json"], env=environment, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout or "null") if done.returncode == 0 else done.stderr


def code(seed, step):
    """RFC 6238, as an authenticator does it."""
    digest = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def fresh_step():
    """The step of now, with some time left in it."""
    if time.time() % 30 > 20:
        time.sleep(30 - time.time() % 30)
    return int(time.time() // 30)


def trust(principal, actions="sts:AssumeRole", **condition):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


EVERYTHING = "arn:aws:iam::aws:policy/AdministratorAccess"
me = sts.get_caller_identity()
account = me["Account"]

role = iam.create_role(
    RoleName="web", AssumeRolePolicyDocument=trust(me["Arn"], StringEquals={"sts:ExternalId": "a-secret"})
)["Role"]
iam.attach_role_policy(RoleName="web", PolicyArn=EVERYTHING)
asked = {"RoleArn": role["Arn"], "RoleSessionName": "jane@example.org"}
message = raises("AccessDenied", sts.assume_role, **asked)
assert "is not authorized to perform: sts:AssumeRole on resource" in message, message
raises("AccessDenied", sts.assume_role, **asked, ExternalId="another")
other = raises("AccessDenied", sts.assume_role, **{**asked, "RoleArn": role["Arn"] + "x"})
assert other == message.replace(role["Arn"], role["Arn"] + "x"), f"in the same words: {other}"
raises("ValidationError", sts.assume_role, **asked, ExternalId="a-secret", DurationSeconds=3601)
raises("MalformedPolicyDocument", sts.assume_role, **asked, ExternalId="a-secret", Policy="{}")
acting = sts.assume_role(**asked, ExternalId="a-secret", DurationSeconds=900)
assert acting["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/web/jane@example.org", acting
assert acting["AssumedRoleUser"]["AssumedRoleId"] == f"{role['RoleId']}:jane@example.org", acting
left = acting["Credentials"]["Expiration"].timestamp() - time.time()
assert 880 < left <= 901, left
there = client_of("sts", **keys(acting["Credentials"]))
who = there.get_caller_identity()
assert (who["Arn"], who["UserId"]) == (acting["AssumedRoleUser"]["Arn"], acting["AssumedRoleUser"]["AssumedRoleId"]), who
raises("AccessDenied", there.get_session_token)
assert sts.get_access_key_info(AccessKeyId=acting["Credentials"]["AccessKeyId"])["Account"] == account
raises("ValidationError", sts.get_access_key_info, AccessKeyId="ASIAAAAAAAAAAAAAAAAA")
token = acting["Credentials"]["SessionToken"]
forged = {**acting["Credentials"], "SessionToken": token[:40] + ("A" if token[40] != "A" else "B") + token[41:]}
raises("InvalidClientTokenId", client_of("sts", **keys(forged)).get_caller_identity)
assert "(UnrecognizedClientException)" in aws("ssm", "describe-sessions", "--state", "Active", credentials=forged)

# A profile of the aws CLI acts as the role by itself.
with tempfile.TemporaryDirectory() as folder:
    config = os.path.join(folder, "config")
    with open(config, "w") as file:
        file.write(f"[profile web]\nrole_arn = {role['Arn']}\ncredential_source = Environment\nexternal_id = a-secret\n")
        file.write("role_session_name = profile\n")
    # The program keeps credentials in a cache below its home.
    environment = dict(os.environ, AWS_CONFIG_FILE=config, HOME=folder)
    done = subprocess.run(
        [sys.argv[2], "sts", "get-caller-identity", "--profile", "web", "--query", "Arn", "--output", "text"],
        env=environment, capture_output=True, text=True, timeout=60,
    )
    assert done.stdout.strip() == f"arn:aws:sts::{account}:assumed-role/web/profile", done
iam.detach_role_policy(RoleName="web", PolicyArn=EVERYTHING)
iam.delete_role(RoleName="web")
raises("InvalidClientTokenId", there.get_caller_identity)
shown("a role is acted as, until it is gone")

iam.create_user(UserName="jane")
made = iam.create_access_key(UserName="jane")["AccessKey"]
hers = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
her_sts = client_of("sts", **hers)
made = iam.create_virtual_mfa_device(VirtualMFADeviceName="jane", Path="/phones/")["VirtualMFADevice"]
serial, seed = made["SerialNumber"], made["Base32StringSeed"].decode()
assert made["QRCodePNG"].startswith(b"\x89PNG\r\n"), made
assert serial == f"arn:aws:iam::{account}:mfa/phones/jane" and len(seed) == 64, made
raises("EntityAlreadyExists", iam.create_virtual_mfa_device, VirtualMFADeviceName="jane", Path="/phones/")
listed = iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]
assert [device["SerialNumber"] for device in listed] == [serial] and "Base32StringSeed" not in listed[0], listed
step = fresh_step()
enable = {"UserName": "jane", "SerialNumber": serial}
raises("InvalidAuthenticationCode", iam.enable_mfa_device, **enable, AuthenticationCode1=code(seed, step), AuthenticationCode2=code(seed, step))
iam.enable_mfa_device(**enable, AuthenticationCode1=code(seed, step - 1), AuthenticationCode2=code(seed, step))
assert [device["SerialNumber"] for device in iam.list_mfa_devices(UserName="jane")["MFADevices"]] == [serial]
assert iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"][0]["User"]["UserName"] == "jane"
raises("AccessDenied", her_sts.get_session_token, SerialNumber=serial, TokenCode=code(seed, step))
got = her_sts.get_session_token(SerialNumber=serial, TokenCode=code(seed, step + 1), DurationSeconds=900)["Credentials"]
raises("AccessDenied", her_sts.get_session_token, SerialNumber=serial, TokenCode=code(seed, step + 1))
assert client_of("sts", **keys(got)).get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:user/jane"
without = her_sts.get_session_token()["Credentials"]
raises("InvalidClientTokenId", client_of("iam", **keys(without)).get_user)
raises("InvalidAuthenticationCode", iam.resync_mfa_device, **enable, AuthenticationCode1=code(seed, step), AuthenticationCode2=code(seed, step + 1))
iam.resync_mfa_device(**enable, AuthenticationCode1=code(seed, step + 2), AuthenticationCode2=code(seed, step + 3))
raises("DeleteConflict", iam.delete_virtual_mfa_device, SerialNumber=serial)
iam.deactivate_mfa_device(**enable)
iam.delete_virtual_mfa_device(SerialNumber=serial)
raises("NoSuchEntity", iam.deactivate_mfa_device, **enable)

# The same with the aws CLI, which writes the seed to a file; wrong codes end in a wait.
with tempfile.TemporaryDirectory() as folder:
    seed_file = os.path.join(folder, "seed")
    words = ("--virtual-mfa-device-name", "other", "--bootstrap-method", "Base32StringSeed", "--outfile", seed_file)
    made = aws("iam", "create-virtual-mfa-device", *words)
    serial = made["VirtualMFADevice"]["SerialNumber"]
    seed = open(seed_file).read()
    picture = os.path.join(folder, "seed.png")
    words = ("--virtual-mfa-device-name", "pictured", "--bootstrap-method", "QRCodePNG", "--outfile", picture)
    iam.delete_virtual_mfa_device(SerialNumber=aws("iam", "create-virtual-mfa-device", *words)["VirtualMFADevice"]["SerialNumber"])
    assert open(picture, "rb").read(6) == b"\x89PNG\r\n"
step = fresh_step()
aws("iam", "enable-mfa-device", "--user-name", "jane", "--serial-number", serial,
    "--authentication-code1", code(seed, step - 1), "--authentication-code2", code(seed, step))
no_retries = client_of("sts", **hers, config=boto3.session.Config(retries={"max_attempts": 0}))
wrong = next(f"{number:06}" for number in range(10) if f"{number:06}" not in [code(seed, step + at) for at in range(-2, 4)])
refusals = []
for _ in range(8):
    try:
        no_retries.get_session_token(SerialNumber=serial, TokenCode=wrong)
        raise AssertionError("it went through")
    except no_retries.exceptions.ClientError as error:
        refusals.append(error.response["Error"]["Code"])
assert refusals[0] == "AccessDenied" and refusals[-1] == "Throttling", refusals
iam.deactivate_mfa_device(UserName="jane", SerialNumber=serial)
iam.delete_virtual_mfa_device(SerialNumber=serial)

wanted = set(sys.argv[1].split(","))
assert wanted <= called, f"never called: {sorted(wanted - called)}"
shown("one-time codes are a second factor, once each")
