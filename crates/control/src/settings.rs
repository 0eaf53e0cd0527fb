//! What an operator decides about `control`, as one value with defaults. Reading it from files is posternd's business.

use std::time::Duration;

use postern_model::document::RecordingMode;
use postern_store::{Scope, SessionQuota};

use crate::lifecycle::Timeouts;

/// How much documents may grow, in account and region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentQuota {
    /// Documents.
    pub documents: u32,
    /// Versions of one document.
    pub versions: u32,
    /// Accounts with which one document is shared.
    pub shares: u32,
}

/// Whether whoever starts a session must be allowed to use its document (spec iam-policies §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionDocumentCheck {
    /// Always.
    Strict,
    /// Not for the default document where none is named, unless the statement that allows the session has a condition on
    /// `ssm:SessionDocumentAccessCheck`: what AWS did until 2023.
    Legacy,
}

/// Settings of the application. Build one with [`Settings::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account and region that this service answers for.
    pub scope: Scope,
    /// What data channels are opened under, without a slash at the end: `wss://ssm.example.org:8443`.
    pub stream_url_base: String,
    /// The name of this process among those that share a store. It stays the same across restarts, because a process
    /// that starts forgets the control channels that the one of its name held.
    pub service_name: String,
    /// How far a signer's clock may be off.
    pub max_clock_skew: Duration,
    /// Waits in the life of a session; idle timeout and maximum duration come from its document.
    pub timeouts: Timeouts,
    /// How many sessions may be active at once.
    pub session_quota: SessionQuota,
    /// Whether the default document must be allowed, too.
    pub session_document_check: SessionDocumentCheck,
    /// Whether a data channel is opened by a token alone, as AWS's plugins did for years, or only with a signature beside
    /// it.
    pub require_signed_data_channels: bool,
    /// Whether a session that was started with temporary credentials ends when they expire. At AWS it goes on.
    pub sessions_end_with_credentials: bool,
    /// How sessions are recorded whose preferences say nothing about it.
    pub recording: RecordingMode,
    /// How long a key signs recordings before the next one does.
    pub recording_key_life: Duration,
    /// How much documents may grow.
    pub document_quota: DocumentQuota,
    /// Bytes of one node's log events that are kept here, over all groups, as AWS counts them.
    pub log_bytes_per_node: u64,
    /// How long DescribeSessions shows ended sessions.
    pub history: Duration,
    /// How long audit events are kept.
    pub audit_retention: Duration,
    /// How long a token is good for its first use.
    pub token_life: Duration,
    /// How long after its first use the same client may use its token again: stock clients re-dial with the same token
    /// for about six seconds (spec data-channel §8.1).
    pub token_reuse: Duration,
    /// How long a node's temporary credentials are good. Stock agents renew at half of it.
    pub role_credentials_life: Duration,
    /// How long an activation is good if nobody says.
    pub activation_life: Duration,
    /// The longest life of an activation.
    pub activation_max_life: Duration,
}

impl Settings {
    /// AWS's values where AWS has one.
    #[must_use]
    pub fn new(scope: Scope, stream_url_base: impl Into<String>) -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            scope,
            stream_url_base: stream_url_base.into(),
            service_name: "posternd".to_owned(),
            max_clock_skew: Duration::from_secs(5 * 60),
            timeouts: Timeouts::default(),
            session_quota: SessionQuota { per_node: 500, per_owner: 1000, total: 10_000 },
            session_document_check: SessionDocumentCheck::Strict,
            require_signed_data_channels: false,
            sessions_end_with_credentials: false,
            recording: RecordingMode::Required,
            recording_key_life: Duration::from_secs(90 * DAY),
            document_quota: DocumentQuota { documents: 500, versions: 1000, shares: 1000 },
            log_bytes_per_node: 1024 * 1024 * 1024,
            history: Duration::from_secs(30 * DAY),
            audit_retention: Duration::from_secs(400 * DAY),
            token_life: Duration::from_secs(2 * 60),
            token_reuse: Duration::from_secs(60),
            role_credentials_life: Duration::from_secs(60 * 60),
            activation_life: Duration::from_secs(DAY),
            activation_max_life: Duration::from_secs(30 * DAY),
        }
    }
}
