//! Documents: what may be kept, what is found again, what sessions make of it.

use std::collections::BTreeMap;

use postern_model::activation::Tag;
use postern_model::document::{
    CreateDocumentRequest, DeleteDocumentRequest, DescribeDocumentPermissionRequest, DescribeDocumentRequest,
    DocumentDescription, DocumentFilter, DocumentFilterKey, DocumentFormat, DocumentType, DocumentVersion,
    GetDocumentRequest, ListDocumentVersionsRequest, ListDocumentsRequest, ModifyDocumentPermissionRequest,
    NamedVersion, PermissionType, Sharer, UpdateDocumentDefaultVersionRequest, UpdateDocumentRequest,
};
use postern_model::session::StartSessionRequest;
use postern_model::{ApiError, ErrorCode};
use postern_protocol::wire::payload::SessionStart;
use serde_json::{Value, json};

use super::world::{Machine, World, code, start_request};
use crate::ControlLease;

const HELLO: &str = "schemaVersion: '1.0'\nsessionType: InteractiveCommands\nparameters:\n  who:\n    type: String\n    \
                     allowedPattern: '[a-z]+'\n    default: world\nproperties:\n  linux:\n    commands: echo hello {{ who }}\n";

fn new(name: &str, content: &str) -> CreateDocumentRequest {
    CreateDocumentRequest {
        content: content.to_owned(),
        name: name.parse().unwrap(),
        display_name: None,
        version_name: None,
        document_type: Some(DocumentType::Session),
        document_format: Some(DocumentFormat::Yaml),
        target_type: None,
        tags: Vec::new(),
    }
}

fn shell(inputs: &Value) -> String {
    json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}).to_string()
}

impl World {
    async fn create(&self, request: CreateDocumentRequest) -> Result<DocumentDescription, ApiError> {
        let created = self.control.create_document(&self.as_admin().await, request).await?;
        Ok(created.document_description)
    }

    async fn update(&self, name: &str, content: &str) -> Result<DocumentDescription, ApiError> {
        let request = UpdateDocumentRequest {
            content: content.to_owned(),
            name: name.parse().unwrap(),
            display_name: None,
            version_name: None,
            document_version: Some(DocumentVersion::Latest),
            document_format: Some(DocumentFormat::Yaml),
            target_type: None,
        };
        Ok(self.control.update_document(&self.as_admin().await, request).await?.document_description)
    }

    async fn choose(&self, name: &str, version: u32) -> Result<(), ApiError> {
        let request = UpdateDocumentDefaultVersionRequest { name: name.parse().unwrap(), document_version: version };
        self.control.update_document_default_version(&self.as_admin().await, request).await.map(|_| ())
    }

    async fn content(&self, name: &str, format: Option<DocumentFormat>) -> Result<String, ApiError> {
        let version = NamedVersion::default();
        let request = GetDocumentRequest { name: name.parse().unwrap(), version, document_format: format };
        Ok(self.control.get_document(&self.as_admin().await, request).await?.content)
    }

    async fn describe(&self, name: &str, version: NamedVersion) -> Result<DocumentDescription, ApiError> {
        let request = DescribeDocumentRequest { name: name.parse().unwrap(), version };
        Ok(self.control.describe_document(&self.as_admin().await, request).await?.document)
    }

    async fn delete(&self, name: &str, version: NamedVersion) -> Result<(), ApiError> {
        let request = DeleteDocumentRequest { name: name.parse().unwrap(), version, force: false };
        self.control.delete_document(&self.as_admin().await, request).await.map(|_| ())
    }

