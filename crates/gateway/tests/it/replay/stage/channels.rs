//! What passes on the channels.

use bytes::Bytes;
use postern_protocol::wire::payload::SessionState;
use postern_protocol::wire::websocket::Message;
use postern_protocol::wire::{Frame, MessageType};
use serde_json::{Value, json};

use super::super::capture::{Line as Recorded, RecordedFrame};
use super::super::http;
use super::super::left_out::LeftOut;
use super::super::leg::Line;
use super::{Session, Stage, is_control};

impl Stage {
    pub(super) async fn upgrade(&mut self, url: &str, headers: &http::Headers) {
        let uri = self.ours(url);
        let mut headers = headers.clone();
        let signed = http::find(&headers, "authorization").is_some();
        if is_control(url) {
            self.control = None;
        } else {
            let Some(session) = self.session_of(url) else { return self.leave_out(LeftOut::Stray) };
            if signed && session.refused {
                return self.leave_out(LeftOut::Over);
            }
        }
        http::set(&mut headers, "host", &self.service.endpoint.authority());
        let now = self.sign_time();
        let key = self.signer(&headers, self.key);
        http::sign_again("GET", &uri, &mut headers, "", &key, &now);
        let agents = self.service.endpoint.join(&uri).unwrap().to_websocket();
        if is_control(url) {
            self.control = Some(Line::open(&agents, headers).await);
        } else if let Some(session) = self.session_of(url) {
            if signed {
                session.agent.line = Some(Line::open(&agents, headers).await);
            } else {
                let mut line = Line::open(&session.stream_url, headers).await;
                // Before it says who it is.
                line.ping().await;
                session.client.line = Some(line);
            }
        }
    }

    /// The session that a path or the name of a channel ends in.
    pub(super) fn session_of(&mut self, name: &str) -> Option<&mut Session> {
        let path = name.split('?').next().unwrap_or_default();
        self.sessions.get_mut(path.rsplit(['/', ':']).next().unwrap_or_default())
    }

    pub(super) async fn opening(&mut self, channel: &str, dir: &str, text: &str) {
        let text = self.ours(text);
        let line = if channel.starts_with("control") {
            self.control.as_mut()
        } else {
            let client = dir.starts_with("client");
            self.session_of(channel)
                .and_then(|session| if client { session.client.line.as_mut() } else { session.agent.line.as_mut() })
        };
        let Some(line) = line else { return self.leave_out(LeftOut::Over) };
        line.send(Message::Text(text)).await;
        line.ping().await;
        if channel.starts_with("control") {
            let target = json!({"Target": self.node_id});
            let service = &self.service;
            crate::harness::eventually("the node to be connected", async || {
                service.call("GetConnectionStatus", target.clone()).await.unwrap()["Status"] == "connected"
            })
            .await;
        }
    }

    pub(super) async fn control_frame(&mut self, recorded: &RecordedFrame, scene: &[Recorded]) {
        let frame = Frame::decode(recorded.bytes()).unwrap();
        let payload: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
        if recorded.dir.starts_with("agent") {
            if frame.message_type == MessageType::AgentTaskComplete {
                self.part(payload["TaskId"].as_str().unwrap(), scene).await;
            }
            return self.agent_says(&frame, &payload).await;
        }
        match &frame.message_type {
            MessageType::InteractiveShell => {
                let id = payload["TaskId"].as_str().unwrap();
                if self.sessions.contains_key(id) {
                    // The agent has no memory of sessions that ended: a start is told once.
                    self.leave_out(LeftOut::MadeUp);
                } else {
                    self.start(id, &payload, scene).await;
                }
            }
            MessageType::ChannelClosed => self.terminate(payload["SessionId"].as_str().unwrap(), scene).await,
            // Asked for where the agent sent what it acknowledges.
            MessageType::AgentTaskAcknowledge | MessageType::AgentJobReplyAck => {}
            MessageType::AgentJob => self.leave_out(LeftOut::RunCommand),
            _ => self.leave_out(LeftOut::MadeUp),
        }
    }

    /// The end of a connection is not in the captures: an agent's worker has closed its own before its agent reports, and
    /// a client that is told nothing any more has gone.
    pub(super) async fn part(&mut self, recorded: &str, scene: &[Recorded]) {
        let Some(session) = self.sessions.get_mut(recorded) else { return };
        session.agent.leave().await;
        let is_told = scene.iter().any(|line| match line {
            Recorded::Frame(frame) => frame.dir == "server->client" && frame.channel.ends_with(recorded),
            _ => false,
        });
        if !is_told {
            session.client.leave().await;
        }
    }

