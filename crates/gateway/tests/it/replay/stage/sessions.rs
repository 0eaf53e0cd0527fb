//! How sessions begin and end.

use postern_model::document::DEFAULT_DOCUMENT;
use postern_protocol::wire::MessageType;
use postern_transport::Endpoint;
use serde_json::{Value, json};

use super::super::capture::Line as Recorded;
use super::super::left_out::LeftOut;
use super::super::leg::{Leg, Side};
use super::{Session, Stage, targets};
use crate::routes::form;

impl Stage {
    pub(super) async fn start(&mut self, recorded: &str, told: &Value, scene: &[Recorded]) {
        let start = scene.iter().find_map(|line| match line {
            Recorded::Http(http) if targets(line, "StartSession") && http.answer.contains(recorded) => Some(http),
            _ => None,
        });
        let start = start.expect("a session was asked for");
        // JSON in a string.
        let content = |told: &Value| -> Value { serde_json::from_str(told["Content"].as_str().unwrap()).unwrap() };
        let mut theirs = content(told);
        if theirs["DocumentName"] == DEFAULT_DOCUMENT {
            self.prefer(&theirs["DocumentContent"]).await;
        }
        let by_tag = theirs["RunAsUser"].as_str().unwrap().to_owned();
        if !by_tag.is_empty() {
            self.tag_administrator("SSMSessionRunAs", &by_tag).await;
        }
        let inputs = &mut theirs["DocumentContent"]["inputs"];
        if plain(&inputs["runAsEnabled"]) == true && inputs["runAsDefaultUser"] == "" && by_tag.is_empty() {
            // AWS leaves it to the agent to refuse; we do. What the agent says is played all the same.
            let refused = self.service.call("StartSession", json!({"Target": self.node_id})).await.unwrap_err();
            assert_eq!(refused.code(), Some("InvalidDocument"), "{refused}");
            inputs["runAsDefaultUser"] = json!("somebody");
            let document = theirs["DocumentContent"].clone();
            self.prefer_instead(&document).await;
        }
        let answer = self.exchange_json(start).await;
        let text = |member: &str| answer[member].as_str().unwrap().to_owned();
        let recorded_answer: Value = serde_json::from_str(&start.answer).unwrap();
        self.call(recorded, &text("SessionId"));
        self.call(recorded_answer["TokenValue"].as_str().unwrap(), &text("TokenValue"));
        let session = Session {
            id: text("SessionId"),
            stream_url: Endpoint::parse(&text("StreamUrl")).unwrap(),
            client: Leg::new(Side::Client),
            agent: Leg::new(Side::Agent),
            result: None,
            refused: false,
        };
        self.sessions.insert(recorded.to_owned(), session);

        let ours = self.told(&MessageType::InteractiveShell, "TaskId", &text("SessionId")).await;
        assert_eq!((&ours["SchemaVersion"], &ours["Topic"]), (&json!(1), &json!("interactive_shell")));
        let ours = content(&ours);
        assert_eq!(ours["SessionId"], text("SessionId"));
        assert_eq!(ours["DocumentName"], theirs["DocumentName"]);
        assert_eq!(ours["RunAsUser"], by_tag, "the user by the tag, and no other");
        let parameters = theirs["Parameters"].as_object().unwrap();
        for (name, value) in parameters {
            assert_eq!(ours["Parameters"][name], *value, "{name}: the agent puts it in itself, and takes no lists");
        }
        let is_shell = theirs["DocumentName"] == DEFAULT_DOCUMENT;
        let (ours, theirs) = (&ours["DocumentContent"], &theirs["DocumentContent"]);
        assert_eq!(ours["schemaVersion"], "1.0");
        assert_eq!(ours["sessionType"], theirs["sessionType"]);
        for (name, theirs) in theirs["inputs"].as_object().unwrap() {
            let value = &ours["inputs"][name];
            // A wrong type fails the whole message; most switches may be texts, too.
            let fits = match name.as_str() {
                "cloudWatchStreamingEnabled" => value.is_boolean(),
                "s3EncryptionEnabled" | "cloudWatchEncryptionEnabled" | "runAsEnabled" => {
                    value.is_boolean() || value.is_string()
                }
                "shellProfile" => value["linux"].is_string() && value["windows"].is_string(),
                _ => value.is_string(),
            };
            assert!(fits, "{name} is {value}");
            if is_shell {
                assert_eq!(plain(value), plain(theirs), "{name} is one of the account's preferences");
            }
        }
        for name in theirs["properties"].as_object().into_iter().flat_map(|properties| properties.keys()) {
            assert!(!ours["properties"][name].is_null(), "{name} is what the session does");
        }
    }

