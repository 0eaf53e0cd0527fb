//! One type for each act, and the subjects that they are about, by service.

use std::pin::Pin;

use postern_model::ApiError;
use postern_policy::{Context, Value};
use postern_store::Tag;

#[cfg(test)]
use super::Act;
use super::{Action, Question, Resource, Subject};
use crate::explain::{Named, Things};

/// Types for acts, each with its action and what it is about.
macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $kind:ident $(($operation:ident))?, on $on:ty;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl crate::authz::Act for $name {
                const ACTION: crate::authz::Action = crate::authz::Action::$kind $((postern_model::Operation::$operation))?;
                type On = $on;
            }
        )+

        /// How the subject of an act is made of names. None for an action of another room.
        pub(super) fn reader(action: crate::authz::Action) -> Option<super::Reader> {
            Some(match action {
                $(crate::authz::Action::$kind $((postern_model::Operation::$operation))? => super::read::<$on>,)+
                _ => return None,
            })
        }

        /// Shows every act, for tests that leave none out.
        #[cfg(test)]
        pub(super) fn show(audience: &mut impl super::Spectator) {
            $(audience.see::<$name>();)+
        }
    };
}

mod cloudtrail;
mod document;
mod iam;
mod kms;
mod lock;
mod logs;
mod node;
mod session;
mod sts;

pub use cloudtrail::*;
pub use document::*;
pub use iam::*;
pub use kms::*;
pub use lock::*;
pub use logs::*;
pub use node::*;
pub use session::*;
pub use sts::*;

/// Who is shown every act.
#[cfg(test)]
pub(super) trait Spectator {
    fn see<A: Act<On: super::tests::Sample>>(&mut self);
}

/// Shows every act there is.
#[cfg(test)]
pub(super) fn show(audience: &mut impl Spectator) {
    cloudtrail::show(audience);
    document::show(audience);
    iam::show(audience);
    kms::show(audience);
    lock::show(audience);
    logs::show(audience);
    node::show(audience);
    session::show(audience);
    sts::show(audience);
}

/// A subject that is being made of names.
type Reading<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Subject + Send + Sync>, ApiError>> + Send + 'a>>;
type Reader = for<'a, 'b> fn(&'a mut Things<'b>) -> Reading<'a>;

/// Makes what an act is about of names: the very subject that the operation would make of its request. An act whose
/// subject cannot be made of names does not compile.
///
/// # Errors
/// A name is missing, or is none.
pub(crate) async fn named(action: Action, things: &mut Things<'_>) -> Result<Box<dyn Subject + Send + Sync>, ApiError> {
    let rooms = [
        cloudtrail::reader,
        document::reader,
        iam::reader,
        kms::reader,
        lock::reader,
        logs::reader,
        node::reader,
        session::reader,
        sts::reader,
    ];
    let found = rooms.iter().find_map(|room| room(action)).ok_or_else(|| {
        tracing::error!(action = action.name(), "an action has no act");
        ApiError::internal()
    })?;
    found(things).await
}

fn read<'a, T: Named>(things: &'a mut Things<'_>) -> Reading<'a> {
    Box::pin(async { Ok(Box::new(T::named(things).await?) as Box<dyn Subject + Send + Sync>) })
}

/// Nothing in particular.
impl Subject for () {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::Any)
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// Something that is to be made, with its tags: `aws:RequestTag/…`, `aws:TagKeys`.
#[derive(Clone, Debug)]
pub struct Creation<T> {
    /// What it would be.
    pub of: T,
    /// The tags that it would have.
    pub tags: Vec<Tag>,
}

impl<T: Subject> Subject for Creation<T> {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.of.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        self.of.request_keys(keys);
        set_requested(keys, &self.tags);
    }
}

/// Something whose tags are to be changed.
#[derive(Clone, Debug)]
pub struct Tagging<T> {
    /// What.
    pub on: T,
    /// How.
    pub change: TagsAsked,
}

/// What a request says about tags.
#[derive(Clone, Debug)]
pub enum TagsAsked {
    /// Tags to put on something: `aws:RequestTag/…`, `aws:TagKeys`.
    Added(Vec<Tag>),
    /// Keys of tags to take away: `aws:TagKeys`.
    Removed(Vec<String>),
}

impl<T: Subject> Subject for Tagging<T> {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.on.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        self.on.request_keys(keys);
        match &self.change {
            TagsAsked::Added(tags) => set_requested(keys, tags),
            TagsAsked::Removed(removed) => {
                keys.set_all("aws:TagKeys", removed.iter().map(|key| Value::from(key.as_str())));
            }
        }
    }
}

fn set_requested(keys: &mut Context, tags: &[Tag]) {
    for tag in tags {
        keys.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
    }
    keys.set_all("aws:TagKeys", tags.iter().map(|tag| Value::from(tag.key.as_str())));
}

/// One question, about one resource.
fn only(resource: Resource<'_>) -> Vec<Vec<Question<'_>>> {
    vec![vec![Question::about(resource)]]
}
