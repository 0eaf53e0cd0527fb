//! Policies as they decide about requests: what a user may do follows from what is attached to it at that moment.

mod channels;
mod explain;
mod identities;
mod run_as;
mod samples;
mod semantics;
mod sessions;

use std::sync::Arc;

use postern_iam::sigv4::Credentials;
use postern_model::activation::Tag;
use postern_model::document::{CreateDocumentRequest, DocumentType};
use postern_model::iam::{CreateAccessKeyRequest, CreateUserRequest, DeleteUserPolicyRequest, PutUserPolicyRequest};
use postern_model::session::{StartSessionRequest, StartSessionResponse, TerminateSessionRequest};
use postern_model::tag::{AddTagsToResourceRequest, RemoveTagsFromResourceRequest, TaggedType};
use postern_model::{ApiError, ErrorCode};
use postern_store::{IdentityKind, PoliciesInEffect, PolicyInEffect};
use serde_json::{Value, json};

use super::world::{Machine, World, origin, start_request};
use crate::Caller;
use crate::caller::{CredentialFacts, Person, Principal, TemporaryFacts};

/// The ARN of a node, in policies.
fn node_arn(machine: &Machine) -> String {
    format!("arn:aws:ssm:eu-west-1:123456789012:managed-instance/{}", machine.node_id)
}

/// The ARN of one of the account's documents, in policies.
fn document_arn(name: &str) -> String {
    format!("arn:aws:ssm:eu-west-1:123456789012:document/{name}")
}

const SHELL: &str = "SSM-SessionManagerRunShell";
const NODES: &str = "arn:aws:ssm:*:*:managed-instance/*";

fn allow(action: impl Into<Value>, resource: impl Into<Value>) -> Value {
    json!({ "Effect": "Allow", "Action": action.into(), "Resource": resource.into() })
}

fn deny(action: impl Into<Value>, resource: impl Into<Value>) -> Value {
    json!({ "Effect": "Deny", "Action": action.into(), "Resource": resource.into() })
}

/// A statement with a condition.
fn when(mut statement: Value, condition: Value) -> Value {
    statement["Condition"] = condition;
    statement
}

fn document(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// A user of a test.
struct User<'w> {
    world: &'w World,
    name: String,
    credentials: Credentials,
}

