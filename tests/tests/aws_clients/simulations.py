"""boto3 asks what policies would say. The argument lists the operations, each of which is called. Endpoint, region and
credentials come from the environment. One line for each behaviour that is shown."""

import json
import sys

# A file beside this one has the name of the package.
sys.path.pop(0)
import boto3  # noqa: E402

iam = boto3.client("iam")
called = set()
PREPARING = {"CreateUser", "CreateGroup", "CreateRole", "PutUserPolicy", "PutGroupPolicy", "PutRolePolicy"}
PREPARING |= {"AddUserToGroup", "AttachUserPolicy", "AttachGroupPolicy", "TagUser", "PutUserPermissionsBoundary"}
PREPARING |= {"DeleteUserPermissionsBoundary"}
iam.meta.events.register("before-call", lambda model, **_: called.add(model.name))


def shown(behaviour):
    print(f"shown\t{behaviour}", flush=True)


def raises(code, call, **arguments):
    try:
        call(**arguments)
    except iam.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response["Error"]["Message"]
    raise AssertionError("it went through")


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect, action, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def simulate(source, *actions, **arguments):
    return iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=list(actions), **arguments)["EvaluationResults"]


def custom(policies, *actions, **arguments):
    policies = policies if isinstance(policies, list) else [policies]
    return iam.simulate_custom_policy(PolicyInputList=policies, ActionNames=list(actions), **arguments)["EvaluationResults"]


def matched(result):
    return [found["SourcePolicyId"] for found in result["MatchedStatements"]]


def decisions(results):
    return [result["EvalDecision"] for result in results]


# The example of AWS's documentation, with the positions that it prints.
dynamo = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
    '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
)
at = {"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": ["2019-04-25T11:00:00Z"], "ContextKeyType": "date"}
[result] = custom(dynamo, "dynamodb:CreateBackup", ContextEntries=[at])
expected = {
    "EvalActionName": "dynamodb:CreateBackup",
    "EvalResourceName": "*",
    "EvalDecision": "allowed",
    "MatchedStatements": [
        {
            "SourcePolicyId": "PolicyInputList.1",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 1, "Column": 38},
            "EndPosition": {"Line": 1, "Column": 167},
        }
    ],
    "MissingContextValues": [],
}
assert result == expected, result
[result] = custom(dynamo, "dynamodb:CreateBackup")
assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:CurrentTime"]), result
at["ContextKeyValues"] = ["2014-04-25T11:00:00Z"]
assert decisions(custom(dynamo, "dynamodb:CreateBackup", ContextEntries=[at])) == ["implicitDeny"]

# Somebody's own policies, those of the group, managed ones, one that is only asked about, and a boundary.
jane = iam.create_user(UserName="jane", Path="/ops/")["User"]["Arn"]
iam.create_group(GroupName="web")
group = "arn:aws:iam::" + jane.split(":")[4] + ":group/web"
role = iam.create_role(
    RoleName="deploy",
    AssumeRolePolicyDocument=json.dumps(
        {"Statement": {"Effect": "Allow", "Principal": {"AWS": jane}, "Action": "sts:AssumeRole"}}
    ),
)["Role"]["Arn"]
own = statement("Allow", "ssm:TerminateSession", "arn:aws:ssm:*:*:session/${aws:username}-*")
node = "arn:aws:ssm:eu-west-1:111122223333:managed-instance/mi-0123456789abcdef0"
other = node.replace("0123", "4567")
tagged = statement("Allow", "ssm:StartSession", Condition={"StringEquals": {"ssm:resourceTag/env": "prod"}})
iam.put_user_policy(UserName="jane", PolicyName="own", PolicyDocument=document(own))
iam.put_group_policy(GroupName="web", PolicyName="start", PolicyDocument=document(tagged))
iam.put_role_policy(RoleName="deploy", PolicyName="deny", PolicyDocument=document(statement("Deny", "iam:*")))
iam.add_user_to_group(UserName="jane", GroupName="web")
reading = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"
iam.attach_user_policy(UserName="jane", PolicyArn=reading)
iam.attach_group_policy(GroupName="web", PolicyArn=reading)

