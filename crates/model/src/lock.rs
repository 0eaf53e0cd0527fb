//! Locks on users, roles and nodes: operations of the service's own, which AWS has none for.

use postern_iam::Arn;
use serde::{Deserialize, Serialize};

use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// The longest reason, in characters.
const MAX_REASON: usize = 256;

fn read_reason(input: &mut Input<'_>) -> Result<Option<String>, ApiError> {
    input.text("Reason", Text::length(1, MAX_REASON))
}

/// `Postern.LockPrincipal`: a user or role may do nothing any more, and its sessions end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LockPrincipalRequest {
    /// An ARN, `user/NAME` or `role/NAME`; a name alone is a user's.
    pub principal: String,
    /// Why, for other administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ApiRequest for LockPrincipalRequest {
    const OPERATION: Operation = Operation::LockPrincipal;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { principal: read_principal(input)?, reason: read_reason(input)? })
    }
}

/// `Postern.UnlockPrincipal`: its policies count again. What is not locked stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnlockPrincipalRequest {
    /// As in [`LockPrincipalRequest`].
    pub principal: String,
}

impl ApiRequest for UnlockPrincipalRequest {
    const OPERATION: Operation = Operation::UnlockPrincipal;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { principal: read_principal(input)? })
    }
}

fn read_principal(input: &mut Input<'_>) -> Result<String, ApiError> {
    input.required_text("Principal", Text::length(1, 2048))
}

/// `Postern.LockNode`: a node takes no new sessions, and those on it end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LockNodeRequest {
    /// The node's id.
    pub target: String,
    /// Why, for other administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ApiRequest for LockNodeRequest {
    const OPERATION: Operation = Operation::LockNode;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { target: read_target(input)?, reason: read_reason(input)? })
    }
}

/// `Postern.UnlockNode`: the node takes sessions again. What is not locked stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnlockNodeRequest {
    /// The node's id.
    pub target: String,
}

impl ApiRequest for UnlockNodeRequest {
    const OPERATION: Operation = Operation::UnlockNode;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { target: read_target(input)? })
    }
}

fn read_target(input: &mut Input<'_>) -> Result<String, ApiError> {
    input.required_text("Target", Text::length(1, 400))
}

/// `Postern.ListLocks`: everything that is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListLocksRequest {
    /// Locks a page, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// Where the page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for ListLocksRequest {
    const OPERATION: Operation = Operation::ListLocks;
    type Response = ListLocksResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let (max_results, next_token) = input.page(1, 50)?;
        Ok(Self { max_results, next_token })
    }
}

/// A page of locks: nodes by id, then roles and users by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListLocksResponse {
    /// The locks.
    pub locks: Vec<LockInformation>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LockInformation {
    /// `Node`, `Role`, `User`.
    pub kind: String,
    /// A node's id, or a name.
    pub name: String,
    /// What policies call it.
    pub arn: Arn,
    /// Why, in the words of whoever locked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The principal who did.
    pub locked_by: String,
    /// When.
    pub locked_at: Timestamp,
}
