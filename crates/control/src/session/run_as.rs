//! Who a session runs as, as far as the service decides it: what policies see, and what the node is told.
//!
//! As at AWS: where the preferences enable run-as, the principal's tag names the user, else they do, else nobody does and
//! there is no session. The tags of a session of a role count before the role's own, as they do in conditions. The node
//! finds the same user from the same two names (spec session-types §7.4), and has a say about whether it exists.

use postern_iam::OsUserName;
use postern_model::document::ResolvedDocument;
use postern_model::node::PlatformType;
use postern_model::{ApiError, ErrorCode};

use crate::caller::Person;

/// The key of the tag, AWS's. As everywhere in IAM its case does not matter.
const TAG: &str = "SSMSessionRunAs";

/// What the service says about a session's user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunAs {
    /// Who it is, for policies; nobody where that is the node's own to decide.
    pub(super) user: Option<OsUserName>,
    /// The user by the principal's tag, as start messages have it.
    pub(super) by_tag: Option<OsUserName>,
}

impl RunAs {
    /// Decides for a session of this document, on a node of this platform as far as it has said that.
    ///
    /// # Errors
    /// `InvalidDocument` where nobody is named or the document names root without allowing it, `AccessDeniedException`
    /// where the tag does that or is no name.
    pub(super) fn of(
        person: &Person,
        document: &ResolvedDocument<'_>,
        platform: Option<PlatformType>,
    ) -> Result<Self, ApiError> {
        // Run-as is for Linux and macOS; on Windows AWS's agent passes it over and ours refuses.
        if platform == Some(PlatformType::Windows) {
            return Ok(Self::default());
        }
        let unix = [PlatformType::Linux, PlatformType::MacOS];
        let mut possible = unix.into_iter().filter(|kind| platform.is_none_or(|platform| platform == *kind));
        if possible.any(|platform| document.is_elevated_on(platform)) {
            let root = OsUserName::ROOT.parse().map_err(|_| ApiError::internal())?;
            return Ok(Self { user: Some(root), by_tag: None });
        }
        let preferences = document.preferences();
        if !preferences.run_as_enabled {
            return Ok(Self::default());
        }
        let by_tag = tag(person)?;
        let Some(user) = by_tag.as_ref().or(preferences.run_as_default_user.as_ref()) else {
            let message = format!(
                "Run-as is enabled for this session and no user is named: give {} the tag {TAG}, or set \
                 inputs.runAsDefaultUser in the session preferences.",
                person.arn
            );
            return Err(ApiError::new(ErrorCode::InvalidDocument, message));
        };
        if user.is_root() && !preferences.postern.run_as.allow_root {
            let (code, who) = match by_tag {
                Some(_) => (ErrorCode::AccessDeniedException, format!("The tag {TAG} of {}", person.arn)),
                None => (ErrorCode::InvalidDocument, "inputs.runAsDefaultUser in the session preferences".to_owned()),
            };
            let message = format!(
                "{who} names root, which sessions run as only where inputs.postern.runAs.allowRoot is true in the session \
                 preferences."
            );
            return Err(ApiError::new(code, message));
        }
        Ok(Self { user: Some(user.clone()), by_tag })
    }
}

/// The user by the principal's tag. One that is blank names nobody.
fn tag(person: &Person) -> Result<Option<OsUserName>, ApiError> {
    let tag = person.tags.iter().find(|tag| tag.key.eq_ignore_ascii_case(TAG));
    let Some(name) = tag.map(|tag| tag.value.trim()).filter(|name| !name.is_empty()) else { return Ok(None) };
    name.parse().map(Some).map_err(|error| {
        let message = format!("The tag {TAG} of {} names no user: {error}.", person.arn);
        ApiError::new(ErrorCode::AccessDeniedException, message)
    })
}
