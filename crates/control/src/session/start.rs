//! StartSession: everything that can be wrong is found before anybody is bothered.

use std::sync::PoisonError;
use std::time::Duration;

use postern_iam::{DocumentName, SessionId};
use postern_model::document::{DEFAULT_DOCUMENT, ResolvedDocument, SessionStart, SessionType};
use postern_model::node::PlatformType;
use postern_model::session::{StartSessionRequest, StartSessionResponse};
use postern_model::{ApiError, ErrorCode};
use postern_store::{NewSession, NodeRecord, OpenSession, SessionLimits, SessionRecord, StartRequest, UnixMillis};

use super::run_as::RunAs;
use super::throttled;
use crate::authz::act::{self, Destination, DocumentCheck, OnDocument, Start, Target};
use crate::authz::{Authorized, authorize};
use crate::caller::{Caller, Principal};
use crate::command::{NodeCommand, encode, node_subject};
use crate::document::Chosen;
use crate::live::Grounds;
use crate::recording::Terms;
use crate::refusals::NodeRefusal;
use crate::settings::SessionDocumentCheck;
use crate::{Control, failure, millis};

/// What our agent says it is.
const OUR_AGENT: &str = "postern-agent";

/// The longest start message, in bytes of JSON. A document has at most 64 KiB; the rest is parameters. It is escaped
/// once more on its way and has to stay far below what an agent's frame may carry.
const MAX_START_CONTENT: usize = 160 * 1024;

impl Control {
    /// `StartSession`: opens a session and answers what the client's data channel needs.
    ///
    /// The same signed request, sent again, is answered with the same session (reliability S17).
    ///
    /// # Errors
    /// `TargetNotConnected`, saying why; `InvalidDocument`; `InvalidParameters`; `AccessDeniedException`;
    /// `ServiceQuotaExceededException` when there are too many sessions; `ThrottlingException` when two different calls
    /// share one signature.
    pub async fn start_session(
        &self,
        caller: &Caller,
        request: StartSessionRequest,
    ) -> Result<StartSessionResponse, ApiError> {
        let name = document_name(&request)?;
        let named = self.document_named(&name);
        let (target, node) = self.target_and_node(&request.target).await?;
        let document = self.on_document(&named).await?;
        // Decisions may be about what the session would really do. What is wrong with the document or the parameters is
        // said only to those who may use it.
        let found = self.session_document(named, &name).await;
        let resolved = match &found {
            Ok(Chosen { document, fallback, .. }) => document.resolve(&request.parameters, fallback),
            Err(error) => Err(error.clone()),
        };
        let run_as = run_as(caller, resolved.as_ref().ok(), node.as_ref());
        let on = self.start(&request, (target, document), resolved.as_ref().ok(), run_as.as_ref().ok());
        let allowed = authorize::<act::StartSession>(caller, on)?;
        let (document, run_as) = (resolved?, run_as?);
        if let (SessionType::FileTransfer, Some(node)) = (document.session_type(), &node) {
            check_copies(node, &name)?;
        }
        let account = found.as_ref().ok().and_then(|chosen| chosen.account.as_ref());
        let recording = Terms::for_session(self.settings.recording, account, &document)?;
        self.open(allowed, &name, (document, recording), &run_as, request.reason).await
    }

    /// What starting this session would be about.
    pub(crate) async fn subject_of_start(
        &self,
        caller: &Caller,
        request: &StartSessionRequest,
    ) -> Result<Start, ApiError> {
        let name = document_name(request)?;
        let named = self.document_named(&name);
        let (target, node) = self.target_and_node(&request.target).await?;
        let document = self.on_document(&named).await?;
        let found = self.session_document(named, &name).await;
        let resolved = found
            .as_ref()
            .ok()
            .and_then(|Chosen { document, fallback, .. }| document.resolve(&request.parameters, fallback).ok());
        let run_as = run_as(caller, resolved.as_ref(), node.as_ref());
        Ok(self.start(request, (target, document), resolved.as_ref(), run_as.as_ref().ok()))
    }

    fn start(
        &self,
        request: &StartSessionRequest,
        (target, document): (Target, OnDocument),
        resolved: Option<&ResolvedDocument<'_>>,
        run_as: Option<&RunAs>,
    ) -> Start {
        Start {
            target,
            document,
            document_check: self.document_check(request),
            destination: resolved.and_then(destination),
            run_as_user: run_as.and_then(|run_as| run_as.user.as_ref()).map(ToString::to_string),
        }
    }

