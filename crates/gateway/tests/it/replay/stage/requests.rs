//! The requests of agent, plugin and CLI, and what their answers have to be.

use postern_iam::sigv4::Credentials;
use postern_model::agent::RequestManagedInstanceRoleTokenResponse;
use serde_json::{Value, json};

use super::super::capture::Http;
use super::super::http::{self, Answer, Key};
use super::super::left_out::LeftOut;
use super::{Stage, is_control};

/// Who calls the API in the captures.
const RECORDED_CALLER: &str = "AKIDCLIENT";

impl Stage {
    pub(super) async fn request(&mut self, http: &Http) {
        if http.header("host").starts_with("logbucket.") {
            return self.leave_out(LeftOut::S3);
        }
        if let Some((_, session)) = http.url.split_once("/v1/data-channel/") {
            return self.create_data_channel(http, session).await;
        }
        if is_control(&http.url) {
            let answer = self.exchange(http).await;
            self.channel_token(http, &answer);
            if http.status != 201 {
                self.leave_out(LeftOut::Refusal);
            }
            return;
        }
        match http.target().split_once('.').map_or("", |(_, name)| name) {
            "RegisterManagedInstance" => self.register(http).await,
            "RequestManagedInstanceRoleToken" => self.role_token(http).await,
            "UpdateManagedInstancePublicKey" => self.rotate(http).await,
            "UpdateInstanceInformation" => {
                // Any error at a start makes the agent hibernate.
                assert_eq!(self.exchange_json(http).await, json!({}));
                if http.status != 200 {
                    self.leave_out(LeftOut::Refusal);
                }
            }
            "ListInstanceAssociations" => assert_eq!(self.exchange_json(http).await["Associations"], json!([])),
            "GetMessages" => self.poll(http).await,
            // These have been called where the recording service acted on them.
            "StartSession" | "TerminateSession" => {}
            "ResumeSession" => self.resume(http).await,
            "GenerateDataKey" => self.generate_data_key(http).await,
            "Decrypt" => self.decrypt(http).await,
            "DescribeLogGroups" => self.describe_log_groups(http).await,
            "CreateLogStream" => self.create_log_stream(http).await,
            "DescribeLogStreams" => self.describe_log_streams(http).await,
            "PutLogEvents" => self.put_log_events(http).await,
            other => panic!("no scene had {other}"),
        }
    }

    /// Sends a request with our names and a signature that is good now.
    pub(super) async fn exchange(&mut self, http: &Http) -> Answer {
        let (uri, body) = (self.ours(&http.url), self.ours(&http.body));
        self.exchange_with(http, &uri, &body, self.key).await
    }

    pub(super) async fn exchange_with(&mut self, http: &Http, uri: &str, body: &str, node_key: usize) -> Answer {
        let mut headers = http.headers.clone();
        let address = self.service.endpoint.authority();
        http::set(&mut headers, "host", &address);
        http::set(&mut headers, "content-length", &body.len().to_string());
        let now = self.sign_time();
        let key = self.signer(&headers, node_key);
        http::sign_again(&http.method, uri, &mut headers, body, &key, &now);
        self.played.requests += 1;
        http::send(&address, &http.method, uri, &headers, body).await
    }

    pub(super) fn sign_time(&mut self) -> String {
        self.signed_at += 1;
        let time = time::OffsetDateTime::from_unix_timestamp(self.signed_at.cast_signed()).unwrap();
        let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
        time.format(format).unwrap()
    }

