//! Logs of sessions, as CloudWatch Logs keeps them.
//!
//! A managed node may look which groups there are, and may write one stream: the one that is named like a session of
//! its own, in the group that the session's document names. Everything else is a person's. The text of events is what
//! sessions printed: it goes into the store and to who asks for it, and nowhere else. In a group with a key it is
//! encrypted before it is stored.

mod group;
mod put;
mod quota;
mod read;
mod seal;
mod stream;

use postern_iam::Arn;
use postern_model::logs::GroupReference;
use postern_model::{ApiError, ErrorCode, Service};
use postern_store::{Scope, SessionRecord, UnixMillis};

pub(crate) use self::quota::FullNodes;
use crate::authz::act::{OnGroup, OnStream};
use crate::caller::Caller;
use crate::page::Listing;
use crate::{Control, failure};

/// Groups that there may be.
const MAX_GROUPS: u32 = 10_000;
/// Groups or streams a page if the caller does not say, AWS's maximum.
const DEFAULT_LIMIT: u32 = 50;
/// Events forgotten at once, so that nobody waits long for the store.
const BATCH: u32 = 1000;
const DAY_MILLIS: UnixMillis = 24 * 60 * 60 * 1000;

/// A log group by name, wherever it is.
struct NamedGroup {
    name: String,
    arn: Arn,
}

impl Control {
    /// Forgets events that are older than their groups keep them, and those of groups and streams that were removed. To
    /// be called now and then; readers do not see such events anyway.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn forget_log_events(&self) -> Result<u64, ApiError> {
        let mut forgotten = 0;
        loop {
            match self.store.forget_log_events(self.unix_millis(), BATCH).await.map_err(failure::store)? {
                0 => return Ok(forgotten),
                batch => forgotten += batch,
            }
        }
    }

    /// A group, which must be one of here; of another service's groups, people may name those of other accounts and
    /// regions by their ARNs, and that service decides, too. A node's own group never is one of those.
    fn group_named(&self, caller: &Caller, group: &GroupReference) -> Result<NamedGroup, ApiError> {
        let (name, arn) = group.name()?;
        let Scope { account, region } = self.scope();
        let is_here = arn.as_ref().is_none_or(|arn| {
            arn.is_in_our_partition() && arn.account == account.as_str() && arn.region == region.as_str()
        });
        let may_be_elsewhere = self.passes_on(Service::Logs) && caller.node_id().is_none();
        match arn {
            Some(arn) if !is_here && may_be_elsewhere => {
                // However it was written, policies see one name of it.
                let Arn { partition, service, region, account, .. } = arn;
                let arn = Arn { partition, service, region, account, resource: format!("log-group:{name}") };
                Ok(NamedGroup { name, arn })
            }
            _ if is_here => Ok(self.own_group(&name)),
            _ => Err(no_group()),
        }
    }

    fn own_group(&self, name: &str) -> NamedGroup {
        NamedGroup { name: name.to_owned(), arn: self.group_arn(name) }
    }

    /// What a decision about a group is about, whether it exists or not. Of another service's groups only names are known.
    async fn on_group(&self, NamedGroup { name, arn }: NamedGroup) -> Result<OnGroup, ApiError> {
        let found = match self.passes_on(Service::Logs) {
            true => None,
            false => self.store.log_group(self.scope(), &name).await.map_err(failure::store)?,
        };
        Ok(OnGroup { name, arn, tags: found.map(|group| group.tags).unwrap_or_default() })
    }

    /// What a decision about a stream is about. Only for a node does it matter whose session the stream is named like.
    async fn on_stream(&self, caller: &Caller, group: NamedGroup, stream: &str) -> Result<OnStream, ApiError> {
        let session = match caller.node_id() {
            Some(_) => self.find_session(stream).await?,
            None => None,
        };
        let NamedGroup { name: group, arn: group_arn } = group;
        let session = session.filter(|session| log_group_of(session).is_some_and(|own| own == group));
        let node = session.map(|session| session.node_id);
        Ok(OnStream { group, group_arn, stream: stream.to_owned(), node })
    }

    /// What a decision about a group of here is about.
    pub(crate) async fn on_own_group(&self, name: &str) -> Result<OnGroup, ApiError> {
        self.on_group(self.own_group(name)).await
    }

    /// What a decision about a stream of a group of here is about, for a person.
    pub(crate) fn on_own_stream(&self, group: &str, stream: &str) -> OnStream {
        let NamedGroup { name: group, arn: group_arn } = self.own_group(group);
        OnStream { group, group_arn, stream: stream.to_owned(), node: None }
    }

    fn group_arn(&self, name: &str) -> Arn {
        let Scope { account, region } = self.scope();
        Arn::log_group(region, account, name)
    }
}

/// The log group that a session's document names, as the node was told.
fn log_group_of(session: &SessionRecord) -> Option<String> {
    let start: serde_json::Value = serde_json::from_str(&session.start_content).ok()?;
    let name = start.pointer("/DocumentContent/inputs/cloudWatchLogGroupName")?.as_str()?;
    Some(name.to_owned())
}

/// Before this moment, a group that keeps events so long has none.
fn oldest_kept(now: UnixMillis, retention_days: Option<u32>) -> UnixMillis {
    retention_days.map_or(0, |days| now.saturating_sub(UnixMillis::from(days) * DAY_MILLIS))
}

/// Where a page begins. Logs have no error of their own for tokens.
fn cursor<T: std::str::FromStr>(listing: &Listing<'_>, token: Option<&str>) -> Result<Option<T>, ApiError> {
    listing.cursor(token).map_err(|_| invalid("The specified nextToken is invalid."))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameterException, message)
}

fn no_group() -> ApiError {
    ApiError::new(ErrorCode::ResourceNotFoundException, "The specified log group does not exist.")
}

fn no_stream() -> ApiError {
    ApiError::new(ErrorCode::ResourceNotFoundException, "The specified log stream does not exist.")
}