    async fn tag_administrator(&self, key: &str, value: &str) {
        let signer = Some((&self.service.administrator, "iam"));
        let who = form(&self.service, "Action=GetUser&Version=2010-05-08", signer).await.1;
        let (_, name) = who.split_once("<UserName>").unwrap();
        let (name, _) = name.split_once('<').unwrap();
        let tag = format!("Tags.member.1.Key={key}&Tags.member.1.Value={value}");
        let body = format!("Action=TagUser&Version=2010-05-08&UserName={name}&{tag}");
        let (status, answer) = form(&self.service, &body, signer).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Makes the recorded preferences those of the account, as far as they are preferences.
    async fn prefer(&mut self, document: &Value) {
        let content = preferences(document);
        let request = json!({"Name": DEFAULT_DOCUMENT, "Content": content, "DocumentType": "Session"});
        self.service.call("CreateDocument", request).await.unwrap();
    }

    /// The same when the account has some.
    async fn prefer_instead(&mut self, document: &Value) {
        let content = preferences(document);
        let request = json!({"Name": DEFAULT_DOCUMENT, "Content": content, "DocumentVersion": "$LATEST"});
        self.service.call("UpdateDocument", request).await.unwrap();
        let request = json!({"Name": DEFAULT_DOCUMENT, "DocumentVersion": "2"});
        self.service.call("UpdateDocumentDefaultVersion", request).await.unwrap();
    }

    /// A session that was over before the scene began.
    pub(super) async fn past_session(&mut self, recorded: &str) {
        let session = self.service.call("StartSession", json!({"Target": self.node_id})).await.unwrap();
        let id = session["SessionId"].as_str().unwrap().to_owned();
        self.call(recorded, &id);
        self.told(&MessageType::InteractiveShell, "TaskId", &id).await;
        self.service.call("TerminateSession", json!({"SessionId": id})).await.unwrap();
        self.told(&MessageType::ChannelClosed, "SessionId", &id).await;
        self.service.wait_for_state(&id, "Terminated").await;
    }

    /// The recording service ended a session: here somebody asks for it.
    pub(super) async fn terminate(&mut self, recorded: &str, scene: &[Recorded]) {
        let Some(session) = self.sessions.get(recorded).filter(|session| session.result.is_none()) else {
            return self.leave_out(LeftOut::MadeUp);
        };
        let id = session.id.clone();
        let asked = scene.iter().find_map(|line| match line {
            Recorded::Http(http) if targets(line, "TerminateSession") && http.body.contains(recorded) => Some(http),
            _ => None,
        });
        let answer = match asked {
            Some(http) => self.exchange_json(http).await,
            None => self.service.call("TerminateSession", json!({"SessionId": id})).await.unwrap(),
        };
        assert_eq!(answer["SessionId"], id.as_str());
        let told = self.told(&MessageType::ChannelClosed, "SessionId", &id).await;
        assert!(told["CreatedDate"].as_str().is_some_and(|date| date.parse::<u64>().is_ok()), "{told}");
        assert_eq!(told["DestinationId"], self.node_id.as_str());
        // The worker dies at once; its main process reports it later.
        let session = self.sessions.get_mut(recorded).expect("it was there");
        session.agent.leave().await;
    }
}

/// A switch as a boolean, whichever way it was written.
fn plain(value: &Value) -> Value {
    match value.as_str() {
        Some("true") => json!(true),
        Some("false") => json!(false),
        _ => value.clone(),
    }
}

fn preferences(document: &Value) -> String {
    let mut inputs = document["inputs"].clone();
    for (_, value) in inputs.as_object_mut().unwrap() {
        *value = plain(value);
    }
    // What was captured knows nothing of recordings, which encrypted sessions cannot have.
    inputs["postern"] = json!({"recording": {"encrypted": "agent-logged"}});
    let document = json!({
        "schemaVersion": "1.0", "description": document["description"], "sessionType": "Standard_Stream",
        "inputs": inputs,
    });
    document.to_string()
}
