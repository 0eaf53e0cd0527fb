//! One type for each act, and the subjects that they are about, by service.

use postern_policy::{Context, Value};
use postern_store::Tag;

#[cfg(test)]
use super::Act;
use super::{Question, Resource, Subject};

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

        /// Shows every act, for tests that leave none out.
        #[cfg(test)]
        pub(super) fn show(audience: &mut impl super::Spectator) {
            $(audience.see::<$name>();)+
        }
    };
}

mod document;
mod iam;
mod kms;
mod lock;
mod logs;
mod node;
mod session;
mod sts;

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
    document::show(audience);
    iam::show(audience);
    kms::show(audience);
    lock::show(audience);
    logs::show(audience);
    node::show(audience);
    session::show(audience);
    sts::show(audience);
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