    fn document_check(&self, request: &StartSessionRequest) -> DocumentCheck {
        match (self.settings.session_document_check, &request.document_name) {
            (SessionDocumentCheck::Legacy, None) => DocumentCheck::IfAskedFor,
            (SessionDocumentCheck::Legacy | SessionDocumentCheck::Strict, _) => DocumentCheck::Always,
        }
    }

    async fn open(
        &self,
        allowed: Authorized<act::StartSession>,
        name: &DocumentName,
        (document, recording): (ResolvedDocument<'_>, Option<Terms>),
        run_as: &RunAs,
        reason: Option<String>,
    ) -> Result<StartSessionResponse, ApiError> {
        let node_id = match &allowed.on().target {
            Target::Node(node) => &node.id,
            Target::Other(other) => return Err(unknown_target(other)),
        };
        let caller = allowed.caller();
        // Nobody else is allowed to start one.
        let Principal::Person(person) = &caller.principal else { return Err(ApiError::internal()) };
        let owner = person.arn.clone();
        let session_id = SessionId::generate(owner.short_name(), &self.random());
        let start = SessionStart {
            document_name: name.as_str(),
            session_id: session_id.as_str(),
            run_as_user: run_as.by_tag.as_ref().map_or("", |user| user.as_str()),
            session_owner: &owner.to_string(),
        };
        let start_content = document.start_content(&start).to_string();
        if start_content.len() > MAX_START_CONTENT {
            let message = format!("Document and parameters together have more than {MAX_START_CONTENT} bytes.");
            return Err(ApiError::new(ErrorCode::InvalidParameters, message));
        }
        let grounds = Grounds::of(caller, allowed.on()).map(|grounds| grounds.to_text()).transpose()?;
        // Only a signed request can get here; the random one stands for a caller made up in the same process.
        let request = caller.request.clone();
        let request = request.unwrap_or_else(|| StartRequest { signature: self.random(), invocation: None });
        let session = NewSession {
            session_id: session_id.clone(),
            node_id: node_id.clone(),
            owner,
            owner_id: person.user_id.clone(),
            document_name: name.clone(),
            start_content,
            reason,
            limits: limits(&document),
            request,
            grounds,
            recording: recording.map(Terms::to_text),
            started_at: self.unix_millis(),
        };
        let started_at = session.started_at;
        let quota = self.settings.session_quota;
        match self.store.open_session(self.scope(), session, quota).await.map_err(failure::store)? {
            OpenSession::Opened => {
                let subject = node_subject(self.scope(), node_id);
                self.bus.publish(&subject, encode(&NodeCommand::WorkPending));
                tracing::info!(session.id = %session_id, node.id = %node_id, request.id = %caller.request_id,
                    document = %name, user = run_as.user.as_ref().map(tracing::field::display), "session opened");
                Ok(self.started(&session_id, started_at))
            }
            OpenSession::Replayed(session) => {
                let SessionRecord { session_id, started_at, .. } = *session;
                tracing::info!(session.id = %session_id, request.id = %caller.request_id,
                    "the same request came again and is answered with its session");
                Ok(self.started(&session_id, started_at))
            }
            OpenSession::SignatureUsed => {
                let message =
                    "An identical request was signed in the same second and has its session; sign this one again.";
                let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
                Err(throttled(message).come_again_after(turns.next(self.unix_millis())))
            }
            OpenSession::NodeUnknown => Err(unknown_target(node_id.as_str())),
            OpenSession::NodeNotConnected(node) => {
                let why = why_not_connected(&node, self.last_refusal(node_id), self.unix_millis());
                Err(ApiError::target_not_connected(node_id.as_str(), &why))
            }
            OpenSession::NodeFull(count) => Err(full(node_id.as_str(), count, quota.per_node, "max_sessions_per_node")),
            OpenSession::OwnerFull(count) => {
                let owner = caller.principal.to_string();
                Err(full(&owner, count, quota.per_owner, "max_sessions_per_user"))
            }
            OpenSession::ScopeFull(count) => Err(full("The service", count, quota.total, "max_sessions")),
        }
    }

    /// The answer is a function of the stored session, so that a repeated request gets the same one.
    fn started(&self, session_id: &SessionId, started_at: UnixMillis) -> StartSessionResponse {
        let expires_at = started_at + millis(self.settings.token_life);
        StartSessionResponse {
            token_value: self.client_token(session_id, 1, expires_at),
            stream_url: self.stream_url(session_id),
            session_id: session_id.to_string(),
        }
    }
}

/// Programs that are told `ThrottlingException` try again within seconds, and a session does not end so soon. This one
/// they hand to whoever waits. AWS's model of the service has it, though not for StartSession, which has no error for it.
fn full(who: &str, count: u32, limit: u32, setting: &str) -> ApiError {
    let message = format!(
        "{who} has {count} active sessions, and {limit} are allowed ({setting} in the service's settings); end some of \
         them first, or ask the service's operator for more."
    );
    ApiError::new(ErrorCode::ServiceQuotaExceededException, message)
}

fn document_name(request: &StartSessionRequest) -> Result<DocumentName, ApiError> {
    match &request.document_name {
        Some(name) => Ok(name.clone()),
        None => DEFAULT_DOCUMENT.parse().map_err(|_| ApiError::internal()),
    }
}

/// Where a tunnel would lead.
fn destination(document: &ResolvedDocument<'_>) -> Option<Destination> {
    let text = |name: &str| document.properties().get(name).and_then(serde_json::Value::as_str);
    let port = text("portNumber").filter(|_| document.session_type() == SessionType::Port)?;
    let host = text("host").filter(|host| !host.is_empty()).unwrap_or("localhost");
    Some(Destination { host: host.to_lowercase(), port: port.to_owned() })
}

/// The users that a session of this caller's would run as.
fn run_as(
    caller: &Caller,
    document: Option<&ResolvedDocument<'_>>,
    node: Option<&NodeRecord>,
) -> Result<RunAs, ApiError> {
    match (document, &caller.principal) {
        (Some(document), Principal::Person(person)) => RunAs::of(person, document, node.and_then(platform)),
        (None, _) | (Some(_), Principal::Node { .. } | Principal::Anonymous) => Ok(RunAs::default()),
    }
}

/// What a node has said that it is.
fn platform(node: &NodeRecord) -> Option<PlatformType> {
    node.report.platform_type.as_deref().and_then(PlatformType::from_name)
}

/// Only our own agent copies files; with another one the session would begin and fail.
fn check_copies(node: &NodeRecord, name: &DocumentName) -> Result<(), ApiError> {
    match node.report.agent_name.as_deref() {
        Some(agent) if agent != OUR_AGENT => {
            let shown: String = agent.chars().filter(|c| !c.is_control()).take(64).collect();
            let message = format!("Document {name} needs postern-agent on the node; {} runs {shown}.", node.node_id);
            Err(ApiError::new(ErrorCode::InvalidDocument, message))
        }
        // One that has not said yet what it is answers for itself.
        _ => Ok(()),
    }
}

fn limits(document: &ResolvedDocument<'_>) -> SessionLimits {
    let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes) * 60);
    let preferences = document.preferences();
    SessionLimits {
        idle_timeout: minutes(preferences.idle_session_timeout),
        max_duration: preferences.max_session_duration.map(minutes),
    }
}