sessions = "arn:aws:ssm:eu-west-1:111122223333:session/"
[hers] = simulate(jane, "ssm:TerminateSession", ResourceArns=[sessions + "jane-0a1b"])
[joans] = simulate(jane, "ssm:TerminateSession", ResourceArns=[sessions + "joan-0a1b"])
assert decisions([hers, joans]) == ["allowed", "implicitDeny"] and matched(hers) == ["user_jane_own"], (hers, joans)
[result] = simulate(jane, "ssm:DescribeSessions")
assert matched(result) == ["AmazonSSMReadOnlyAccess"], "once, though she has it twice"
assert "ResourceSpecificResults" not in result and "EvalDecisionDetails" not in result, result

[result] = simulate(jane, "ssm:StartSession", ResourceArns=[node])
assert result["EvalResourceName"] == node and result["EvalDecisionDetails"] == {}, result
[specific] = result["ResourceSpecificResults"]
assert specific["EvalResourceName"] == node and specific["EvalResourceDecision"] == "implicitDeny", specific
assert specific["MissingContextValues"] == ["ssm:resourceTag/env"], specific
env = {"ContextKeyName": "SSM:resourceTag/env", "ContextKeyValues": ["prod"], "ContextKeyType": "string"}
[result] = simulate(jane, "ssm:StartSession", ResourceArns=[node], ContextEntries=[env])
assert decisions([result]) == ["allowed"] and matched(result) == ["group_web_start"], result

# Several resources: one result with the worst, and each of them in it.
only = document(statement("Deny", "ssm:StartSession", node))
[result] = simulate(jane, "ssm:StartSession", ResourceArns=[node, other], ContextEntries=[env], PolicyInputList=[only])
assert decisions([result]) == ["explicitDeny"] and matched(result) == ["PolicyInputList.1"], result
specific = [(found["EvalResourceName"], found["EvalResourceDecision"]) for found in result["ResourceSpecificResults"]]
assert specific == [(node, "explicitDeny"), (other, "allowed")], specific

# Groups and roles.
assert matched(simulate(group, "ssm:StartSession", ContextEntries=[env])[0]) == ["group_web_start"]
[result] = simulate(role, "iam:CreateUser")
assert decisions([result]) == ["explicitDeny"] and matched(result) == ["role_deploy_deny"], result

# A boundary narrows: the one that she has, or the one that is asked about.
assert "PermissionsBoundaryDecisionDetail" not in simulate(jane, "ssm:DescribeSessions")[0]
iam.put_user_permissions_boundary(UserName="jane", PermissionsBoundary="arn:aws:iam::aws:policy/IAMFullAccess")
[result] = simulate(jane, "ssm:DescribeSessions")
assert decisions([result]) == ["implicitDeny"], result
assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}, result
bound = document(statement("Allow", "ssm:*"))
[result] = simulate(jane, "ssm:DescribeSessions", PermissionsBoundaryPolicyInputList=[bound])
assert decisions([result]) == ["allowed"], result
assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}, result
iam.delete_user_permissions_boundary(UserName="jane")

# A resource's policy, in the caller's account and in another one.
bucket = "arn:aws:s3:::bucket/key"
lets_jane = json.dumps(
    {"Statement": {"Effect": "Allow", "Principal": {"AWS": jane}, "Action": "s3:GetObject", "Resource": bucket}}
)
nothing = document(statement("Allow", "s3:ListBucket"))
within = {"ResourceArns": [bucket], "ResourcePolicy": lets_jane, "CallerArn": jane}
[result] = custom(nothing, "s3:GetObject", **within)
assert decisions([result]) == ["allowed"] and result["EvalDecisionDetails"] == {}, result
assert result["MatchedStatements"][0]["SourcePolicyType"] == "Resource Policy", result
elsewhere = {**within, "ResourceOwner": "arn:aws:iam::999988887777:root"}
[result] = custom(nothing, "s3:GetObject", **elsewhere)
assert decisions([result]) == ["implicitDeny"], result
assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}, result
[result] = custom(document(statement("Allow", "s3:*")), "s3:GetObject", **elsewhere)
assert decisions([result]) == ["allowed"], result
assert matched(result) == ["PolicyInputList.1", "ResourcePolicy"], result