    /// What the node is told when a session is started with a document, or without.
    async fn start_with(
        &self,
        (machine, lease): (&Machine, &ControlLease),
        document: Option<&str>,
        parameters: &[(&str, &str)],
    ) -> Result<SessionStart, ApiError> {
        let parameters: BTreeMap<_, _> =
            parameters.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
        let document_name = document.map(|name| name.parse().unwrap());
        let request = StartSessionRequest { document_name, parameters, ..start_request(machine.node_id.as_str()) };
        let started = self.control.start_session(&self.as_admin().await, request).await?;
        let work = self.control.pending_work(lease).await.unwrap();
        let starts = work.starts.iter().map(|start| start.session_start().unwrap());
        Ok(starts.into_iter().find(|start| start.session_id == started.session_id).unwrap())
    }
}

fn numbered(number: u32) -> NamedVersion {
    NamedVersion { document_version: Some(DocumentVersion::Number(number)), version_name: None }
}

#[tokio::test]
async fn a_document_lives_from_creation_to_deletion() {
    let world = World::new().await;
    let created = world.create(new("Hello", HELLO)).await.unwrap();
    assert_eq!((created.document_version.as_str(), created.owner.as_str()), ("1", "123456789012"));
    assert_eq!((created.schema_version.as_str(), created.parameters.len()), ("1.0", 1));
    assert_eq!(created.platform_types.iter().map(|platform| platform.as_str()).collect::<Vec<_>>(), ["Linux"]);
    assert_eq!(created.hash.len(), 64);
    assert_eq!(world.content("Hello", Some(DocumentFormat::Yaml)).await.unwrap(), HELLO, "byte for byte");
    let in_json: Value = serde_json::from_str(&world.content("Hello", None).await.unwrap()).unwrap();
    assert_eq!(in_json["properties"]["linux"]["commands"], "echo hello {{ who }}", "JSON is the default form");
    assert_eq!(code(world.content("Hello", Some(DocumentFormat::Text)).await), ErrorCode::ValidationException);
    let arn = "arn:aws:ssm:eu-west-1:123456789012:document/Hello";
    assert_eq!(world.describe(arn, NamedVersion::default()).await.unwrap(), created, "by its ARN");

    let updated = world.update("Hello", &HELLO.replace("hello", "hi")).await.unwrap();
    assert_eq!((updated.document_version.as_str(), updated.default_version.as_str()), ("2", "1"));
    assert_eq!(world.content("Hello", Some(DocumentFormat::Yaml)).await.unwrap(), HELLO, "the default stays");
    world.choose("Hello", 2).await.unwrap();
    assert!(world.content("Hello", None).await.unwrap().contains("echo hi"));
    let request =
        ListDocumentVersionsRequest { name: "Hello".parse().unwrap(), max_results: Some(1), next_token: None };
    let page = world.control.list_document_versions(&world.as_admin().await, request.clone()).await.unwrap();
    assert_eq!((page.document_versions[0].document_version.as_str(), page.document_versions.len()), ("2", 1));
    assert!(page.document_versions[0].is_default_version);
    let request = ListDocumentVersionsRequest { next_token: page.next_token, ..request };
    let page = world.control.list_document_versions(&world.as_admin().await, request).await.unwrap();
    assert_eq!((page.document_versions[0].document_version.as_str(), page.next_token), ("1", None));

    let error = world.delete("Hello", numbered(2)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidDocumentOperation);
    assert_eq!(error.message(), "Default version of the document can't be deleted.");
    world.delete("Hello", numbered(1)).await.unwrap();
    assert_eq!(code(world.describe("Hello", numbered(1)).await), ErrorCode::InvalidDocumentVersion);
    world.delete("Hello", NamedVersion::default()).await.unwrap();
    let error = world.delete("Hello", NamedVersion::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "InvalidDocument: Document with name Hello does not exist.");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let world = World::new().await;
    world.create(new("Hello", HELLO)).await.unwrap();
    let tag = |key: &str| Tag { key: key.to_owned(), value: String::new() };
    let prefers = |content: &str| new("SSM-SessionManagerRunShell", content);
    let command =
        json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "x"}]}).to_string();
    for (request, expected) in [
        (new("Hello", HELLO), "DocumentAlreadyExists: Document with same name Hello already exists"),
        (
            new("AWS-Hello", HELLO),
            "InvalidDocumentContent: Invalid document name AWS-Hello: names that begin with aws, amazon, amzn or postern- are reserved.",
        ),
        (new("Large", &"x".repeat(65_537)), "MaxDocumentSizeExceeded: The size limit of a document is 64 KB."),
        (
            CreateDocumentRequest { document_format: None, ..new("Other", HELLO) },
            "InvalidDocumentContent: JSON not well-formed. at Line: 1, Column: 1: expected value",
        ),
        (
            CreateDocumentRequest { document_format: Some(DocumentFormat::Text), ..new("Other", HELLO) },
            "ValidationException: Invalid document format TEXT",
        ),
        (
            CreateDocumentRequest { document_type: None, ..new("Other", HELLO) },
            "InvalidDocumentSchemaVersion: 1.0 is not a valid schema version for Command document type at Line: 1, Column: 1",
        ),
        (
            new("Other", &HELLO.replace("{{ who }}", "{{ whom }}")),
            "InvalidDocumentContent: Parameter \"whom\" is not declared. at Line: 10, Column: 5",
        ),
        (
            CreateDocumentRequest { tags: vec![tag("a"), tag("A")], ..new("Other", HELLO) },
            "ValidationException: Two tags have the same key.",
        ),
        (
            CreateDocumentRequest { tags: vec![tag("aws:x")], ..new("Other", HELLO) },
            "ValidationException: Tag keys that begin with aws: are reserved.",
        ),
        (
            prefers(HELLO),
            "InvalidDocumentContent: SSM-SessionManagerRunShell holds the preferences for sessions: its sessionType must \
             be Standard_Stream.",
        ),
        (
            CreateDocumentRequest { document_type: Some(DocumentType::Command), ..prefers(&command) },
            "InvalidDocumentContent: SSM-SessionManagerRunShell holds the preferences for sessions: its type must be \
             Session.",
        ),
        (
            prefers("schemaVersion: '1.0'\nsessionType: Standard_Stream\nparameters: {p: {type: String}}\n"),
            "InvalidDocumentContent: SSM-SessionManagerRunShell holds the preferences for sessions: it must be usable \
             without parameters. The document's parameter 'p' is required.",
        ),
    ] {
        assert_eq!(world.create(request).await.unwrap_err().to_string(), expected);
    }
    let update = async |name: &str, content: &str, version, version_name: Option<&str>| {
        let request = UpdateDocumentRequest {
            content: content.to_owned(),
            name: name.parse().unwrap(),
            display_name: None,
            version_name: version_name.map(str::to_owned),
            document_version: version,
            document_format: Some(DocumentFormat::Yaml),
            target_type: None,
        };
        code(world.control.update_document(&world.as_admin().await, request).await)
    };
    let second = Some(DocumentVersion::Number(2));
    assert_eq!(update("Hello", &HELLO.replace("hello", "hi"), second, None).await, ErrorCode::InvalidDocumentVersion);
    assert_eq!(update("Hello", HELLO, None, None).await, ErrorCode::DuplicateDocumentContent);
    assert_eq!(update("Hello", "schemaVersion: '1.0'", None, None).await, ErrorCode::InvalidDocumentContent);
    assert_eq!(update("Hallo", HELLO, None, None).await, ErrorCode::InvalidDocument);
    assert_eq!(update("AWS-StartSSHSession", HELLO, None, None).await, ErrorCode::InvalidDocumentOperation);
    assert_eq!(code(world.choose("Hello", 2).await), ErrorCode::InvalidDocumentVersion);
    assert_eq!(code(world.choose("AWS-StartSSHSession", 1).await), ErrorCode::InvalidDocument);
    assert_eq!(
        code(world.delete("AWS-StartSSHSession", NamedVersion::default()).await),
        ErrorCode::InvalidDocumentOperation
    );
    let left = world.describe("Hello", NamedVersion::default()).await.unwrap();
    assert_eq!((left.latest_version.as_str(), left.default_version.as_str()), ("1", "1"));
    assert_eq!(names(&world, Vec::new()).await.len(), 8, "and nothing new");
}

