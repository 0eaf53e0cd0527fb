//! Documents from creation to deletion, with the stock `aws` CLI, boto3 and `postern`, and the sessions started with
//! them through our plugin.

use std::time::Duration;

use postern_testkit::{
    Agent, Behaviour, Output, PythonEnvironment, Scheme, Service, Terminal, VERSION, program, run, temporary_folder,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

const HELLO: &str = "schemaVersion: '1.0'\ndescription: Say hello\nsessionType: NonInteractiveCommands\nparameters:\n  \
                     who:\n    type: String\n    allowedPattern: '[a-z]+'\n    default: world\nproperties:\n  linux:\n    \
                     commands: echo hello {{ who }}\n";

/// A service with a node, and the stock CLI with our plugin.
struct World {
    python: &'static PythonEnvironment,
    agent: Agent,
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
    _service: Service,
}

impl World {
    fn new() -> Option<Self> {
        let python = PythonEnvironment::get()?;
        let service = Service::start(Scheme::Http);
        let agent = Agent::start(&service);
        let folder = temporary_folder();
        let mut environment = service.environment();
        let path = python.path_with_plugin(folder.path(), &program("postern"));
        environment.push(("PATH".to_string(), path));
        Some(Self { python, agent, environment, folder, _service: service })
    }

    /// What the CLI, our plugin and our agent show together.
    fn behaviour(&self, name: &str) -> Behaviour {
        let aws = ("aws", self.python.version("awscli"));
        Behaviour::of(name, &[aws, ("postern", VERSION), ("postern-agent", VERSION)])
    }

    fn try_aws(&self, words: &[&str]) -> Output {
        run(&self.python.aws(), [&["--output", "json", "ssm"], words].concat(), &self.environment, PATIENCE)
    }

    fn aws(&self, words: &[&str]) -> Value {
        let done = self.try_aws(words).expect_success(&format!("aws ssm {}", words.join(" ")));
        serde_json::from_str(&done.stdout).unwrap_or_default()
    }

    /// What a refused call is told.
    fn refused(&self, words: &[&str]) -> String {
        let done = self.try_aws(words);
        assert!(done.status.is_some_and(|status| status != 0), "aws ssm {} went through: {done:#?}", words.join(" "));
        done.stderr.trim().to_string()
    }

    /// The output of a session with a document.
    fn session(&self, document: &str, parameters: &[&str]) -> String {
        let start = ["start-session", "--target", self.agent.node_id(), "--document-name", document];
        self.try_aws(&[&start, parameters].concat()).expect_success("the session").stdout
    }

    /// The argument that makes the CLI read a file with this text.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        format!("file://{}", path.display())
    }

    fn postern(&self, words: &[&str]) -> Output {
        run(&program("postern"), words, &self.environment, PATIENCE)
    }
}

#[test]
fn the_aws_cli_takes_a_document_from_creation_to_deletion() {
    let Some(world) = World::new() else { return };
    let sessions = world.behaviour("a document of the account's own, its versions and parameters");
    let yaml = world.file("hello.yaml", HELLO);
    let create = ["create-document", "--name", "Hello", "--document-type", "Session", "--document-format", "YAML"];
    let created = world.aws(&[&create[..], &["--content", &yaml, "--tags", "Key=env,Value=prod"]].concat());
    let description = &created["DocumentDescription"];
    assert_eq!((&description["Name"], &description["Status"]), (&json!("Hello"), &json!("Active")));
    assert_eq!(description["PlatformTypes"], json!(["Linux"]));
    assert_eq!(description["Parameters"][0]["DefaultValue"], "world");

    assert!(world.session("Hello", &[]).contains("hello world"));
    assert!(world.session("Hello", &["--parameters", "who=jane"]).contains("hello jane"));
    let start = ["start-session", "--target", world.agent.node_id(), "--document-name", "Hello"];
    let error = world.refused(&[&start[..], &["--parameters", "who=Jane"]].concat());
    assert!(error.contains("(InvalidParameters)") && error.contains("'who' must satisfy"), "{error}");

    let yaml = world.aws(&["get-document", "--name", "Hello", "--document-format", "YAML"]);
    assert_eq!(yaml["Content"], HELLO, "byte for byte");
    let in_json = world.aws(&["get-document", "--name", "Hello", "--document-format", "JSON"]);
    let content: Value = serde_json::from_str(in_json["Content"].as_str().expect("a text")).expect("JSON");
    assert_eq!(content["properties"]["linux"]["commands"], "echo hello {{ who }}");

    // A second version, in the other form: not used before it is the default one.
    let second = world.file("hello.json", &content.to_string().replace("echo hello", "echo good-bye"));
    let update = ["update-document", "--name", "Hello", "--document-version", "$LATEST", "--document-format", "JSON"];
    let updated = world.aws(&[&update[..], &["--content", &second]].concat());
    assert_eq!(updated["DocumentDescription"]["DocumentVersion"], "2");
    assert!(world.session("Hello", &[]).contains("hello world"));
    let chosen = world.aws(&["update-document-default-version", "--name", "Hello", "--document-version", "2"]);
    assert_eq!(chosen["Description"]["DefaultVersion"], "2");
    assert!(world.session("Hello", &[]).contains("good-bye world"));
    let versions = world.aws(&["list-document-versions", "--name", "Hello"]);
    let of_each = |member: &str| -> Vec<Value> {
        let versions = versions["DocumentVersions"].as_array().expect("a list");
        versions.iter().map(|version| version[member].clone()).collect()
    };
    assert_eq!(of_each("DocumentVersion"), [json!("2"), json!("1")]);
    assert_eq!(of_each("IsDefaultVersion"), [json!(true), json!(false)]);
    assert_eq!(of_each("DocumentFormat"), [json!("JSON"), json!("YAML")]);
    let mine = world.aws(&["list-documents", "--filters", "Key=Owner,Values=Self", "Key=tag:env,Values=prod,test"]);
    assert_eq!(mine["DocumentIdentifiers"].as_array().map(Vec::len), Some(1), "{mine}");
    assert_eq!(mine["DocumentIdentifiers"][0]["DocumentVersion"], "2");

    world.aws(&["delete-document", "--name", "Hello", "--document-version", "1"]);
    world.aws(&["delete-document", "--name", "Hello"]);
    let error = world.refused(&start);
    assert!(
        error.contains(
            "An error occurred (InvalidDocument) when calling the StartSession operation: Document with name \
                        Hello does not exist."
        ),
        "{error}"
    );
    sessions.holds();
}

