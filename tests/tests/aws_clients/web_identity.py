"""Roles by the word of a provider of identities, through boto3 and the aws CLI: argv is the provider's address, the file
with its certificate authority, the aws program and the operations, each of which is called. One line for each behaviour
that is shown."""

import base64
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

# A file beside this one may have the name of the package.
sys.path.pop(0)
import boto3  # noqa: E402
from botocore import UNSIGNED  # noqa: E402
from botocore.config import Config  # noqa: E402

ISSUER, AUTHORITY, AWS, OPERATIONS = sys.argv[1:]
called = set()


def client_of(service, **arguments):
    client = boto3.client(service, **arguments)
    client.meta.events.register("before-call", lambda model, **_: called.add(model.name))
    return client


iam, sts = client_of("iam"), client_of("sts")
stranger = client_of("sts", config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}))


def raises(code, call, **arguments):
    try:
        call(**arguments)
    except (iam.exceptions.ClientError, sts.exceptions.ClientError) as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response["Error"]["Message"]
    raise AssertionError("it went through")


def token(algorithm="ES256", audience="sts.example.org"):
    """What the provider says about the program that knows its secret."""
    form = {"grant_type": "client_credentials", "resource": f"urn:{algorithm}:{audience}"}
    request = urllib.request.Request(f"{ISSUER}/token", urllib.parse.urlencode(form).encode())
    secret = base64.b64encode(b"build:a%20secret%20of%20the%20build").decode()
    request.add_header("Authorization", f"Basic {secret}")
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=AUTHORITY), timeout=30) as answer:
        return json.load(answer)["access_token"]


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(signed):
    return json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))


def trust(**condition):
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


raises("InvalidInput", iam.create_open_id_connect_provider, Url=ISSUER.replace("https", "http"))
arn = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["another"], ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
name = ISSUER.removeprefix("https://")
assert arn.endswith(f":oidc-provider/{name}"), arn
raises("EntityAlreadyExists", iam.create_open_id_connect_provider, Url=ISSUER)
iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.example.org")
iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="another")
iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["1" * 40])
iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a"])
assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
known = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
assert (known["Url"], known["ClientIDList"], known["ThumbprintList"]) == (name, ["sts.example.org"], ["1" * 40]), known
assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]

subject = {f"{name}:sub": "build", f"{name}:aud": "sts.example.org"}
role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust(StringEquals=subject))["Role"]
only = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "iam:ListRoles",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/project": "web", f"{name}:sub": "build"}},
        }
    ],
}
iam.put_role_policy(RoleName="deploy", PolicyName="p", PolicyDocument=json.dumps(only))
asked = {"RoleArn": role["Arn"], "RoleSessionName": "build-7"}
for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
    got = stranger.assume_role_with_web_identity(**asked, WebIdentityToken=token(algorithm))
    assert (got["SubjectFromWebIdentityToken"], got["Provider"], got["Audience"]) == ("build", arn, "sts.example.org"), got
credentials = got["Credentials"]
there = client_of(
    "iam",
    aws_access_key_id=credentials["AccessKeyId"],
    aws_secret_access_key=credentials["SecretAccessKey"],
    aws_session_token=credentials["SessionToken"],
)
assert there.list_roles()["Roles"], "the tag and the subject that the provider named let it"
raises("AccessDenied", there.list_users)

refused = raises("InvalidIdentityToken", stranger.assume_role_with_web_identity, **asked, WebIdentityToken=token(audience="other"))
assert refused == "Incorrect token audience", refused
good = token()
header, body, signature = good.split(".")
other_body = part({**claims(good), "sub": "root"})
flipped = signature[:-3] + ("A" if signature[-3] != "A" else "B") + signature[-2:]
forged = [f"{header}.{other_body}.{signature}", f"{header}.{body}.{flipped}"]
messages = {raises("InvalidIdentityToken", stranger.assume_role_with_web_identity, **asked, WebIdentityToken=text) for text in forged}
elsewhere = part({**claims(good), "iss": "https://elsewhere.example.org"})
messages.add(raises("InvalidIdentityToken", stranger.assume_role_with_web_identity, **asked, WebIdentityToken=f"{header}.{elsewhere}.{signature}"))
assert len(messages) == 1, f"one sentence for all: {messages}"
keys = urllib.request.urlopen(f"{ISSUER}/jwks", context=ssl.create_default_context(cafile=AUTHORITY), timeout=30).read()
signed = f'{part({"alg": "HS256", "kid": "RS256"})}.{body}'
mac = base64.urlsafe_b64encode(hmac.new(keys, signed.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
for text in (f'{part({"alg": "none"})}.{body}.', f"{signed}.{mac}"):
    refused = raises("InvalidIdentityToken", stranger.assume_role_with_web_identity, **asked, WebIdentityToken=text)
    assert "algorithm" in refused, refused
for wrong in ({"RoleArn": role["Arn"] + "x"}, {}):
    if not wrong:
        iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=trust(StringEquals={f"{name}:sub": "root"}))
    refused = raises("AccessDenied", stranger.assume_role_with_web_identity, **{**asked, **wrong}, WebIdentityToken=good)
    assert refused == "Not authorized to perform sts:AssumeRoleWithWebIdentity", refused
iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=trust(StringEquals=subject))

# As programs in pipelines have it: the aws CLI reads the token from a file.
with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "token")
    with open(file, "w") as kept:
        kept.write(token())
    environment = {key: value for key, value in os.environ.items() if "ACCESS_KEY" not in key}
    environment |= {"AWS_ROLE_ARN": role["Arn"], "AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_SESSION_NAME": "pipeline", "HOME": folder}
    words = [AWS, "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith(":assumed-role/deploy/pipeline"), done
iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
raises("NoSuchEntity", iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)
raises("InvalidIdentityToken", stranger.assume_role_with_web_identity, **asked, WebIdentityToken=good)

wanted = set(OPERATIONS.split(","))
assert wanted <= called, f"never called: {sorted(wanted - called)}"
print("shown\ta role is acted as by the word of an OpenID Connect provider", flush=True)
