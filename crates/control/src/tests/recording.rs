//! What is recorded: the service's default, the account's preferences and the document, together.

use postern_model::document::{CreateDocumentRequest, DocumentType, RecordingMode};
use postern_model::session::StartSessionRequest;
use postern_model::{ApiError, ErrorCode};
use postern_recording::Mode;
use serde_json::{Value, json};

use super::world::{World, start_request};
use crate::recording::{Terms, recorded_as};

const ACCOUNT: &str = "SSM-SessionManagerRunShell";

impl World {
    async fn shell_document(&self, name: &str, inputs: Value) {
        let content = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs});
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

    /// What the store and audit events say about the recording of such a session.
    async fn recorded(
        &self,
        seed: u8,
        document: Option<&str>,
    ) -> Result<(Option<Terms>, Option<&'static str>), ApiError> {
        let (machine, _lease) = self.online(seed).await;
        let document_name = document.map(|name| name.parse().unwrap());
        let request = StartSessionRequest { document_name, ..start_request(machine.node_id.as_str()) };
        let started = self.control.start_session(&self.as_admin().await, request).await?;
        let record = self.control.read_session(&started.session_id.parse().unwrap()).await.unwrap();
        let terms = record.recording.as_deref().map(|text| serde_json::from_str(text).unwrap());
        Ok((terms, recorded_as(&record)))
    }
}

fn terms(mode: Mode, records_input: bool) -> Option<Terms> {
    Some(Terms { mode, records_input })
}

#[tokio::test]
async fn the_preferences_outweigh_the_service_and_a_document_can_only_be_stricter() {
    let mut world = World::new().await;
    assert_eq!(world.recorded(1, None).await.unwrap(), (terms(Mode::Required, false), Some("required")));
    world.configure(|settings| settings.recording = RecordingMode::BestEffort);
    assert_eq!(world.recorded(2, None).await.unwrap(), (terms(Mode::BestEffort, false), Some("best-effort")));

    // A document of somebody's own gets nobody around the default of the service.
    world.shell_document("loose", json!({"postern": {"recording": {"mode": "off", "input": false}}})).await;
    world.shell_document("silent", json!({})).await;
    world.shell_document("strict", json!({"postern": {"recording": {"mode": "required", "input": true}}})).await;
    for (seed, document) in [(3, "loose"), (4, "silent")] {
        let recorded = world.recorded(seed, Some(document)).await.unwrap();
        assert_eq!(recorded, (terms(Mode::BestEffort, false), Some("best-effort")), "{document}");
    }
    let recorded = world.recorded(5, Some("strict")).await.unwrap();
    assert_eq!(recorded, (terms(Mode::Required, true), Some("required")));

    // The account's preferences do, and a document may still be stricter than they are.
    world.shell_document(ACCOUNT, json!({"postern": {"recording": {"mode": "off"}}})).await;
    for (seed, document) in [(6, None), (7, Some(ACCOUNT)), (8, Some("silent")), (9, Some("loose"))] {
        assert_eq!(world.recorded(seed, document).await.unwrap(), (None, Some("off")), "{document:?}");
    }
    assert_eq!(world.recorded(10, Some("strict")).await.unwrap().0, terms(Mode::Required, true));
}

#[tokio::test]
async fn an_encrypted_session_that_must_be_recorded_is_refused_unless_the_account_has_agents_log_it() {
    let world = World::new().await;
    let key = "alias/aws/ssm";
    let agent_logged = json!({"recording": {"encrypted": "agent-logged"}});
    world.shell_document("own-word", json!({"kmsKeyId": key, "postern": agent_logged})).await;
    let refused = world.recorded(1, Some("own-word")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidDocument);
    assert!(refused.message().contains("inputs.postern.recording.encrypted"), "{}", refused.message());

    let inputs = json!({"kmsKeyId": key, "s3BucketName": "logs", "postern": agent_logged});
    world.shell_document(ACCOUNT, inputs.clone()).await;
    assert_eq!(world.recorded(2, None).await.unwrap(), (None, Some("agent-logged")));
    world.shell_document("same-place", inputs).await;
    assert_eq!(world.recorded(3, Some("same-place")).await.unwrap(), (None, Some("agent-logged")));
    // In another place nobody would look for it.
    let refused = world.recorded(4, Some("own-word")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidDocument);
    assert!(refused.message().contains("the same s3BucketName"), "{}", refused.message());
    // A document may insist.
    world.shell_document("insists", json!({"kmsKeyId": key, "postern": {"recording": {"encrypted": "refused"}}})).await;
    assert_eq!(world.recorded(5, Some("insists")).await.unwrap_err().code(), ErrorCode::InvalidDocument);
}

#[tokio::test]
async fn an_encrypted_session_that_need_not_be_recorded_begins_and_audit_says_that_nothing_is() {
    let mut world = World::new().await;
    world.configure(|settings| settings.recording = RecordingMode::BestEffort);
    world.shell_document("encrypted", json!({"kmsKeyId": "alias/aws/ssm"})).await;
    assert_eq!(world.recorded(1, Some("encrypted")).await.unwrap(), (None, Some("off")));
}