impl World {
    /// A user with one policy of its own.
    async fn person(&self, name: &str, statements: &[Value]) -> User<'_> {
        let admin = self.as_admin().await;
        let request =
            CreateUserRequest { path: None, user_name: name.to_owned(), permissions_boundary: None, tags: Vec::new() };
        self.control.create_user(&admin, request).await.unwrap();
        let request = CreateAccessKeyRequest { user_name: Some(name.to_owned()) };
        let key = self.control.create_access_key(&admin, request).await.unwrap().access_key;
        let credentials = Credentials {
            access_key_id: key.access_key_id,
            secret_access_key: key.secret_access_key.0,
            session_token: None,
        };
        let user = User { world: self, name: name.to_owned(), credentials };
        user.may(statements).await;
        user
    }

    /// A session of a role with one policy.
    async fn role_session(&self, role: &str, session: &str, tags: &[(&str, &str)], statements: &[Value]) -> Caller {
        let admin = self.as_admin().await;
        let account = admin.scope.account.clone();
        let found = self.store_identity(IdentityKind::Role, role).await;
        let policy = PolicyInEffect { name: "own".to_owned(), document: Some(document(statements)) };
        let in_effect = PoliciesInEffect { identity: vec![policy], boundary: None };
        let layers = self.control.deciding(&in_effect, None).layers;
        let facts = TemporaryFacts {
            issued_at: self.millis(),
            mfa_at: None,
            source_identity: None,
            federated_provider: None,
            provider_keys: Vec::new(),
            transitive_tags: Vec::new(),
        };
        let tag =
            |(key, value): &(&str, &str)| postern_store::Tag { key: (*key).to_owned(), value: (*value).to_owned() };
        let tags = tags.iter().map(tag).collect();
        let person = Person::role_session((found, None), &account, session.to_owned(), tags, facts, layers);
        assert!(matches!(person.credentials, CredentialFacts::Temporary(_)));
        self.control.caller(Principal::Person(Arc::new(person)), origin(None))
    }

    async fn store_identity(&self, kind: IdentityKind, name: &str) -> postern_store::IdentityRecord {
        use postern_store::IdentityStore as _;
        let account = self.as_admin().await.scope.account;
        self.control.make_node_role().await.unwrap();
        self.store.identity(&account, kind, name).await.unwrap().unwrap()
    }

    pub(super) async fn tag_node(&self, machine: &Machine, key: &str, value: &str) {
        let tags = vec![Tag { key: key.to_owned(), value: value.to_owned() }];
        let id = machine.node_id.to_string();
        let request = AddTagsToResourceRequest { resource_type: TaggedType::ManagedInstance, resource_id: id, tags };
        self.control.add_tags_to_resource(&self.as_admin().await, request).await.unwrap();
    }

    pub(super) async fn untag_node(&self, machine: &Machine, key: &str) {
        let (resource_type, resource_id) = (TaggedType::ManagedInstance, machine.node_id.to_string());
        let request = RemoveTagsFromResourceRequest { resource_type, resource_id, tag_keys: vec![key.to_owned()] };
        self.control.remove_tags_from_resource(&self.as_admin().await, request).await.unwrap();
    }

    /// Makes a document of the account's own for sessions.
    async fn session_document(&self, name: &str, content: Value) {
        let request = CreateDocumentRequest {
            content: content.to_string(),
            name: name.parse().unwrap(),
            display_name: None,
            version_name: None,
            document_type: Some(DocumentType::Session),
            document_format: None,
            target_type: None,
            tags: Vec::new(),
        };
        self.control.create_document(&self.as_admin().await, request).await.unwrap();
    }

    /// Whether a caller may start a session, whatever comes of it.
    async fn starts(&self, caller: &Caller, request: StartSessionRequest) -> bool {
        is_allowed(self.control.start_session(caller, request).await)
    }
}

impl User<'_> {
    /// Gives the user other rights: these are its only policy from now on.
    async fn may(&self, statements: &[Value]) {
        let admin = self.world.as_admin().await;
        let (user_name, policy_name) = (self.name.clone(), "own".to_owned());
        if statements.is_empty() {
            let request = DeleteUserPolicyRequest { user_name, policy_name };
            // There is none in the beginning.
            let _ = self.world.control.delete_user_policy(&admin, request).await;
            return;
        }
        let request = PutUserPolicyRequest { user_name, policy_name, policy_document: document(statements) };
        self.world.control.put_user_policy(&admin, request).await.unwrap();
    }

    /// A request of the user's; every call is another request.
    async fn call(&self, service: &str) -> Caller {
        let mut random = [0; 8];
        self.world.fill(&mut random);
        let uri = format!("/?{}", u64::from_be_bytes(random));
        self.world.sign_as(&self.credentials, service, &uri).await.unwrap()
    }

    async fn starts(&self, machine: &Machine, document: Option<&str>) -> bool {
        let mut request = start_request(machine.node_id.as_str());
        request.document_name = document.map(|name| name.parse().unwrap());
        self.world.starts(&self.call("ssm").await, request).await
    }

    async fn start(&self, machine: &Machine) -> StartSessionResponse {
        let caller = self.call("ssm").await;
        self.world.control.start_session(&caller, start_request(machine.node_id.as_str())).await.unwrap()
    }

    async fn ends(&self, session_id: &str) -> bool {
        let request = TerminateSessionRequest { session_id: session_id.to_owned() };
        is_allowed(self.world.control.terminate_session(&self.call("ssm").await, request).await)
    }
}

/// Whether an answer is anything but a refusal.
fn is_allowed<T>(answer: Result<T, ApiError>) -> bool {
    answer.err().is_none_or(|error| error.code() != ErrorCode::AccessDeniedException)
}
