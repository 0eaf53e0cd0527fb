//! From names to what an act is about: the same subject that the operation itself would make of its request, as far as
//! names can say it. What else a request would say are condition keys, which whoever asks gives.

use postern_iam::Arn;
use postern_model::{ApiError, ErrorCode};

use super::wrong;
use crate::Control;
use crate::authz::{Action, Subject};
use crate::caller::Caller;

mod identities;
mod keys_and_logs;
mod nodes;

/// A subject that can be made of names.
pub(crate) trait Named: Subject + Send + Sync + Sized + 'static {
    /// Takes the names that it is made of.
    fn named(things: &mut Things<'_>) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

/// The names that somebody gives, until each is taken.
pub(crate) struct Things<'a> {
    pub(super) control: &'a Control,
    /// Who would ask.
    pub(super) caller: &'a Caller,
    action: Action,
    left: Vec<Thing>,
}

/// A name.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    /// As it was given.
    pub(super) text: String,
    /// Its ARN, if it was given as one.
    pub(super) arn: Option<Arn>,
}

impl Thing {
    /// What stands behind the account in its ARN: `document/NAME`.
    fn resource(&self) -> &str {
        self.arn.as_ref().map_or(&self.text, |arn| &arn.resource)
    }
}

impl<'a> Things<'a> {
    pub(super) fn of(
        control: &'a Control,
        caller: &'a Caller,
        action: Action,
        names: &[String],
    ) -> Result<Self, ApiError> {
        let scope = control.scope();
        let mut left = Vec::new();
        for text in names.iter().filter(|name| *name != "*") {
            let arn = text.parse::<Arn>().ok();
            let is_here = |arn: &Arn| {
                arn.is_in_our_partition()
                    && (arn.region.is_empty() || arn.region == scope.region.as_str())
                    && (arn.account.is_empty() || arn.account == scope.account.as_str() || arn.account == "aws")
            };
            if arn.as_ref().is_some_and(|arn| !is_here(arn)) {
                let message = format!("{} is of another account or region.", shown(text));
                return Err(wrong(message));
            }
            left.push(Thing { text: text.clone(), arn });
        }
        Ok(Self { control, caller, action, left })
    }

    /// The first name that is like this.
    pub(super) fn take(&mut self, is_it: impl Fn(&str) -> bool) -> Option<Thing> {
        let at = self.left.iter().position(|thing| is_it(thing.resource()))?;
        Some(self.left.remove(at))
    }

    /// The first name that begins so, without that.
    pub(super) fn take_named(&mut self, prefixes: &[&str]) -> Option<(Thing, String)> {
        let thing = self.take(|resource| prefixes.iter().any(|prefix| resource.starts_with(prefix)))?;
        let name =
            prefixes.iter().find_map(|prefix| thing.resource().strip_prefix(prefix)).unwrap_or_default().to_owned();
        Some((thing, name))
    }

    /// That a name is not among those that were given.
    pub(super) fn missing(&self, what: &str) -> ApiError {
        let message = format!(
            "{} is about {what}: name it in Resources, by its ARN or by what stands in that behind the account.",
            self.action.name()
        );
        wrong(message)
    }

    /// A name of the right kind that is none.
    pub(super) fn no_name(&self, thing: &Thing, what: &str) -> ApiError {
        wrong(format!("{} is no name of {what}.", shown(&thing.text)))
    }

    /// All names must have been taken.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        match self.left.first() {
            None => Ok(()),
            Some(thing) => {
                let message = format!("{} is not about {}.", self.action.name(), shown(&thing.text));
                Err(ApiError::new(ErrorCode::ValidationException, message))
            }
        }
    }
}

/// Nothing in particular.
impl Named for () {
    async fn named(_: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(())
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(256).collect()
}
