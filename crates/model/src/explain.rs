//! Explanations of decisions: an operation of the service's own, which AWS has none for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;

/// Things that one operation is about: a node and a document, an identity and a policy.
const MAX_RESOURCES: usize = 4;

/// `Postern.ExplainPolicy`: may somebody do something, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExplainPolicyRequest {
    /// Who: an ARN, `user/NAME` or `role/NAME`; a name alone is a user's. Absent means whoever asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// What, as policies call it: `ssm:StartSession`.
    pub action: String,
    /// To what: ARNs, or what stands in them behind the account.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Condition keys that the request would have, in the place of what is supposed otherwise.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Vec<String>>,
}

impl ApiRequest for ExplainPolicyRequest {
    const OPERATION: Operation = Operation::ExplainPolicy;
    type Response = ExplainPolicyResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            principal: input.text("Principal", Text::length(1, 2048))?,
            action: input.required_text("Action", Text::length(3, 128))?,
            resources: input.texts("Resources", 0..=MAX_RESOURCES, Text::length(1, 2048))?.unwrap_or_default(),
            context: input.map_of_texts("Context", Text::length(3, 256), Text::length(0, 2048))?,
        })
    }
}

/// A decision, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExplainPolicyResponse {
    /// Who, as denials name it.
    pub principal: String,
    /// What.
    pub action: String,
    /// `allowed`, `explicitDeny`, `implicitDeny`.
    pub decision: String,
    /// The last words of the denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was asked, in its order. Nothing if a lock decides before anything is asked.
    pub questions: Vec<ExplainedQuestion>,
    /// There are policies that whoever asks may not read; of those only the layer that decided is told.
    pub has_hidden_policies: bool,
}

/// One action on one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExplainedQuestion {
    /// All questions with one number together are one way to be allowed; the next is tried if nothing has denied.
    pub way: usize,
    /// The action.
    pub action: String,
    /// The thing.
    pub resource: String,
    /// What policies say: `allowed`, `explicitDeny`, `implicitDeny`. Absent if they have no say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The layer that denies, as `permissions boundary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// What is enough: `Allow`; `NoDeny`; `AllowUnlessOwner`; `Trust` of a role.
    pub needs: String,
    /// Whether that was enough.
    pub is_enough: bool,
    /// The statements about the action, of policies that whoever asks may read.
    pub statements: Vec<ExplainedStatement>,
    /// The policies without a statement about the action, of those that whoever asks may read.
    pub other_policies: Vec<String>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExplainedStatement {
    /// What kind of say its policy has: `identity-based policy`.
    pub layer: String,
    /// The policy: an ARN, or whose own it is and its name, `user/jane/start`.
    pub policy: String,
    /// Its place in the policy, from 0.
    pub index: usize,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// `matches`; `outvoted`, if it matches and a deny is there; `doesNotMatch`.
    pub outcome: String,
    /// All that is otherwise than it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<ExplainedMismatch>,
    /// The statement, as JSON.
    pub statement: String,
}

/// What is otherwise than a statement says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExplainedMismatch {
    /// `Principal`, `Resource`, `NotResource`, `Condition`.
    pub element: String,
    /// A condition's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// A condition's key, or that of a variable that has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the request has; nothing if it has no such key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    /// What the statement asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<String>,
    /// The same as a sentence.
    pub because: String,
}
