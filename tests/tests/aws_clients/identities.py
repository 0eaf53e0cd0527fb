"""boto3's clients of IAM and STS against a running service, as scripts use them. The argument lists the operations, each
of which is called. Endpoint, region and credentials come from the environment. One line for each behaviour that is
shown."""

import json
import sys

# A file beside this one has the name of the package.
sys.path.pop(0)
import boto3  # noqa: E402

iam, sts = boto3.client("iam"), boto3.client("sts")
called = set()
for client in (iam, sts):
    client.meta.events.register("before-call", lambda model, **_: called.add(model.name))


def shown(behaviour):
    print(f"shown\t{behaviour}", flush=True)


def raises(code, call, **arguments):
    try:
        call(**arguments)
    except (iam.exceptions.ClientError, sts.exceptions.ClientError) as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response["Error"]["Message"]
    raise AssertionError("it went through")


def names(operation, key, **arguments):
    pages = iam.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 1})
    return [item if isinstance(item, str) else item[key] for page in pages for item in page[pages.result_keys[0].expression]]


def statement(effect="Allow", action="ssm:*"):
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]}


TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVERYTHING = "arn:aws:iam::aws:policy/AdministratorAccess"
errors = iam.exceptions

me = sts.get_caller_identity()
account = me["Account"]
assert me["Arn"].startswith(f"arn:aws:iam::{account}:user/") and me["UserId"].startswith("AIDA"), me
own = iam.get_user()["User"]
assert (own["Arn"], own["UserId"]) == (me["Arn"], me["UserId"]), own
shown("who is calling, and as whom")

jane = iam.create_user(UserName="Jane", Path="/ops/", Tags=[{"Key": "env", "Value": "prod + test"}])["User"]
assert jane["Arn"] == f"arn:aws:iam::{account}:user/ops/Jane", jane
assert iam.get_user(UserName="jane")["User"] == jane, "the case of a name does not matter"
message = raises("EntityAlreadyExists", iam.create_user, UserName="jane")
assert message == "User with name jane already exists.", message
raises("NoSuchEntity", iam.get_user, UserName="nobody")
raises("ValidationError", iam.list_users, Marker="made up")
for name in ("anna", "Bert"):
    iam.create_user(UserName=name)
