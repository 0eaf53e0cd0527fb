//! Each group of operations through the stock `aws` CLI, in the forms that scripts use: filters in shorthand, text and
//! table output, queries, pages, and errors with their words and exit status.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_testkit::{
    Agent, Behaviour, Output, PythonEnvironment, Scheme, Service, eventually, program, run, temporary_folder,
};

use crate::PATIENCE;

/// A user with the stock `aws` CLI, a service and a node.
struct User {
    python: &'static PythonEnvironment,
    service: Service,
    agent: Agent,
    folder: tempfile::TempDir,
}

impl User {
    fn start() -> Option<Self> {
        let python = PythonEnvironment::get()?;
        let service = Service::start(Scheme::Http);
        let agent = Agent::start(&service);
        Some(Self { python, service, agent, folder: temporary_folder() })
    }

    fn behaviour(&self, name: &str) -> Behaviour {
        Behaviour::of(name, &[("aws", self.python.version("awscli"))])
    }

    /// Runs a line of words; `NODE` stands for the node's id.
    fn aws(&self, line: &str) -> Output {
        let words = line.split(' ').map(|word| word.replace("NODE", self.agent.node_id()));
        run(&self.python.aws(), words, &self.service.environment(), PATIENCE)
    }

    /// The same with `postern` as the session plugin.
    fn aws_with_plugin(&self, line: &str) -> Output {
        let words = line.split(' ').map(|word| word.replace("NODE", self.agent.node_id()));
        let mut environment = self.service.environment();
        environment.push(("PATH".to_owned(), self.python.path_with_plugin(self.folder.path(), &program("postern"))));
        run(&self.python.aws(), words, &environment, PATIENCE)
    }

    /// A file's address, as the CLI takes it in place of a value.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, content).expect("the folder is writable");
        format!("file://{}", file.display())
    }

    /// What a command prints, without the last line break.
    fn prints(&self, line: &str) -> String {
        self.aws(line).expect_success(line).stdout.trim_end().to_owned()
    }

    /// The error that a command ends with.
    #[track_caller]
    fn fails(&self, line: &str, expected: &str) {
        let done = self.aws(line);
        assert!(done.stderr.contains(expected), "{line}: {done:#?}");
        assert_eq!(done.status, Some(255), "{line}: {done:#?}");
    }
}

#[test]
fn sessions() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("describe-sessions: filters, pages, text and table");
    // Without a plugin: the CLI ends the session that it has started.
    let mut ids = Vec::new();
    for reason in ["one", "two", "three"] {
        let line = format!("ssm start-session --target NODE --reason {reason}");
        let done = user.aws(&line);
        assert!(done.stderr.contains("SessionManagerPlugin is not found"), "{done:#?}");
        let listed = format!("ssm describe-sessions --state History --query Sessions[?Reason=='{reason}'].SessionId");
        ids.push(eventually("the session to be over", PATIENCE, || {
            Some(user.prints(&format!("{listed} --output text"))).filter(|id| !id.is_empty())
        }));
    }
    ids.reverse();
    let history = "ssm describe-sessions --state History";
    let text = user.prints(&format!("{history} --query Sessions[].[SessionId] --output text"));
    assert_eq!(text.lines().collect::<Vec<_>>(), ids, "newest first");
    let table = user.prints(&format!("{history} --output table"));
    assert!(table.contains("DescribeSessions") && ids.iter().all(|id| table.contains(id.as_str())), "{table}");
    let filters = format!("key=Target,value=NODE key=Status,value=Terminated key=SessionId,value={}", ids[1]);
    let filtered = user.prints(&format!("{history} --filters {filters} --query Sessions[].[SessionId] --output text"));
    assert_eq!(filtered, ids[1]);
    let since = "key=InvokedAfter,value=2120-01-01T00:00:00Z";
    let none = user.prints(&format!("{history} --filters {since} --query length(Sessions) --output text"));
    assert_eq!(none, "0");
    let paged = user.prints(&format!("{history} --page-size 1 --query Sessions[].[SessionId] --output text"));
    assert_eq!(paged, text);
    user.fails(
        "ssm describe-sessions --state History --filters key=Colour,value=red",
        "An error occurred (InvalidFilterKey) when calling the DescribeSessions operation: ",
    );
    behaviour.holds();
}