    /// Who signed the recorded request, with our keys.
    pub(super) fn signer(&self, headers: &http::Headers, node_key: usize) -> Key<'_> {
        let authorization = http::find(headers, "authorization").unwrap_or_default();
        if authorization.contains("Credential=mi-") {
            return Key::Node { id: &self.node_id, key: &self.keys[node_key].0 };
        }
        let is_caller = authorization.contains(RECORDED_CALLER);
        match &self.node {
            Some(node) if !is_caller => Key::Access(node),
            _ => Key::Access(&self.service.administrator),
        }
    }

    pub(super) async fn exchange_json(&mut self, http: &Http) -> Value {
        let answer = self.exchange(http).await;
        assert_eq!(answer.status, 200, "{}: {}", http.target(), answer.body);
        assert_eq!(answer.content_type, "application/x-amz-json-1.1");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The quietest error: agents try again later, or do without.
    pub(super) async fn poll(&mut self, http: &Http) {
        if http.status != 200 {
            self.leave_out(LeftOut::Refusal);
        }
        let answer = self.exchange_json(http).await;
        let asked: Value = serde_json::from_str(&http.body).unwrap();
        assert_eq!(answer["MessagesRequestId"], asked["MessagesRequestId"]);
        assert_eq!((&answer["Destination"], &answer["Messages"]), (&json!(self.node_id), &json!([])));
    }

    pub(super) async fn register(&mut self, http: &Http) {
        let activation = self.service.call("CreateActivation", json!({"IamRole": "PosternNode"})).await.unwrap();
        let recorded: Value = serde_json::from_str(&http.body).unwrap();
        for member in ["ActivationId", "ActivationCode"] {
            self.call(recorded[member].as_str().unwrap(), activation[member].as_str().unwrap());
        }
        let public = self.keys[self.key].1.clone();
        self.call(recorded["PublicKey"].as_str().unwrap(), &public);
        let answer = self.exchange_json(http).await;
        answer["InstanceId"].as_str().unwrap().clone_into(&mut self.node_id);
        let recorded: Value = serde_json::from_str(&http.answer).unwrap();
        self.call(recorded["InstanceId"].as_str().unwrap(), &self.node_id.clone());
    }

    pub(super) async fn role_token(&mut self, http: &Http) {
        let answer = self.exchange_json(http).await;
        // A missing member crashes the agent.
        assert!(answer["TokenExpirationDate"].is_number() && answer["UpdateKeyPair"].is_boolean(), "{answer}");
        let token: RequestManagedInstanceRoleTokenResponse = serde_json::from_value(answer).unwrap();
        self.node = Some(Credentials {
            access_key_id: token.access_key_id,
            secret_access_key: token.secret_access_key,
            session_token: Some(token.session_token),
        });
    }

    /// The old key is good for this call, and for nothing after it.
    pub(super) async fn rotate(&mut self, http: &Http) {
        let recorded: Value = serde_json::from_str(&http.body).unwrap();
        let public = self.keys[1].1.clone();
        self.call(recorded["NewPublicKey"].as_str().unwrap(), &public);
        assert_eq!(self.exchange_json(http).await, json!({}));
        self.key = 1;
        let (uri, body) = (self.ours(&http.url), self.ours(&http.body));
        assert_eq!(self.exchange_with(http, &uri, &body, 0).await.status, 400, "the old key was replaced");
    }

    pub(super) async fn resume(&mut self, http: &Http) {
        let recorded: Value = serde_json::from_str(&http.body).unwrap();
        let session = self.sessions.get_mut(recorded["SessionId"].as_str().unwrap()).unwrap();
        session.client.leave().await;
        let answer = self.exchange_json(http).await;
        let recorded: Value = serde_json::from_str(&http.answer).unwrap();
        self.call(recorded["TokenValue"].as_str().unwrap(), answer["TokenValue"].as_str().expect("the session lives"));
    }

    pub(super) async fn generate_data_key(&mut self, http: &Http) {
        let key = self.service.call_service("kms", "TrentService.CreateKey", json!({})).await.unwrap();
        let recorded: Value = serde_json::from_str(&http.body).unwrap();
        self.call(recorded["KeyId"].as_str().unwrap(), key["KeyMetadata"]["Arn"].as_str().unwrap());
        let answer = self.exchange_json(http).await;
        let recorded: Value = serde_json::from_str(&http.answer).unwrap();
        for member in ["CiphertextBlob", "Plaintext"] {
            self.call(recorded[member].as_str().unwrap(), answer[member].as_str().unwrap());
        }
    }

    /// The agent gets the key that the client got.
    pub(super) async fn decrypt(&mut self, http: &Http) {
        let answer = self.exchange_json(http).await;
        let recorded: Value = serde_json::from_str(&http.answer).unwrap();
        assert_eq!(answer["Plaintext"], self.ours(recorded["Plaintext"].as_str().unwrap()));
    }

    pub(super) async fn create_data_channel(&mut self, http: &Http, recorded: &str) {
        let lives = match self.sessions.get_mut(recorded) {
            Some(session) => {
                // An agent asks again when it has lost its socket.
                session.agent.leave().await;
                session.refused = session.result.is_some();
                !session.refused
            }
            None => {
                self.past_session(recorded).await;
                false
            }
        };
        let answer = self.exchange(http).await;
        if lives {
            return self.channel_token(http, &answer);
        }
        // These words stop the agent's attempts.
        assert!(answer.status >= 400 && answer.body.contains("Session is already terminated"), "{answer:?}");
        self.leave_out(LeftOut::Over);
    }

    /// 201, and XML with a token: the agent takes nothing else.
    pub(super) fn channel_token(&mut self, http: &Http, answer: &Answer) {
        assert_eq!((answer.status, answer.content_type.as_str()), (201, "application/xml"), "{}", answer.body);
        if let Some(recorded) = xml_token(&http.answer) {
            self.call(recorded, xml_token(&answer.body).expect("an agent crashes without a token"));
        }
    }
}

fn xml_token(answer: &str) -> Option<&str> {
    answer.split_once("<TokenValue>")?.1.split_once("</TokenValue>").map(|(token, _)| token)
}