assert names("list_users", "UserName") == [own["UserName"], "anna", "Bert", "Jane"]
assert names("list_users", "UserName", PathPrefix="/ops/") == ["Jane"]
raises("EntityAlreadyExists", iam.update_user, UserName="Bert", NewUserName="ANNA")
iam.update_user(UserName="Bert", NewUserName="Berta", NewPath="/x/")
iam.tag_user(UserName="Berta", Tags=[{"Key": "env", "Value": "a"}, {"Key": "Team", "Value": ""}])
raises("InvalidInput", iam.tag_user, UserName="Berta", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
iam.untag_user(UserName="Berta", TagKeys=["ENV"])
assert iam.list_user_tags(UserName="Berta")["Tags"] == [{"Key": "Team", "Value": ""}]
iam.put_user_permissions_boundary(UserName="Berta", PermissionsBoundary=EVERYTHING)
assert iam.get_user(UserName="Berta")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == EVERYTHING
iam.delete_user_permissions_boundary(UserName="Berta")

keys = [iam.create_access_key(UserName="Jane")["AccessKey"] for _ in range(2)]
message = raises("LimitExceeded", iam.create_access_key, UserName="Jane")
assert message == "Cannot exceed quota for AccessKeysPerUser: 2", message
assert sorted(names("list_access_keys", "AccessKeyId", UserName="Jane")) == sorted(key["AccessKeyId"] for key in keys)
arguments = {"aws_access_key_id": keys[0]["AccessKeyId"], "aws_secret_access_key": keys[0]["SecretAccessKey"]}
hers, her_sts = boto3.client("iam", **arguments), boto3.client("sts", **arguments)
used = iam.get_access_key_last_used(AccessKeyId=keys[1]["AccessKeyId"])
assert used["AccessKeyLastUsed"]["ServiceName"] == "N/A" and used["UserName"] == "Jane", used
assert her_sts.get_caller_identity()["UserId"] == jane["UserId"], "that needs no permission"
used = iam.get_access_key_last_used(AccessKeyId=keys[0]["AccessKeyId"])["AccessKeyLastUsed"]
assert used["ServiceName"] == "sts" and used["LastUsedDate"], used
message = raises("AccessDenied", hers.list_users)
assert f"{jane['Arn']} is not authorized to perform: iam:ListUsers" in message, message
raises("AccessDenied", hers.attach_user_policy, UserName="Jane", PolicyArn=EVERYTHING)
iam.attach_user_policy(UserName="Jane", PolicyArn=EVERYTHING)
assert len(hers.list_users()["Users"]) == 4
iam.put_user_policy(UserName="Jane", PolicyName="less", PolicyDocument=json.dumps(statement("Deny", "iam:ListUsers")))
message = raises("AccessDenied", hers.list_users)
assert message.endswith("with an explicit deny in an identity-based policy"), message
assert hers.list_groups()["Groups"] == [], "what is not denied"
iam.delete_user_policy(UserName="Jane", PolicyName="less")
iam.update_access_key(UserName="Jane", AccessKeyId=keys[0]["AccessKeyId"], Status="Inactive")
raises("InvalidClientTokenId", hers.list_users)
raises("NoSuchEntity", iam.delete_access_key, UserName="anna", AccessKeyId=keys[0]["AccessKeyId"])
raises("DeleteConflict", iam.delete_user, UserName="Jane")
for key in keys:
    iam.delete_access_key(UserName="Jane", AccessKeyId=key["AccessKeyId"])
assert iam.list_access_keys()["AccessKeyMetadata"][0]["UserName"] == own["UserName"]

group = iam.create_group(GroupName="ops", Path="/g/")["Group"]
assert group["Arn"] == f"arn:aws:iam::{account}:group/g/ops" and group["GroupId"].startswith("AGPA"), group
iam.create_group(GroupName="web")
for user in ("Jane", "anna"):
    iam.add_user_to_group(GroupName="ops", UserName=user)
raises("NoSuchEntity", iam.add_user_to_group, GroupName="none", UserName="Jane")
assert names("get_group", "UserName", GroupName="ops") == ["anna", "Jane"]
assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="Jane")["Groups"]] == ["ops"]
raises("DeleteConflict", iam.delete_group, GroupName="ops")
iam.remove_user_from_group(GroupName="ops", UserName="anna")
iam.update_group(GroupName="web", NewGroupName="www")
assert names("list_groups", "GroupName") == ["ops", "www"]
iam.put_group_policy(GroupName="ops", PolicyName="p", PolicyDocument=json.dumps(statement()))
assert iam.get_group_policy(GroupName="ops", PolicyName="p")["PolicyDocument"] == statement()
assert names("list_group_policies", None, GroupName="ops") == ["p"]
iam.delete_group_policy(GroupName="ops", PolicyName="p")
iam.delete_group(GroupName="www")
shown("users, groups and their access keys are made, changed and removed")

message = raises("MalformedPolicyDocument", iam.create_role, RoleName="r", AssumeRolePolicyDocument=json.dumps(statement()))
assert message, "it says what is wrong"
role = iam.create_role(
    RoleName="Web", Path="/service-role/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="é", MaxSessionDuration=7200
)["Role"]
assert role["Arn"] == f"arn:aws:iam::{account}:role/service-role/Web" and role["RoleId"].startswith("AROA"), role
assert role["AssumeRolePolicyDocument"] == TRUST and role["MaxSessionDuration"] == 7200 and role["Description"] == "é", role
iam.update_role(RoleName="Web", MaxSessionDuration=3600)
other = json.loads(json.dumps(TRUST).replace("ssm.amazonaws", "ec2.amazonaws"))
iam.update_assume_role_policy(RoleName="web", PolicyDocument=json.dumps(other))
iam.tag_role(RoleName="Web", Tags=[{"Key": "a", "Value": "b"}])
iam.put_role_permissions_boundary(RoleName="Web", PermissionsBoundary=EVERYTHING)
role = iam.get_role(RoleName="Web")["Role"]
assert role["AssumeRolePolicyDocument"] == other and role["MaxSessionDuration"] == 3600 and role["Description"] == "é", role
assert iam.list_role_tags(RoleName="Web")["Tags"] == role["Tags"] == [{"Key": "a", "Value": "b"}]
iam.untag_role(RoleName="Web", TagKeys=["a"])
iam.delete_role_permissions_boundary(RoleName="Web")
assert names("list_roles", "RoleName") == ["PosternNode", "Web"], "nodes' role is there without anybody making it"
iam.put_role_policy(RoleName="Web", PolicyName="p", PolicyDocument=json.dumps(statement()))
assert iam.get_role_policy(RoleName="Web", PolicyName="p")["PolicyDocument"] == statement()
assert names("list_role_policies", None, RoleName="Web") == ["p"]
raises("DeleteConflict", iam.delete_role, RoleName="Web")
iam.delete_role_policy(RoleName="Web", PolicyName="p")
assert iam.list_instance_profiles_for_role(RoleName="Web")["InstanceProfiles"] == []
shown("roles and their trust are made, changed and removed")