#[test]
fn preferences_and_interactive_documents_reach_the_terminal() {
    let Some(world) = World::new() else { return };
    let behaviour = world.behaviour("session preferences");
    let preferences = json!({
        "schemaVersion": "1.0",
        "description": "Document to hold regional settings for Session Manager",
        "sessionType": "Standard_Stream",
        "inputs": {
            "s3BucketName": "", "s3KeyPrefix": "", "s3EncryptionEnabled": true, "cloudWatchLogGroupName": "",
            "cloudWatchEncryptionEnabled": "true", "cloudWatchStreamingEnabled": "false", "kmsKeyId": "",
            "runAsEnabled": false, "runAsDefaultUser": "", "idleSessionTimeout": "7", "maxSessionDuration": "60",
            "shellProfile": {"windows": "", "linux": "echo profile-$((40+2))"}
        }
    });
    let content = world.file("preferences.json", &preferences.to_string());
    let name = "SSM-SessionManagerRunShell";
    world.aws(&["create-document", "--name", name, "--document-type", "Session", "--content", &content]);
    let start = ["ssm", "start-session", "--target", world.agent.node_id()];
    let mut terminal = Terminal::start(&world.python.aws(), &start, &world.environment);
    terminal.expect("profile-42", PATIENCE);
    let active = world.aws(&["describe-sessions", "--state", "Active"]);
    assert_eq!(active["Sessions"][0]["MaxSessionDuration"], "60");
    assert_eq!(active["Sessions"][0]["DocumentName"], name);
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    behaviour.holds();

    let ask = "schemaVersion: '1.0'\nsessionType: InteractiveCommands\nproperties:\n  linux:\n    commands: |\n      printf \
               'name? '\n      read name\n      echo \"you are <$name>\"\n";
    let content = world.file("ask.yaml", ask);
    let create = ["create-document", "--name", "Ask", "--document-type", "Session", "--document-format", "YAML"];
    world.aws(&[&create[..], &["--content", &content]].concat());
    let start = [&start[..], &["--document-name", "Ask"]].concat();
    let mut terminal = Terminal::start(&world.python.aws(), &start, &world.environment);
    terminal.expect("name? ", PATIENCE);
    terminal.type_text("jane\r");
    terminal.expect("you are <jane>", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);

    let error = world.refused(&["create-document", "--name", name, "--document-type", "Session", "--content", "{}"]);
    assert!(error.contains("InvalidDocumentContent"), "what is wrong is said before the name is looked for: {error}");
    world.aws(&["delete-document", "--name", name]);
}