async fn names(world: &World, filters: Vec<DocumentFilter>) -> Vec<String> {
    let (mut names, mut next_token) = (Vec::new(), None);
    loop {
        let request = ListDocumentsRequest { filters: filters.clone(), max_results: Some(2), next_token };
        let page = world.control.list_documents(&world.as_admin().await, request).await.unwrap();
        assert!(page.document_identifiers.len() <= 2);
        names.extend(page.document_identifiers.into_iter().map(|document| document.name.to_string()));
        next_token = page.next_token;
        if next_token.is_none() {
            return names;
        }
    }
}

#[tokio::test]
async fn the_services_documents_and_the_accounts_are_one_list() {
    let world = World::new().await;
    let tags = vec![Tag { key: "env".to_owned(), value: "prod".to_owned() }];
    world.create(CreateDocumentRequest { tags, ..new("Hello", HELLO) }).await.unwrap();
    let command =
        json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "x"}]}).to_string();
    let request = CreateDocumentRequest { document_type: None, ..new("ABC-Command", &command) };
    world.create(CreateDocumentRequest { target_type: Some("/".to_owned()), ..request }).await.unwrap();
    let filter = |key, values: &[&str]| {
        vec![DocumentFilter { key, values: values.iter().map(|value| (*value).to_owned()).collect() }]
    };
    assert_eq!(
        names(&world, Vec::new()).await,
        [
            "ABC-Command",
            "AWS-StartInteractiveCommand",
            "AWS-StartNonInteractiveCommand",
            "AWS-StartPortForwardingSession",
            "AWS-StartPortForwardingSessionToRemoteHost",
            "AWS-StartPortForwardingSessionToSocket",
            "AWS-StartSSHSession",
            "Hello",
            "Postern-CopyFiles"
        ]
    );
    for (filters, expected) in [
        (filter(DocumentFilterKey::Owner, &["Self"]), "ABC-Command Hello"),
        (filter(DocumentFilterKey::Owner, &["123456789012"]), "ABC-Command Hello"),
        (filter(DocumentFilterKey::Owner, &["Private"]), "ABC-Command Hello"),
        (filter(DocumentFilterKey::Owner, &["ThirdParty"]), ""),
        (filter(DocumentFilterKey::Name, &["He", "AWS-StartSSH"]), "AWS-StartSSHSession Hello"),
        (filter(DocumentFilterKey::DocumentType, &["Command"]), "ABC-Command"),
        (filter(DocumentFilterKey::DocumentType, &["Automation"]), ""),
        (filter(DocumentFilterKey::TargetType, &["/"]), "ABC-Command"),
        (filter(DocumentFilterKey::Tag("env".to_owned()), &["test", "prod"]), "Hello"),
        (
            [filter(DocumentFilterKey::Owner, &["Self"]), filter(DocumentFilterKey::PlatformTypes, &["MacOS"])]
                .concat(),
            "ABC-Command",
        ),
    ] {
        assert_eq!(names(&world, filters.clone()).await.join(" "), expected, "{filters:?}");
    }
    assert_eq!(names(&world, filter(DocumentFilterKey::Owner, &["Amazon"])).await.len(), 7);
    for name in ["AWS-StartSSHSession", "arn:aws:ssm:eu-west-1::document/AWS-StartSSHSession"] {
        let document = world.describe(name, NamedVersion::default()).await.unwrap();
        assert_eq!((document.owner.as_str(), document.document_version.as_str()), ("Amazon", "1"));
        assert!(world.content(name, None).await.unwrap().contains("\"sessionType\": \"Port\""));
        assert!(world.content(name, Some(DocumentFormat::Yaml)).await.unwrap().contains("sessionType: Port\n"));
        assert_eq!(code(world.describe(name, numbered(2)).await), ErrorCode::InvalidDocumentVersion);
    }
    for name in [
        "No-Such-Document",
        "AWS-NoSuchDocument",
        "SSM-SessionManagerRunShell",
        "arn:aws:ssm:eu-west-2::document/AWS-StartSSHSession",
        "arn:aws:ssm:eu-west-1:123456789012:document/AWS-StartSSHSession",
        "arn:aws:ssm:eu-west-1:999999999999:document/Hello",
        "arn:aws-cn:ssm:eu-west-1:123456789012:document/Hello",
        "arn:aws-cn:ssm:eu-west-1::document/AWS-StartSSHSession",
        "arn:aws:ssm:eu-west-1:123456789012:session/Hello",
        "document/Hello",
    ] {
        let error = world.describe(name, NamedVersion::default()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("InvalidDocument: Document with name {name} does not exist."));
    }
}

