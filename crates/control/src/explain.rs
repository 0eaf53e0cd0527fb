//! Explanations: the decision that would be made about somebody who asked for something, and why. It is made where every
//! decision is made, about the things as they are: with their tags, locks and owners.
//!
//! What statements say is for those who may read them. Everybody else learns what a refusal would tell.

mod readable;
mod shown;
mod things;
mod whom;

use postern_model::explain::{ExplainPolicyRequest, ExplainPolicyResponse};
use postern_model::{ApiError, ErrorCode};
use postern_policy::{Context, Value};

use crate::Control;
use crate::authz::act;
use crate::authz::{self, Action, Authorized, Question, Subject, authorize};
use crate::caller::Caller;
pub(crate) use things::{Named, Things};
use whom::Whom;

impl Control {
    /// `Postern.ExplainPolicy`: what would be decided, and why.
    ///
    /// # Errors
    /// `ValidationException` for an action or thing that there is none of; `DoesNotExistException` for whom there is not;
    /// `AccessDeniedException`.
    pub async fn explain_policy(
        &self,
        caller: &Caller,
        request: ExplainPolicyRequest,
    ) -> Result<ExplainPolicyResponse, ApiError> {
        let whom = self.whom(caller, request.principal.as_deref()).await?;
        let allowed = authorize::<act::ExplainPolicy>(caller, whom.on().clone())?;
        self.explain(&allowed, &whom, request).await
    }

    async fn explain(
        &self,
        allowed: &Authorized<act::ExplainPolicy>,
        whom: &Whom,
        request: ExplainPolicyRequest,
    ) -> Result<ExplainPolicyResponse, ApiError> {
        let action = Action::of_name(&request.action).ok_or_else(|| no_action(&request.action))?;
        let asking = self.caller_for(allowed, whom).await?;
        let mut things = Things::of(self, &asking, action, &request.resources)?;
        let subject = act::named(action, &mut things).await?;
        things.finish()?;
        let keys = given(request.context)?;
        let explained = authz::explain(&asking, action, &Supposing { on: &*subject, keys });
        let readable = self.readable(allowed.caller(), &explained).await?;
        Ok(shown::response(&asking, action, &explained, &readable))
    }
}

/// The same, as if a request had these keys.
struct Supposing<'a> {
    on: &'a dyn Subject,
    keys: Context,
}

impl Subject for Supposing<'_> {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.on.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        self.on.request_keys(keys);
        for (key, values) in self.keys.iter() {
            keys.set_all(key, values.iter().cloned());
        }
    }

    fn lock(&self) -> Option<&'static str> {
        self.on.lock()
    }
}

/// What a decision is about is looked up, so nobody can suppose otherwise.
const LOOKED_UP: &[&str] = &[
    "ssm:resourcetag/",
    "aws:resourcetag/",
    "iam:resourcetag/",
    "aws:resourceaccount",
    "ssm:sessiondocumentaccesscheck",
];

fn given(context: std::collections::BTreeMap<String, Vec<String>>) -> Result<Context, ApiError> {
    let mut keys = Context::new();
    for (key, values) in context {
        let lower = key.to_ascii_lowercase();
        if LOOKED_UP.iter().any(|known| lower.starts_with(known)) {
            let message = format!(
                "Context cannot have {key}: it is looked up, for the decision is about the thing as it is. What would be \
                 if it were otherwise, iam:SimulatePrincipalPolicy says."
            );
            return Err(wrong(message));
        }
        keys.set_all(&key, values.into_iter().map(Value::from));
    }
    Ok(keys)
}

fn no_action(named: &str) -> ApiError {
    let shown: String = named.chars().filter(|c| !c.is_control()).take(128).collect();
    wrong(format!("{shown} is no action of this service; actions are written as in ssm:StartSession."))
}

fn wrong(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::ValidationException, message)
}