fn unknown_target(target: &str) -> ApiError {
    let shown: String = target.chars().filter(|c| !c.is_control()).take(100).collect();
    let detail =
        "There is no managed node of this id in this account and region; DescribeInstanceInformation lists them.";
    ApiError::target_not_connected(&shown, detail)
}

/// AWS does not say why, to its users' sorrow; clients do not parse the text, so we do.
fn why_not_connected(node: &NodeRecord, refusal: Option<NodeRefusal>, now: UnixMillis) -> String {
    let advice = "check that its agent runs and reaches this service, and read the agent's log.";
    let gone_at = node.disconnection.as_ref().map_or(0, |disconnection| disconnection.at);
    if let Some(NodeRefusal { at, text }) = refusal.filter(|refusal| refusal.at >= gone_at) {
        return format!("Its agent came {} and was refused: {text}", ago(now.saturating_sub(at)));
    }
    if let Some(disconnection) = &node.disconnection {
        let ago = ago(now.saturating_sub(disconnection.at));
        return format!("Its agent lost its connection {ago} ({}): {advice}", disconnection.reason);
    }
    match node.last_seen_at {
        Some(at) => {
            let ago = ago(now.saturating_sub(at));
            format!("Its agent reported {ago} but has not opened its control channel: {advice}")
        }
        None => {
            let ago = ago(now.saturating_sub(node.registered_at));
            format!("It was registered {ago} and its agent has never connected: {advice}")
        }
    }
}

fn ago(millis: UnixMillis) -> String {
    let (count, unit) = match millis / 1000 {
        0 => return "just now".to_owned(),
        seconds @ 1..120 => (seconds, "second"),
        seconds @ 120..7200 => (seconds / 60, "minute"),
        seconds @ 7200..172_800 => (seconds / 3600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_people_think_in() {
        for (millis, text) in [
            (999, "just now"),
            (1_000, "1 second ago"),
            (119_000, "119 seconds ago"),
            (120_000, "2 minutes ago"),
            (7_200_000, "2 hours ago"),
            (172_800_000, "2 days ago"),
        ] {
            assert_eq!(ago(millis), text);
        }
    }
}