#[tokio::test]
async fn quotas_hold_and_sharing_protects() {
    let world = World::new().await;
    for number in 0..500 {
        world.create(new(&format!("document-{number}"), HELLO)).await.unwrap();
    }
    let error = world.create(new("Hello", HELLO)).await.unwrap_err();
    assert_eq!(error.to_string(), "DocumentLimitExceeded: You can have at most 500 active SSM documents.");

    let share = async |add: Vec<Sharer>, remove: Vec<Sharer>| {
        let request = ModifyDocumentPermissionRequest {
            name: "document-7".parse().unwrap(),
            permission_type: PermissionType::Share,
            account_ids_to_add: add,
            account_ids_to_remove: remove,
            shared_document_version: None,
        };
        world.control.modify_document_permission(&world.as_admin().await, request).await
    };
    let accounts: Vec<_> = (1..=20).map(|number| Sharer::from_name(&format!("{number:012}")).unwrap()).collect();
    share(accounts.clone(), vec![]).await.unwrap();
    share(vec![Sharer::All], vec![]).await.unwrap();
    let list = async |next_token| {
        let request = DescribeDocumentPermissionRequest {
            name: "document-7".parse().unwrap(),
            permission_type: PermissionType::Share,
            max_results: Some(200),
            next_token,
        };
        world.control.describe_document_permission(&world.as_admin().await, request).await.unwrap()
    };
    let first = list(None).await;
    assert_eq!(first.account_ids, accounts);
    let second = list(first.next_token).await;
    assert_eq!((second.account_ids, second.next_token), (vec![Sharer::All], None));
    let public = DocumentFilter { key: DocumentFilterKey::Owner, values: vec!["Public".to_owned()] };
    assert_eq!(names(&world, vec![public]).await.len(), 8, "the service's and this one");

    assert_eq!(code(world.delete("document-7", NamedVersion::default()).await), ErrorCode::InvalidDocumentOperation);
    share(vec![], accounts).await.unwrap();
    share(vec![], vec![Sharer::All]).await.unwrap();
    world.delete("document-7", NamedVersion::default()).await.unwrap();
    assert_eq!(code(share(vec![Sharer::All], vec![]).await), ErrorCode::InvalidDocument);
}

