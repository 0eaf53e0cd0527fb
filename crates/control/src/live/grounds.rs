//! What a session's start was allowed for, as the store keeps it: who asked, from where, and for what. No secret is in
//! it, and it is bounded.

use std::net::IpAddr;

use postern_model::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};

use crate::Origin;
use crate::authz::act::{Destination, DocumentCheck, Start};
use crate::caller::{Caller, Credential};
use crate::session_token::SessionToken;

/// The longest text. What temporary credentials say takes up to 8 KiB of it, the rest are names.
const MAX_BYTES: usize = 16 * 1024;

/// What a start was allowed for, beside what the session's record says anyway: its node and its document.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grounds {
    who: Who,
    source_ip: Option<IpAddr>,
    is_secure: bool,
    user_agent: Option<String>,
    /// The document was not named, and the settings of then let that count.
    lenient_document_check: bool,
    /// Host and port of a tunnel.
    destination: Option<(String, String)>,
    run_as_user: Option<String>,
}

/// What the request was signed with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    /// This access key.
    Key(String),
    /// Temporary credentials, which say this.
    Token(String),
}

impl Grounds {
    /// What this start is allowed for. None for a caller that is made up within the service.
    pub(crate) fn of(caller: &Caller, start: &Start) -> Option<Self> {
        let who = match caller.credential.as_ref()? {
            Credential::Key(id) => Who::Key(id.to_string()),
            Credential::Token(token) => Who::Token(token.to_text()),
        };
        Some(Self {
            who,
            source_ip: caller.source_ip,
            is_secure: caller.is_secure,
            user_agent: caller.user_agent.clone(),
            lenient_document_check: start.document_check == DocumentCheck::IfAskedFor,
            destination: start.destination.as_ref().map(|Destination { host, port }| (host.clone(), port.clone())),
            run_as_user: start.run_as_user.clone(),
        })
    }

    /// As the store keeps it.
    ///
    /// # Errors
    /// `InvalidParameters`: something is named at too great a length.
    pub(crate) fn to_text(&self) -> Result<String, ApiError> {
        let text = serde_json::to_string(self).map_err(|_| ApiError::internal())?;
        if text.len() > MAX_BYTES {
            let message = "The host, the port or the user of the session has too long a name.";
            return Err(ApiError::new(ErrorCode::InvalidParameters, message));
        }
        Ok(text)
    }

    /// Nothing for what another release has written and this one does not understand.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn who(&self) -> &Who {
        &self.who
    }

    pub(super) fn origin(&self) -> Origin {
        Origin {
            source_ip: self.source_ip,
            is_secure: self.is_secure,
            user_agent: self.user_agent.clone(),
            request_id: "review".to_owned(),
        }
    }

    pub(super) fn document_check(&self) -> DocumentCheck {
        if self.lenient_document_check { DocumentCheck::IfAskedFor } else { DocumentCheck::Always }
    }

    pub(super) fn destination(&self) -> Option<Destination> {
        self.destination.clone().map(|(host, port)| Destination { host, port })
    }

    pub(super) fn run_as_user(&self) -> Option<String> {
        self.run_as_user.clone()
    }
}

impl Who {
    /// What temporary credentials said; nothing if these are none, or are of a release that wrote it otherwise.
    pub(super) fn token(&self) -> Option<SessionToken> {
        match self {
            Self::Key(_) => None,
            Self::Token(text) => SessionToken::from_text(text),
        }
    }
}