#[test]
fn what_the_cli_sends_wrongly_is_told_with_the_line() {
    let Some(world) = World::new() else { return };
    let mistyped = HELLO.replace("sessionType", "sessiontype");
    let bomb: String = ["a: &a [x, x, x, x, x, x, x, x, x]\n".to_string()]
        .into_iter()
        .chain(('a'..'i').map(|before| {
            let after = char::from_u32(u32::from(before) + 1).expect("a letter");
            format!("{after}: &{after} [{}]\n", vec![format!("*{before}"); 9].join(", "))
        }))
        .collect();
    for (name, format, text, expected) in [
        ("broken.json", "JSON", "{\n  \"schemaVersion\": \"1.0\",\n}", "JSON not well-formed. at Line: 3, Column: 1"),
        ("broken.yaml", "YAML", "a: 1\n  b: 2\n", "YAML not well-formed. at Line: 2, Column: 4"),
        ("mistyped.yaml", "YAML", &mistyped, "'sessiontype' is not a member of such a document at Line: 3, Column: 1"),
        ("bomb.yaml", "YAML", &bomb, "The document is nested too deeply or has too many values at Line: 4"),
        (
            "schema.json",
            "JSON",
            "{\"schemaVersion\": \"2.0\"}",
            "2.0 is not a valid schema version for Session document type",
        ),
    ] {
        let content = world.file(name, text);
        let create = ["create-document", "--name", "Broken", "--document-type", "Session", "--document-format", format];
        let error = world.refused(&[&create[..], &["--content", &content]].concat());
        assert!(error.contains(expected), "{name}: {error}");
    }
    let mine = world.aws(&["list-documents", "--filters", "Key=Owner,Values=Self"]);
    assert_eq!(mine["DocumentIdentifiers"], json!([]), "nothing of it was kept");
    let owned = world.aws(&["list-documents", "--filters", "Key=Owner,Values=Amazon", "--page-size", "2"]);
    assert_eq!(owned["DocumentIdentifiers"].as_array().map(Vec::len), Some(7), "{owned}");
    let error = world.refused(&["delete-document", "--name", "AWS-StartSSHSession"]);
    assert!(error.contains("InvalidDocumentOperation"), "{error}");
}

const BOTO3_SCRIPT: &str = r#"
import boto3, botocore, json, sys
node = sys.argv[1]
ssm = boto3.client("ssm")

def code(call, **arguments):
    try: call(**arguments)
    except botocore.exceptions.ClientError as error: return error.response["Error"]["Code"]
    raise AssertionError("it went through")

content = {"schemaVersion": "1.0", "sessionType": "Port", "parameters": {"portNumber": {"type": "String", "allowedPattern": "^(22|80)$"}},
           "properties": {"portNumber": "{{ portNumber }}", "type": "LocalPortForwarding"}}
made = ssm.create_document(Name="Ports", DocumentType="Session", Content=json.dumps(content), VersionName="first",
                           DisplayName="Two ports", Tags=[{"Key": "team", "Value": "web"}])["DocumentDescription"]
assert made["HashType"] == "Sha256" and len(made["Hash"]) == 64 and made["SchemaVersion"] == "1.0", made
described = ssm.describe_document(Name="Ports", VersionName="first")["Document"]
assert described == made, described
content["parameters"]["portNumber"]["allowedPattern"] = "^443$"
assert code(ssm.update_document, Name="Ports", Content=json.dumps(content), VersionName="first") == "DuplicateDocumentVersionName"
for number in range(2, 8):
    content["description"] = f"version {number}"
    updated = ssm.update_document(Name="Ports", Content=json.dumps(content))["DocumentDescription"]
    assert updated["DocumentVersion"] == str(number) and updated["DefaultVersion"] == "1" and updated["DisplayName"] == "Two ports", updated
assert code(ssm.update_document, Name="Ports", Content=json.dumps(content)) == "DuplicateDocumentContent"
pages = list(ssm.get_paginator("list_document_versions").paginate(Name="Ports", PaginationConfig={"PageSize": 3}))
assert [version["DocumentVersion"] for page in pages for version in page["DocumentVersions"]] == list("7654321"), pages
assert len(pages) == 3
session = ssm.start_session(Target=node, DocumentName="Ports", Parameters={"portNumber": ["80"]})
assert ssm.describe_sessions(State="Active")["Sessions"][0]["DocumentName"] == "Ports"
ssm.terminate_session(SessionId=session["SessionId"])
assert code(ssm.start_session, Target=node, DocumentName="Ports", Parameters={"portNumber": ["443"]}) == "InvalidParameters"
assert code(ssm.start_session, Target=node, DocumentName="Ports") == "InvalidParameters"
ssm.update_document_default_version(Name="Ports", DocumentVersion="7")
assert code(ssm.start_session, Target=node, DocumentName="Ports", Parameters={"portNumber": ["80"]}) == "InvalidParameters"
yaml = ssm.get_document(Name="Ports", DocumentFormat="YAML")
assert yaml["DocumentFormat"] == "YAML" and "description: version 7\n" in yaml["Content"], yaml
names = [d["Name"] for page in ssm.get_paginator("list_documents").paginate(PaginationConfig={"PageSize": 2}) for d in page["DocumentIdentifiers"]]
assert names == sorted(names) and len(names) == 8 and "Ports" in names, names
(found,) = ssm.list_documents(Filters=[{"Key": "Name", "Values": ["Por"]}, {"Key": "DocumentType", "Values": ["Session"]}])["DocumentIdentifiers"]
assert found["Tags"] == [{"Key": "team", "Value": "web"}] and found["DocumentVersion"] == "7", found
assert ssm.list_documents(DocumentFilterList=[{"key": "Owner", "value": "Self"}])["DocumentIdentifiers"][0]["Name"] == "Ports"
ssm.modify_document_permission(Name="Ports", PermissionType="Share", AccountIdsToAdd=["123456789012"])
assert ssm.describe_document_permission(Name="Ports", PermissionType="Share")["AccountIds"] == ["123456789012"]
assert code(ssm.delete_document, Name="Ports") == "InvalidDocumentOperation"
assert code(ssm.get_document, Name="Ports", DocumentVersion="9") == "InvalidDocumentVersion"
assert code(ssm.create_document, Name="Ports", Content="{}") == "InvalidDocumentContent"
ssm.delete_document(Name="Ports", Force=True)
assert code(ssm.describe_document, Name="Ports") == "InvalidDocument"
print("boto3 is content")
"#;