    /// A result, a word about a job: sent with our ids, and acknowledged.
    pub(super) async fn agent_says(&mut self, frame: &Frame, payload: &Value) {
        let sent = self.with_our_names(frame);
        self.played.frames += 1;
        let control = self.control.as_mut().expect("the agent speaks on an open channel");
        control.send(Message::Binary(sent.encode())).await;
        let id = sent.message_id.to_string();
        match &frame.message_type {
            MessageType::AgentTaskComplete => {
                let recorded = payload["TaskId"].as_str().unwrap();
                let task_id = self.ours(recorded);
                let told = self.told(&MessageType::AgentTaskAcknowledge, "MessageId", &id).await;
                assert_eq!(told["TaskId"], task_id);
                assert_eq!((&told["Topic"], &told["SchemaVersion"]), (&json!("agent_task_complete"), &json!(1)));
                match self.sessions.get_mut(recorded) {
                    Some(session) => session.result = Some(payload["FinalTaskStatus"].as_str().unwrap().to_owned()),
                    None => self.leave_out(LeftOut::Stray),
                }
            }
            MessageType::AgentJobReply => {
                let told = self.told(&MessageType::AgentJobReplyAck, "acknowledgedMessageId", &id).await;
                assert_eq!(told["jobId"], self.ours(payload["jobId"].as_str().unwrap()));
            }
            _ => {}
        }
    }

    pub(super) fn with_our_names(&self, frame: &Frame) -> Frame {
        let text = std::str::from_utf8(&frame.payload).expect("what has ids in it is JSON");
        Frame { payload: Bytes::from(self.ours(text)), ..frame.clone() }
    }

    /// Waits for a message on the control channel with this text in this member; gives back its payload.
    pub(super) async fn told(&mut self, message_type: &MessageType, member: &str, text: &str) -> Value {
        let is_it = |frame: &Frame| {
            let payload: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
            (frame.message_type == *message_type && payload[member] == text).then_some(payload)
        };
        if let Some((at, payload)) =
            self.control_inbox.iter().enumerate().find_map(|(at, frame)| Some((at, is_it(frame)?)))
        {
            self.control_inbox.remove(at);
            return payload;
        }
        let control = self.control.as_mut().expect("the agent listens on an open channel");
        loop {
            let bytes = control.next().await.expect("the control channel stays open");
            let frame = Frame::decode(bytes).unwrap();
            if let Some(payload) = is_it(&frame) {
                return payload;
            }
            self.control_inbox.push(frame);
        }
    }

    pub(super) async fn data_frame(&mut self, recorded: &RecordedFrame, scene: &[Recorded]) {
        let bytes = recorded.bytes();
        let frame = Frame::decode(bytes.clone()).unwrap();
        let name = recorded.channel.trim_start_matches("data:").to_owned();
        let Some(session) = self.sessions.get_mut(&name) else { return self.leave_out(LeftOut::Stray) };
        if session.refused {
            return self.leave_out(LeftOut::Over);
        }
        match (recorded.dir.as_str(), &frame.message_type) {
            ("agent->server", MessageType::AgentSessionState) => {
                let frame = self.with_our_names(&frame);
                let session = self.sessions.get_mut(&name).expect("it was there");
                session.agent.tell(frame.encode()).await;
                self.played.frames += 1;
            }
            ("agent->server", _) => {
                session.agent.send(bytes, &mut session.client).await;
                self.played.frames += 1;
            }
            ("client->server", _) => {
                session.client.send(bytes, &mut session.agent).await;
                self.played.frames += 1;
                if session.agent.line.is_some() {
                    let id = session.id.clone();
                    if session.result.is_none() {
                        self.service.wait_for_state(&id, SessionState::Connected.as_str()).await;
                    }
                }
            }
            ("server->client", MessageType::ChannelClosed) => {
                let closed = session.client.expect_closed().await;
                let payload: Value = serde_json::from_slice(&frame.payload).unwrap();
                assert_eq!(closed["SessionId"], session.id.as_str());
                let output = self.ours(payload["Output"].as_str().unwrap_or_default());
                if self.sessions[&name].result.is_some() {
                    // The plugin prints it.
                    assert_eq!(closed["Output"], output);
                }
            }
            ("server->agent", MessageType::ChannelClosed) => self.terminate(&name, scene).await,
            _ => self.leave_out(LeftOut::MadeUp),
        }
    }
}