#[tokio::test]
async fn sessions_use_the_accounts_documents() {
    let world = World::new().await;
    let (machine, lease) = world.online(1).await;
    let node = (&machine, &lease);
    world.create(new("Hello", HELLO)).await.unwrap();
    let start = world.start_with(node, Some("Hello"), &[("who", "jane")]).await.unwrap();
    assert_eq!((start.document_name.as_str(), start.parameters["who"].as_str()), ("Hello", Some("jane")));
    assert_eq!(start.document_content.session_type, "InteractiveCommands");
    assert_eq!(start.document_content.properties["linux"]["commands"], "echo hello {{ who }}");
    let arn = "arn:aws:ssm:eu-west-1:123456789012:document/Hello";
    assert_eq!(world.start_with(node, Some(arn), &[]).await.unwrap().parameters["who"], "world");
    for (name, parameters, expected) in [
        ("Hello", &[("who", "Jane; id")][..], ErrorCode::InvalidParameters),
        ("Hello", &[("whom", "jane")], ErrorCode::InvalidParameters),
        ("Hallo", &[], ErrorCode::InvalidDocument),
        ("arn:aws:ssm:eu-west-2:123456789012:document/Hello", &[], ErrorCode::InvalidDocument),
    ] {
        assert_eq!(code(world.start_with(node, Some(name), parameters).await), expected, "{name}");
    }
    let command =
        json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "x"}]}).to_string();
    world.create(CreateDocumentRequest { document_type: None, ..new("Run", &command) }).await.unwrap();
    let error = world.start_with(node, Some("Run"), &[]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "InvalidDocument: Document Run is of type Command; a session needs one of type Session."
    );

    world.update("Hello", &HELLO.replace("hello", "hi")).await.unwrap();
    let commands = async || {
        let start = world.start_with(node, Some("Hello"), &[]).await.unwrap();
        start.document_content.properties["linux"]["commands"].as_str().unwrap().to_owned()
    };
    assert_eq!(commands().await, "echo hello {{ who }}", "a new version is not used before it is the default one");
    world.choose("Hello", 2).await.unwrap();
    assert_eq!(commands().await, "echo hi {{ who }}");
    world.delete("Hello", NamedVersion::default()).await.unwrap();
    assert_eq!(code(world.start_with(node, Some("Hello"), &[]).await), ErrorCode::InvalidDocument);
}