#[test]
fn nodes_and_activations() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("nodes are listed, filtered and deregistered");
    let nodes = "ssm describe-instance-information";
    let row = "--query InstanceInformationList[].[InstanceId,PingStatus] --output text";
    let online = user.prints(&format!("{nodes} --filters Key=PingStatus,Values=Online,ConnectionLost {row}"));
    assert_eq!(online, format!("{}\tOnline", user.agent.node_id()));
    let older = "--instance-information-filter-list key=InstanceIds,valueSet=NODE";
    assert_eq!(user.prints(&format!("{nodes} {older} {row}")), online);
    let table = user.prints(&format!("{nodes} --output table"));
    assert!(table.contains(user.agent.node_id()), "{table}");
    user.fails(&format!("{nodes} --filters Key=Colour,Values=red"), "(InvalidFilterKey)");
    user.fails(&format!("{nodes} --max-results 51"), "(ValidationException)");
    user.fails("ssm start-session --target mi-00000000000000000", "mi-00000000000000000 is not connected.");

    let activations = user.behaviour("activations are made, listed and deleted");
    let create = "ssm create-activation --iam-role PosternNode --default-instance-name web --registration-limit 2 \
                  --tags Key=env,Value=prod Key=team,Value=db --query ActivationId --output text";
    let id = user.prints(create);
    let filter = format!("--filters FilterKey=ActivationIds,FilterValues={id}");
    let shown = "--query ActivationList[].[DefaultInstanceName,RegistrationLimit,RegistrationsCount,Tags[0].Value]";
    let listed = user.prints(&format!("ssm describe-activations {filter} {shown} --output text"));
    assert_eq!(listed, "web\t2\t0\tprod");
    assert_eq!(user.prints(&format!("ssm delete-activation --activation-id {id}")), "");
    user.fails(&format!("ssm delete-activation --activation-id {id}"), "(InvalidActivation)");
    activations.holds();

    user.prints("ssm deregister-managed-instance --instance-id NODE");
    assert_eq!(user.prints(&format!("{nodes} {row}")), "");
    behaviour.holds();
}

const DOCUMENT: &str = "\
schemaVersion: '1.0'
description: Says a word
sessionType: NonInteractiveCommands
parameters:
  word:
    type: String
    allowedPattern: '^[a-z]+$'
properties:
  linux:
    commands: echo said-{{ word }}
    runAsElevated: false
";

#[test]
fn documents() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("documents are made, changed, used for a session and deleted");
    let first = user.write("first.yaml", DOCUMENT);
    let second = user.write("second.yaml", DOCUMENT.replace("said-", "now-"));
    let create =
        format!("ssm create-document --name Say --document-type Session --document-format YAML --content {first}");
    assert_eq!(user.prints(&format!("{create} --query DocumentDescription.Status --output text")), "Active");
    user.fails(&create, "(DocumentAlreadyExists)");
    let get = "ssm get-document --name Say --document-version $DEFAULT";
    let content = "--query Content --output text";
    assert_eq!(user.prints(&format!("{get} --document-format YAML {content}")), DOCUMENT.trim_end());
    // JSON is what is given unless asked for something else.
    let json = user.prints(&format!("{get} {content}"));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON was asked for");
    assert_eq!(json["properties"]["linux"]["commands"], "echo said-{{ word }}");

    let update =
        format!("ssm update-document --name Say --document-version $LATEST --document-format YAML --content {second}");
    assert_eq!(user.prints(&format!("{update} --query DocumentDescription.DocumentVersion --output text")), "2");
    user.prints("ssm update-document-default-version --name Say --document-version 2");
    let versions =
        "ssm list-document-versions --name Say --query DocumentVersions[].[DocumentVersion,IsDefaultVersion]";
    assert_eq!(user.prints(&format!("{versions} --output text")), "2\tTrue\n1\tFalse");
    let list = "ssm list-documents --filters Key=Owner,Values=Self Key=DocumentType,Values=Session";
    assert_eq!(user.prints(&format!("{list} --query DocumentIdentifiers[].Name --output text")), "Say");

    let session = "ssm start-session --target NODE --document-name Say --parameters word=";
    let done = user.aws_with_plugin(&format!("{session}hello"));
    assert!(done.stdout.contains("now-hello"), "{done:#?}");
    assert_eq!(done.status, Some(0), "{done:#?}");
    user.fails(&format!("{session}HELLO"), "(InvalidParameters)");
    user.prints("ssm delete-document --name Say");
    user.fails(get, "(InvalidDocument)");
    behaviour.holds();
}