for name in ("p", "q"):
    iam.put_user_policy(UserName="anna", PolicyName=name, PolicyDocument=json.dumps(statement()))
assert iam.get_user_policy(UserName="anna", PolicyName="q")["PolicyDocument"] == statement()
assert names("list_user_policies", None, UserName="anna") == ["p", "q"]
long = json.dumps(statement(action="ssm:" + "a" * 2000))
assert "2048" in raises("LimitExceeded", iam.put_user_policy, UserName="anna", PolicyName="r", PolicyDocument=long)
policy = iam.create_policy(PolicyName="mine", PolicyDocument=json.dumps(statement()), Description="d", Tags=[{"Key": "a", "Value": "b"}])["Policy"]
arn = policy["Arn"]
assert arn == f"arn:aws:iam::{account}:policy/mine" and policy["PolicyId"].startswith("ANPA"), policy
raises("EntityAlreadyExists", iam.create_policy, PolicyName="MINE", PolicyDocument=json.dumps(statement()))
for number in range(2, 6):
    document = json.dumps(statement(action=f"ssm:A{number}"))
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=number == 3)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == (f"v{number}", number == 3), made
raises("LimitExceeded", iam.create_policy_version, PolicyArn=arn, PolicyDocument=document)
assert names("list_policy_versions", "VersionId", PolicyArn=arn) == ["v5", "v4", "v3", "v2", "v1"]
assert iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]["Document"] == statement(action="ssm:A3")
assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
raises("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v3")
raises("NoSuchEntity", iam.set_default_policy_version, PolicyArn=arn, VersionId="v9")
iam.set_default_policy_version(PolicyArn=arn, VersionId="v5")
for number in range(1, 5):
    iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "c", "Value": "d"}])
iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
iam.attach_user_policy(UserName="anna", PolicyArn=arn)
iam.attach_group_policy(GroupName="ops", PolicyArn=arn)
iam.attach_role_policy(RoleName="Web", PolicyArn=arn)
assert names("list_attached_user_policies", "PolicyArn", UserName="anna") == [arn]
assert names("list_attached_group_policies", "PolicyName", GroupName="ops") == ["mine"]
assert names("list_attached_role_policies", "PolicyName", RoleName="Web") == ["mine"]
assert names("list_policies", "PolicyName", Scope="Local", OnlyAttached=True) == ["mine"]
everywhere = names("list_policies", "PolicyName")
assert (len(everywhere), everywhere[0], everywhere[-1]) == (15, "AdministratorAccess", "mine"), everywhere
assert names("list_policies", "PolicyName", PathPrefix="/service-role/") == ["AmazonEC2RoleforSSM"]
core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
assert iam.get_policy(PolicyArn=core)["Policy"]["DefaultVersionId"] == "v2"
iam.attach_role_policy(RoleName="Web", PolicyArn=core)
assert names("list_attached_role_policies", "PolicyName", RoleName="Web") == ["mine", "AmazonSSMManagedInstanceCore"]
iam.detach_role_policy(RoleName="Web", PolicyArn=core)
have = iam.list_entities_for_policy(PolicyArn=arn)
found = [have[kind][0][name] for kind, name in (("PolicyUsers", "UserName"), ("PolicyGroups", "GroupName"), ("PolicyRoles", "RoleName"))]
assert found == ["anna", "ops", "Web"], have
raises("NoSuchEntity", iam.attach_user_policy, UserName="anna", PolicyArn=f"arn:aws:iam::{account}:policy/none")
raises("NoSuchEntity", iam.attach_user_policy, UserName="anna", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")
raises("InvalidInput", iam.get_policy, PolicyArn="arn:aws:s3:::a-bucket-of-mine")
raises("AccessDenied", iam.delete_policy, PolicyArn=EVERYTHING)
raises("DeleteConflict", iam.delete_policy, PolicyArn=arn)
iam.detach_user_policy(UserName="anna", PolicyArn=arn)
iam.detach_group_policy(GroupName="ops", PolicyArn=arn)
iam.detach_role_policy(RoleName="Web", PolicyArn=arn)
raises("NoSuchEntity", iam.detach_role_policy, RoleName="Web", PolicyArn=arn)
iam.delete_policy(PolicyArn=arn)
iam.delete_role(RoleName="Web")
iam.delete_user(UserName="Berta")

wanted = set(sys.argv[1].split(","))
assert called == wanted, f"never called: {sorted(wanted - called)}; not listed: {sorted(called - wanted)}"
shown("policies are kept in versions, attached and detached")