#[test]
fn a_boto3_script_walks_through_documents() {
    let Some(world) = World::new() else { return };
    let programs = [("boto3", world.python.version("boto3"))];
    let behaviour = Behaviour::of("documents are made, changed, used for a session and deleted", &programs);
    let done = run(&world.python.python(), ["-c", BOTO3_SCRIPT, world.agent.node_id()], &world.environment, PATIENCE)
        .expect_success("the boto3 script");
    assert!(done.stdout.contains("boto3 is content"), "{done:#?}");
    behaviour.holds();
}

#[test]
fn our_client_keeps_documents_too() {
    let Some(world) = World::new() else { return };
    let behaviour =
        Behaviour::of("documents are made, changed, used for a session and deleted", &[("postern", VERSION)]);
    let path =
        |name: &str, text: &str| world.file(name, text).strip_prefix("file://").expect("a file's address").to_string();
    let ok = |words: &[&str]| world.postern(words).expect_success(&words.join(" "));
    let hello = path("hello.yaml", HELLO);
    let created = ok(&["document", "create", "Hello", "--file", &hello, "--tag", "env=prod"]);
    assert_eq!((created.stdout.as_str(), created.stderr.trim()), ("", "document Hello of type Session is kept"));
    assert_eq!(ok(&["document", "get", "Hello"]).stdout, HELLO, "as it was given");
    let in_json = ok(&["document", "get", "Hello", "--format", "json"]).stdout;
    let in_json = path("hello", &in_json.replace("echo hello", "echo good-bye"));
    let start = ["start", world.agent.node_id(), "--document", "Hello", "--parameter", "who=jane"];
    assert!(ok(&start).stdout.contains("hello jane"));
    let updated = ok(&["document", "update", "Hello", "--file", &in_json, "--default", "--json"]).stdout;
    let updated: Value = serde_json::from_str(&updated).expect("JSON");
    assert_eq!((&updated["DocumentVersion"], &updated["DefaultVersion"]), (&json!("2"), &json!("2")));
    assert!(ok(&start).stdout.contains("good-bye jane"));
    ok(&["document", "default", "Hello", "1"]);
    let versions = ok(&["document", "versions", "Hello"]).stdout;
    let lines: Vec<_> = versions.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!((lines[1][0], lines[2][0], lines[2].last()), ("2", "1", Some(&"default")), "{versions}");
    let mine = ok(&["document", "list", "--owner", "Self", "--tag", "env=prod"]).stdout;
    assert_eq!(mine.lines().count(), 2, "{mine}");
    assert!(mine.lines().nth(1).is_some_and(|line| line.starts_with("Hello") && line.contains("Session")), "{mine}");
    let all: Value = serde_json::from_str(&ok(&["document", "list", "--json"]).stdout).expect("JSON");
    assert_eq!(all.as_array().map(Vec::len), Some(8));

    let broken = world.postern(&["document", "create", "Other", "--file", &path("broken.yaml", "a: b: c")]);
    assert_eq!((broken.status, broken.stdout.as_str()), (Some(255), ""));
    assert!(broken.stderr.contains("YAML not well-formed. at Line: 1, Column: 5"), "{}", broken.stderr);
    ok(&["document", "delete", "Hello", "--version", "2"]);
    ok(&["document", "delete", "Hello"]);
    let gone = world.postern(&["document", "get", "Hello"]);
    assert!(gone.stderr.contains("Document with name Hello does not exist."), "{gone:#?}");
    behaviour.holds();
}