#[test]
fn keys() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("keys are made and named, texts and data keys encrypted and decrypted");
    let key = user.prints("kms create-key --description walk --query KeyMetadata.KeyId --output text");
    user.prints(&format!("kms create-alias --alias-name alias/walk --target-key-id {key}"));
    let aliases = format!("kms list-aliases --key-id {key} --query Aliases[].AliasName --output text");
    assert_eq!(user.prints(&aliases), "alias/walk");
    let plaintext = user.write("plaintext", "open sesame").replace("file://", "fileb://");
    let context = "--encryption-context door=cave";
    let encrypt = format!("kms encrypt --key-id alias/walk --plaintext {plaintext} {context}");
    let blob = user.prints(&format!("{encrypt} --query CiphertextBlob --output text"));
    let blob = STANDARD.decode(blob).expect("base64");
    let blob = user.write("blob", &blob).replace("file://", "fileb://");
    let decrypt = format!("kms decrypt --ciphertext-blob {blob} --query Plaintext --output text");
    // In base64, as the CLI prints what may be no text.
    assert_eq!(user.prints(&format!("{decrypt} {context}")), "b3BlbiBzZXNhbWU=");
    user.fails(&decrypt, "(InvalidCiphertextException)");
    let data_key = "kms generate-data-key --key-id alias/walk --number-of-bytes 64 --query Plaintext --output text";
    assert_eq!(user.prints(data_key).len(), 88);
    user.fails("kms describe-key --key-id alias/nobody", "(NotFoundException)");
    behaviour.holds();
}

#[test]
fn tags_and_settings() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("nodes are tagged and found by their tags; settings are kept");
    let node = "--resource-type ManagedInstance --resource-id NODE";
    user.prints(&format!("ssm add-tags-to-resource {node} --tags Key=env,Value=prod Key=team,Value=db"));
    user.prints(&format!("ssm remove-tags-from-resource {node} --tag-keys team nobody"));
    let tags = format!("ssm list-tags-for-resource {node} --query TagList[].[Key,Value] --output text");
    assert_eq!(user.prints(&tags), "env\tprod");
    let nodes = "ssm describe-instance-information --query InstanceInformationList[].InstanceId --output text";
    assert_eq!(user.prints(&format!("{nodes} --filters Key=tag:env,Values=test,prod")), user.agent.node_id());
    assert_eq!(user.prints(&format!("{nodes} --filters Key=tag:env,Values=test")), "");
    user.fails(
        "ssm list-tags-for-resource --resource-type ManagedInstance --resource-id mi-00000000000000000",
        "(InvalidResourceId)",
    );

    let tier = "--setting-id /ssm/managed-instance/activation-tier";
    user.prints(&format!("ssm update-service-setting {tier} --setting-value standard"));
    let get = format!("ssm get-service-setting {tier} --query ServiceSetting.[SettingValue,Status] --output text");
    assert_eq!(user.prints(&get), "standard\tCustomized");
    user.prints(&format!("ssm reset-service-setting {tier}"));
    assert_eq!(user.prints(&get), "advanced\tDefault");
    behaviour.holds();
}

#[test]
fn logs() {
    let Some(user) = User::start() else { return };
    let behaviour = user.behaviour("log groups are made, written, read, searched");
    user.prints("logs create-log-group --log-group-name /sessions/web");
    user.prints("logs put-retention-policy --log-group-name /sessions/web --retention-in-days 7");
    let groups = "logs describe-log-groups --log-group-name-prefix /sessions --query logGroups[].retentionInDays";
    assert_eq!(user.prints(&format!("{groups} --output text")), "7");
    let stream = "--log-group-name /sessions/web --log-stream-name first";
    user.prints(&format!("logs create-log-stream {stream}"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    let events = format!("timestamp={now},message=opened timestamp={},message=closed", now + 1);
    user.prints(&format!("logs put-log-events {stream} --log-events {events}"));
    let read = format!("logs get-log-events {stream} --start-from-head --query events[].message --output text");
    assert_eq!(user.prints(&read), "opened\tclosed");
    let search = "logs filter-log-events --log-group-name /sessions/web --filter-pattern closed";
    assert_eq!(user.prints(&format!("{search} --query events[].message --output text")), "closed");
    user.fails("logs create-log-group --log-group-name /sessions/web", "(ResourceAlreadyExistsException)");
    user.fails("logs get-log-events --log-group-name none --log-stream-name none", "(ResourceNotFoundException)");
    behaviour.holds();
}
