//! Tags, service settings and the listings of consoles, with the stock `aws` CLI, boto3 and `postern`.

use std::time::Duration;

use postern_testkit::{Agent, Output, PythonEnvironment, Scheme, Service, program, run};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A service with a node that got its tags from its activation.
struct World {
    python: &'static PythonEnvironment,
    agent: Agent,
    environment: Vec<(String, String)>,
    _service: Service,
}

impl World {
    fn new() -> Option<Self> {
        let python = PythonEnvironment::get()?;
        let service = Service::start(Scheme::Http);
        let agent = Agent::start(&service);
        let environment = service.environment();
        Some(Self { python, agent, environment, _service: service })
    }

    fn try_aws(&self, words: &[&str]) -> Output {
        run(&self.python.aws(), [&["--output", "json", "ssm"], words].concat(), &self.environment, PATIENCE)
    }

    fn aws(&self, words: &[&str]) -> Value {
        let done = self.try_aws(words).expect_success(&format!("aws ssm {}", words.join(" ")));
        serde_json::from_str(&done.stdout).unwrap_or_default()
    }

    #[track_caller]
    fn refused(&self, words: &[&str], code: &str) {
        let done = self.try_aws(words);
        assert!(done.status.is_some_and(|status| status != 0), "aws ssm {} went through: {done:#?}", words.join(" "));
        assert!(done.stderr.contains(&format!("({code})")), "{words:?}: {}", done.stderr);
    }

    fn postern(&self, words: &[&str]) -> Output {
        run(&program("postern"), words, &self.environment, PATIENCE)
    }

    fn boto3(&self, script: &str) {
        let words = ["-c", script, self.agent.node_id()];
        let done = run(&self.python.python(), words, &self.environment, PATIENCE).expect_success("the script");
        assert!(done.stdout.contains("done"), "{done:#?}");
    }
}

#[test]
fn nodes_are_tagged_and_found_by_their_tags() {
    let Some(world) = World::new() else { return };
    let node = world.agent.node_id();
    let on = ["--resource-type", "ManagedInstance", "--resource-id", node];

    let tags = ["--tags", "Key=env,Value=prod", "Key=Büro 3,Value="];
    world.aws(&[&["add-tags-to-resource"][..], &on, &tags].concat());
    let listed = world.aws(&[&["list-tags-for-resource"][..], &on].concat());
    assert_eq!(listed["TagList"], json!([{"Key": "Büro 3", "Value": ""}, {"Key": "env", "Value": "prod"}]));
    let found = |value: &str| {
        let filter = format!("Key=tag:env,Values={value}");
        let listed = world.aws(&["describe-instance-information", "--filters", &filter]);
        listed["InstanceInformationList"].as_array().map(Vec::len)
    };
    assert_eq!((found("prod"), found("test")), (Some(1), Some(0)));
    let reserved = ["--tags", "Key=aws:env,Value=x"];
    world.refused(&[&["add-tags-to-resource"][..], &on, &reserved].concat(), "ValidationException");
    let nobody = ["--resource-type", "ManagedInstance", "--resource-id", "mi-00000000000000000"];
    world.refused(&[&["list-tags-for-resource"][..], &nobody].concat(), "InvalidResourceId");

    world.boto3(
        r#"
import sys, boto3
ssm, node = boto3.client("ssm"), sys.argv[1]
on = {"ResourceType": "ManagedInstance", "ResourceId": node}
try: ssm.add_tags_to_resource(**on, Tags=[{"Key": f"key-{n}", "Value": ""} for n in range(49)])
except ssm.exceptions.TooManyTagsError: pass
else: raise AssertionError("fifty-one tags")
assert len(ssm.list_tags_for_resource(**on)["TagList"]) == 2
ssm.remove_tags_from_resource(**on, TagKeys=["Büro 3", "never there"])
assert ssm.list_tags_for_resource(**on)["TagList"] == [{"Key": "env", "Value": "prod"}]
print("done")
"#,
    );

    // Ours, by name, and seen in the list.
    world.postern(&["tag", "add", "tag:env=prod", "env=test", "team=web"]).expect_success("postern tag add");
    world.postern(&["tag", "remove", node, "team"]).expect_success("postern tag remove");
    let done = world.postern(&["tag", "list", node, "--json"]).expect_success("postern tag list");
    assert_eq!(
        serde_json::from_str::<Value>(&done.stdout).unwrap_or_default(),
        json!([{"Key": "env", "Value": "test"}])
    );
    let nodes = |filters: &[&str]| {
        let done = world.postern(&[&["nodes", "--json"], filters].concat()).expect_success("postern nodes");
        serde_json::from_str::<Value>(&done.stdout).unwrap_or_default()
    };
    assert_eq!(nodes(&[])[0]["Tags"], json!([{"Key": "env", "Value": "test"}]));
    assert_eq!(nodes(&["tag:env=prod,test", "PingStatus=Online", node])[0]["InstanceId"], node);
    assert_eq!(nodes(&["tag:env=prod"]), json!([]));
    assert_eq!(nodes(&["tag:team"]), json!([]));
    let table = world.postern(&["nodes", "tag:env"]).expect_success("postern nodes").stdout;
    assert!(table.contains("TAGS") && table.contains("env=test"), "{table}");
    let refused = world.postern(&["tag", "add", node, "aws:x=y"]);
    assert_eq!(refused.status, Some(255), "{refused:#?}");
    assert!(refused.stderr.contains("reserved"), "{refused:#?}");
}

