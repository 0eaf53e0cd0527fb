//! A scripted stock agent, a scripted stock plugin and a scripted aws CLI, playing a capture to a running service.
//!
//! Lines are played in the order in which they were recorded. What agent, plugin and CLI sent is sent again: frames byte
//! for byte, requests header by header, with other ids, tokens and signatures. What the recording service sent is what
//! has to come from this one, as far as the stock programs need it; what it made up is left out, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_gateway::Limits;
use postern_iam::sigv4::Credentials;
use postern_protocol::wire::Frame;
use postern_transport::Endpoint;
use ring::signature::RsaKeyPair;

use super::capture::{self, Line as Recorded};
use super::left_out::LeftOut;
use super::leg::{Leg, Line};
use crate::harness::{Options, Service};

/// The scene with everything an agent does first.
const FIRST: &str = "01-register-and-shell.jsonl";

mod channels;
mod logs;
mod requests;
mod sessions;

pub(super) struct Stage {
    service: Service,
    /// From a recorded name, token or key to ours.
    names: BTreeMap<String, String>,
    keys: Vec<(RsaKeyPair, String)>,
    /// Which of the keys is registered.
    key: usize,
    node_id: String,
    node: Option<Credentials>,
    control: Option<Line>,
    /// What came on the control channel and has not been asked for.
    control_inbox: Vec<Frame>,
    /// By the recorded id.
    sessions: BTreeMap<String, Session>,
    /// Requests are signed a second apart: the captures are, and a signature is good once.
    signed_at: u64,
    played: Played,
}

struct Session {
    id: String,
    stream_url: Endpoint,
    client: Leg,
    agent: Leg,
    /// What the agent reported of its end.
    result: Option<String>,
    /// It has ended and its agent wants to open it once more.
    refused: bool,
}

/// What of a scene was played.
#[derive(Default, Debug)]
pub(super) struct Played {
    pub(super) requests: usize,
    pub(super) frames: usize,
    /// Messages that reached the other end of a session, byte for byte.
    pub(super) relayed: usize,
    pub(super) left_out: BTreeSet<LeftOut>,
}

impl Stage {
    pub(super) async fn build() -> Self {
        let keys = [
            (
                &include_bytes!("../../fixtures/node-rsa-2048-1.pk8")[..],
                include_str!("../../fixtures/node-rsa-2048-1.spki"),
            ),
            (
                &include_bytes!("../../fixtures/node-rsa-2048-2.pk8")[..],
                include_str!("../../fixtures/node-rsa-2048-2.spki"),
            ),
        ];
        // Nobody waits where nothing comes.
        let limits = Limits { poll_hold: Duration::ZERO, ..Limits::default() };
        let service = Service::with(Options { limits, ..Options::default() }).await;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        Self {
            service,
            names: BTreeMap::new(),
            keys: keys.map(|(pair, public)| (RsaKeyPair::from_pkcs8(pair).unwrap(), public.to_owned())).into(),
            key: 0,
            node_id: String::new(),
            node: None,
            control: None,
            control_inbox: Vec::new(),
            sessions: BTreeMap::new(),
            signed_at: now - 240,
            played: Played::default(),
        }
    }

    /// Plays a scene to its end.
    pub(super) async fn play(mut self, file: &str) -> Played {
        let lines = capture::read(file);
        let first = capture::read(FIRST);
        if !lines.iter().any(|line| targets(line, "RegisterManagedInstance")) {
            let begins = first.iter().filter(|line| {
                targets(line, "RegisterManagedInstance") || targets(line, "RequestManagedInstanceRoleToken")
            });
            for line in begins {
                self.line(line, &[]).await;
            }
        }
        let opens =
            lines.iter().position(|line| matches!(line, Recorded::Upgrade { upgrade, .. } if is_control(upgrade)));
        let speaks = lines.iter().position(|line| match line {
            Recorded::Frame(frame) => frame.channel.starts_with("control"),
            Recorded::Http(http) => http.url.starts_with("/v1/data-channel/"),
            _ => false,
        });
        if speaks.is_some_and(|speaks| opens.is_none_or(|opens| speaks < opens)) {
            let opening = first.iter().filter(|line| match line {
                Recorded::Http(http) => is_control(&http.url),
                Recorded::Upgrade { upgrade, .. } => is_control(upgrade),
                Recorded::Text { channel, .. } => channel.starts_with("control"),
                Recorded::Frame(_) => false,
            });
            for line in opening {
                self.line(line, &[]).await;
            }
        }
        self.played = Played::default();
        for line in &lines {
            self.line(line, &lines).await;
        }
        self.finish().await
    }

    async fn line(&mut self, line: &Recorded, scene: &[Recorded]) {
        match line {
            Recorded::Http(http) => self.request(http).await,
            Recorded::Upgrade { upgrade, headers } => self.upgrade(upgrade, headers).await,
            Recorded::Text { channel, dir, text } => self.opening(channel, dir, text).await,
            Recorded::Frame(frame) if frame.channel.starts_with("control") => self.control_frame(frame, scene).await,
            Recorded::Frame(frame) => self.data_frame(frame, scene).await,
        }
    }

    fn leave_out(&mut self, reason: LeftOut) {
        self.played.left_out.insert(reason);
    }

    /// A recorded text with our names in it.
    fn ours(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (recorded, ours)| text.replace(recorded, ours))
    }

    fn call(&mut self, recorded: &str, ours: &str) {
        self.names.insert(recorded.to_owned(), ours.to_owned());
    }

    /// Nothing more came than what was asked for, and every session is shown as what it is.
    async fn finish(mut self) -> Played {
        for session in self.sessions.values_mut() {
            for leg in [&mut session.client, &mut session.agent] {
                leg.look().await;
                self.played.relayed += leg.arrivals();
            }
            let state = match session.result.as_deref() {
                None => "Connected",
                Some("Failed") => "Failed",
                Some(_) => "Terminated",
            };
            self.service.wait_for_state(&session.id, state).await;
        }
        if let Some(control) = &mut self.control {
            control.ping().await;
            for bytes in control.unread() {
                self.control_inbox.push(Frame::decode(bytes).unwrap());
            }
        }
        assert!(self.control_inbox.is_empty(), "nobody asked for {:?}", self.control_inbox);
        let Self { service, played, control, sessions, .. } = self;
        drop((control, sessions));
        service.stop().await;
        played
    }
}

fn targets(line: &Recorded, operation: &str) -> bool {
    matches!(line, Recorded::Http(http) if http.target().ends_with(&format!(".{operation}")))
}

fn is_control(url: &str) -> bool {
    url.starts_with("/v1/control-channel/")
}