# Pages, and every type of value.
actions = [f"ssm:A{number}" for number in range(5)]
pages = iam.get_paginator("simulate_principal_policy").paginate(
    PolicySourceArn=jane, ActionNames=actions, PaginationConfig={"PageSize": 2}
)
assert [result["EvalActionName"] for page in pages for result in page["EvaluationResults"]] == actions
for kind, operator, wanted, given, wrong in [
    ("string", "StringLike", "a*", "ab", None),
    ("numeric", "NumericLessThan", "10", "9.5", "nine"),
    ("boolean", "Bool", "true", "true", "yes"),
    ("ip", "IpAddress", "10.0.0.0/8", "10.1.2.3", "10.0.0.0/8"),
    ("binary", "BinaryEquals", "QmluYXJ5", "QmluYXJ5", "!"),
    ("date", "DateLessThan", "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "soon"),
]:
    one = document(statement("Allow", "ssm:A", Condition={operator: {"x:key": wanted}}))
    several = document(statement("Allow", "ssm:A", Condition={"ForAllValues:" + operator: {"x:key": wanted}}))
    entry = {"ContextKeyName": "x:key", "ContextKeyValues": [given], "ContextKeyType": kind}
    assert decisions(custom(one, "ssm:A", ContextEntries=[entry])) == ["allowed"], kind
    entries = [{**entry, "ContextKeyValues": [given, given], "ContextKeyType": kind + "List"}]
    assert decisions(custom(several, "ssm:A", ContextEntries=entries)) == ["allowed"], kind
    entries[0]["ContextKeyType"] = kind
    raises("InvalidInput", iam.simulate_custom_policy, PolicyInputList=[one], ActionNames=["ssm:A"], ContextEntries=entries)
    if wrong:
        bad = [{**entry, "ContextKeyValues": [wrong]}]
        message = raises("InvalidInput", iam.simulate_custom_policy, PolicyInputList=[one], ActionNames=["ssm:A"], ContextEntries=bad)
        assert message == f"The value {wrong} of x:key is not of the type {kind}.", message

keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=jane, PolicyInputList=[dynamo])["ContextKeyNames"]
assert sorted(keys) == ["aws:CurrentTime", "aws:username", "ssm:resourceTag/env"], keys
keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[document(own, tagged, own)])["ContextKeyNames"]
assert keys == ["aws:username", "ssm:resourceTag/env"], keys

# What is wrong is said.
for code, arguments in [
    ("NoSuchEntity", {"PolicySourceArn": jane.replace("jane", "nobody")}),
    ("InvalidInput", {"PolicySourceArn": "arn:aws:iam::999988887777:user/jane"}),
    ("InvalidInput", {"PolicySourceArn": jane.replace("user", "policy")}),
    ("InvalidInput", {"PolicyInputList": ["{}"]}),
    ("InvalidInput", {"PermissionsBoundaryPolicyInputList": [bound, bound]}),
    ("InvalidInput", {"ResourceArns": ["bucket"]}),
    ("InvalidInput", {"ResourceArns": ["*", node]}),
    ("InvalidInput", {"ResourceHandlingOption": "EC2-VPC-InstanceStore"}),
    ("InvalidInput", {"CallerArn": "arn:aws:sts::111122223333:assumed-role/a/b"}),
    ("InvalidInput", {"ResourceOwner": "111122223333"}),
    ("InvalidInput", {"ActionNames": ["Start"]}),
    ("ValidationError", {"Marker": "made up"}),
]:
    raises(code, iam.simulate_principal_policy, **{"PolicySourceArn": jane, "ActionNames": ["ssm:A"], **arguments})
message = raises("InvalidInput", iam.simulate_custom_policy, PolicyInputList=[dynamo, "{"], ActionNames=["ssm:A"])
assert message.startswith("PolicyInputList.2: Syntax errors in policy."), message
raises("InvalidInput", iam.simulate_custom_policy, PolicyInputList=[nothing], ActionNames=["s3:A"], ResourcePolicy=lets_jane)
raises("NoSuchEntity", iam.get_context_keys_for_principal_policy, PolicySourceArn=role.replace("deploy", "nobody"))

wanted = set(sys.argv[1].split(","))
assert called - PREPARING == wanted, f"never called: {sorted(wanted - called)}; not listed: {sorted(called - wanted)}"
shown("policies are tried out on requests that nobody makes")