#[test]
fn settings_are_kept_for_whoever_asks() {
    let Some(world) = World::new() else { return };
    let tier = "/ssm/managed-instance/activation-tier";
    let arn = format!("arn:aws:ssm:us-east-1:000000000000:servicesetting{tier}");
    let get = |id: &str| world.aws(&["get-service-setting", "--setting-id", id])["ServiceSetting"].clone();
    let default = json!({"SettingId": tier, "SettingValue": "advanced", "ARN": arn, "Status": "Default"});
    assert_eq!(get(tier), default);
    world.aws(&["update-service-setting", "--setting-id", &arn, "--setting-value", "standard"]);
    let set = get(tier);
    assert_eq!((&set["SettingValue"], &set["Status"]), (&json!("standard"), &json!("Customized")));
    let user = set["LastModifiedUser"].as_str().unwrap_or_default();
    assert!(user.starts_with("arn:aws:iam::000000000000:user/") && !set["LastModifiedDate"].is_null(), "{set}");
    let gold = ["update-service-setting", "--setting-id", tier, "--setting-value", "gold"];
    world.refused(&gold, "ValidationException");
    world.refused(&["get-service-setting", "--setting-id", "/ssm/no/such"], "ServiceSettingNotFound");
    assert_eq!(world.aws(&["reset-service-setting", "--setting-id", &arn])["ServiceSetting"], default);
    world.boto3(
        r#"
import boto3, datetime
ssm = boto3.client("ssm")
role = "/ssm/managed-instance/default-ec2-instance-management-role"
assert ssm.get_service_setting(SettingId=role)["ServiceSetting"]["SettingValue"] == "$None"
ssm.update_service_setting(SettingId=role, SettingValue="service-role/Nodes")
setting = ssm.get_service_setting(SettingId=role)["ServiceSetting"]
assert isinstance(setting["LastModifiedDate"], datetime.datetime), setting
assert ssm.reset_service_setting(SettingId=role)["ServiceSetting"]["Status"] == "Default"
try: ssm.get_service_setting(SettingId="nothing")
except ssm.exceptions.ServiceSettingNotFound: print("done")
"#,
    );
}

#[test]
fn consoles_see_the_same_nodes() {
    let Some(world) = World::new() else { return };
    let node = world.agent.node_id();
    let not_online = "Key=PingStatus,Values=Online,Operator=NotEqual";
    let listed = world.aws(&["describe-instance-properties", "--filters-with-operator", not_online]);
    assert_eq!(listed["InstanceProperties"], json!([]));
    let listed = world.aws(&["describe-instance-properties"]);
    assert_eq!(listed["InstanceProperties"][0]["InstanceId"], node);
    let listed = world.aws(&["list-nodes", "--filters", "Key=InstanceStatus,Values=Online"]);
    assert_eq!(listed["Nodes"][0]["NodeType"]["Instance"]["ManagedStatus"], "Managed");
    world.aws(&["update-managed-instance-role", "--instance-id", node, "--iam-role", "Other"]);
    let filter = ["--instance-property-filter-list", "key=IamRole,valueSet=Other"];
    let listed = world.aws(&[&["describe-instance-properties"][..], &filter].concat());
    assert_eq!(listed["InstanceProperties"][0]["IamRole"], "Other");
    let colour = "Key=Colour,Values=red";
    world.refused(&["describe-instance-properties", "--filters-with-operator", colour], "InvalidFilterKey");
    world.refused(&["list-nodes", "--starting-token", "bm90IG91cnM="], "InvalidNextToken");
    world.boto3(
        r#"
import sys, boto3
ssm, node = boto3.client("ssm"), sys.argv[1]
pages = ssm.get_paginator("describe_instance_properties").paginate(FiltersWithOperator=[
    {"Key": "AgentVersion", "Values": ["0.0.0"], "Operator": "GreaterThan"}])
assert [n["InstanceId"] for p in pages for n in p["InstanceProperties"]] == [node]
(only,) = [n for p in ssm.get_paginator("list_nodes").paginate() for n in p["Nodes"]]
assert only["Id"] == node and only["Owner"]["AccountId"] == "000000000000", only
print("done")
"#,
    );
}
