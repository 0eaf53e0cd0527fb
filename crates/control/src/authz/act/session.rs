//! Sessions and their channels.

use postern_iam::{NodeId, SessionId};
use postern_policy::Context;

use super::{Itself, OnDocument, Question, Resource, Subject, Target, only};
use crate::authz::Needs;

/// What a session is asked for with: a node and a document, each with a question of its own. A node's tags are not in
/// the question about the document (spec iam-policies §10).
#[derive(Clone, Debug)]
pub struct Start {
    /// The node, or what was named instead.
    pub target: Target,
    /// The document, which need not exist.
    pub document: OnDocument,
    /// Whether the document must be allowed, too.
    pub document_check: DocumentCheck,
    /// Where a tunnel would lead, as far as the document and its parameters say.
    pub destination: Option<Destination>,
    /// The user that the session would run as, where the document or the preferences say that.
    pub run_as_user: Option<String>,
}

/// Whether a session's document must be allowed (spec iam-policies §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentCheck {
    /// It must.
    Always,
    /// It must where policies ask for that, by a condition on `ssm:SessionDocumentAccessCheck` in every statement that
    /// allows the session. Where one allows it without, it is enough that nothing denies the document.
    IfAskedFor,
}

/// Where a tunnel leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The host, in lower case; `localhost` is the node itself.
    pub host: String,
    /// The port, as the document says it.
    pub port: String,
}

/// The end of a denial.
pub(crate) const NODE_LOCKED: &str = "because the node is locked, whatever policies say";

const DOCUMENT_CHECK: &str = "ssm:SessionDocumentAccessCheck";

impl Subject for Start {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let ask = |is_checked: bool, needs| {
            let keys = Context::new().with(DOCUMENT_CHECK, is_checked);
            let node = Question { keys: keys.clone(), ..Question::about(self.target.resource()) };
            vec![node, Question { keys, needs, ..Question::about(self.document.resource()) }]
        };
        match self.document_check {
            DocumentCheck::Always => vec![ask(true, Needs::Allow)],
            DocumentCheck::IfAskedFor => vec![ask(true, Needs::Allow), ask(false, Needs::NoDeny)],
        }
    }

    fn request_keys(&self, keys: &mut Context) {
        if let Some(Destination { host, port }) = &self.destination {
            keys.set("postern:ForwardHost", host.as_str());
            keys.set("postern:ForwardPort", port.as_str());
        }
        if let Some(user) = &self.run_as_user {
            keys.set("postern:RunAsUser", user.as_str());
        }
    }

    fn lock(&self) -> Option<&'static str> {
        let is_locked = matches!(&self.target, Target::Node(node) if node.is_locked);
        is_locked.then_some(NODE_LOCKED)
    }
}

/// What acts on sessions are about.
#[derive(Clone, Debug)]
pub struct OnSession {
    /// Which.
    pub id: SessionId,
    /// On which node; none if there is no such session.
    pub node: Option<NodeId>,
    /// The user id of whoever started it; none if there is no such session, or if that was not noted yet when it began.
    pub owner_id: Option<String>,
}

impl OnSession {
    fn resource(&self) -> Resource<'_> {
        let Self { id, node, owner_id } = self;
        Resource::Session { id, node: node.as_ref(), owner_id: owner_id.as_deref() }
    }
}

impl Subject for OnSession {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.resource())
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// A side of a data channel. Whoever owns the session may open the client's as long as nothing denies it.
#[derive(Clone, Debug)]
pub struct Channel(pub OnSession);

impl Subject for Channel {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let Self(session) = self;
        let needs = Needs::AllowUnlessOwner(session.owner_id.as_deref());
        vec![vec![Question { needs, ..Question::about(session.resource()) }]]
    }

    fn request_keys(&self, _: &mut Context) {}
}

acts! {
    /// Open a session.
    StartSession = Api(StartSession), on Start;
    /// Get a new client token.
    ResumeSession = Api(ResumeSession), on OnSession;
    /// End a session.
    TerminateSession = Api(TerminateSession), on OnSession;
    DescribeRecording = Api(DescribeRecording), on OnSession;
    GetRecording = Api(GetRecording), on OnSession;
    /// List sessions.
    DescribeSessions = Api(DescribeSessions), on ();
    /// Ask for a control channel.
    CreateControlChannel = CreateControlChannel, on Itself;
    /// Open a control channel, signed.
    OpenControlChannel = OpenControlChannel, on Itself;
    /// Ask for the agent's side of a data channel.
    CreateDataChannel = CreateDataChannel, on OnSession;
    /// Open a side of a data channel, signed.
    OpenDataChannel = OpenDataChannel, on Channel;
}