#[tokio::test]
async fn the_accounts_preferences_hold_where_a_document_has_none() {
    let world = World::new().await;
    let (machine, lease) = world.online(1).await;
    let node = (&machine, &lease);
    let idle = async |document: Option<&str>| {
        let start = world.start_with(node, document, &[]).await.unwrap();
        start.document_content.inputs["idleSessionTimeout"].as_str().unwrap().to_owned()
    };
    assert_eq!(idle(None).await, "20", "AWS's default as long as there are none");
    let preferences = shell(&json!({"idleSessionTimeout": "7", "runAsEnabled": true, "runAsDefaultUser": "jane"}));
    world.create(new("SSM-SessionManagerRunShell", &preferences)).await.unwrap();
    world.create(new("Hello", HELLO)).await.unwrap();
    world.create(new("Own", &shell(&json!({"idleSessionTimeout": "9"})))).await.unwrap();
    for (document, expected) in [
        (None, "7"),
        (Some("SSM-SessionManagerRunShell"), "7"),
        (Some("Hello"), "7"),
        (Some("AWS-StartSSHSession"), "7"),
        (Some("Own"), "9"),
    ] {
        assert_eq!(idle(document).await, expected, "{document:?}");
    }
    let start = world.start_with(node, Some("Hello"), &[]).await.unwrap();
    assert_eq!(start.document_content.inputs["runAsDefaultUser"], "jane", "no way around run-as by another document");
    let session = world.control.find_session(&start.session_id).await.unwrap().unwrap();
    assert_eq!(session.limits.idle_timeout, std::time::Duration::from_secs(7 * 60));

    world.update("SSM-SessionManagerRunShell", &shell(&json!({"idleSessionTimeout": "8"}))).await.unwrap();
    assert_eq!(idle(None).await, "7");
    world.choose("SSM-SessionManagerRunShell", 2).await.unwrap();
    assert_eq!(idle(None).await, "8");
    world.delete("SSM-SessionManagerRunShell", NamedVersion::default()).await.unwrap();
    assert_eq!(idle(None).await, "20");
}
