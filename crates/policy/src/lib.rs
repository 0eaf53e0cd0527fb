//! Policies in AWS's IAM language: reading, checking, deciding.
//!
//! ```
//! use std::sync::Arc;
//! use postern_policy::{Attached, Context, Layers, Limits, Policy, Principal, Request, Resource, evaluate};
//!
//! let document = r#"{"Version": "2012-10-17", "Statement": {
//!     "Effect": "Allow", "Action": "ssm:StartSession",
//!     "Resource": "arn:aws:ssm:*:*:managed-instance/*",
//!     "Condition": {"StringLike": {"ssm:resourceTag/Finance": "WebServers"}}}}"#;
//! let policy = Policy::parse(document, Limits::MANAGED)?;
//! let layers = Layers {
//!     identity: vec![Attached { name: "web".into(), policy: Arc::new(policy) }],
//!     ..Layers::default()
//! };
//! let resource = Resource::new("arn:aws:ssm:eu-west-1:123456789012:managed-instance/mi-0c83012b7aac4ccda");
//! let request = Request {
//!     principal: Principal::default(),
//!     action: "ssm:StartSession",
//!     resource: &resource,
//!     context: &Context::new().with("aws:username", "ann"),
//!     resource_context: &Context::new().with("ssm:resourceTag/Finance", "WebServers"),
//! };
//! let decision = evaluate(&layers, &request);
//! assert!(decision.is_allowed());
//! assert_eq!(decision.statements[0].policy.as_ref(), "web");
//! # Ok::<(), postern_policy::Fault>(())
//! ```
//!
//! - [`Policy::parse`] takes a document apart once. What is not in the language is refused with AWS's sentence, the place
//!   and what would be right ([`Fault`]). [`Policy::warnings`] says what is allowed and probably not meant.
//! - [`verdict`] answers one question and allocates nothing; [`evaluate`] also says which statements decided, and why
//!   those that did not match did not. An operation on several resources is several questions.
//! - [`Layers`] is every policy that has a say. Deny beats allow, whatever the layer; the boundary, session policies and
//!   organisation limits only narrow.
//! - [`Resource`] has one name or several: see there what that means for `Deny`, `NotResource` and for the sessions of
//!   owners whose names begin alike.
//! - [`managed`] has the policies that AWS keeps and people attach by name.
//!
//! Where AWS's documentation is silent:
//!
//! - A key without values is absent, also for `Null`.
//! - `IfExists` makes an absent key count as true with `ForAnyValue:` too.
//! - An operator without quantifier on a key that has several values looks for one that matches; its negation holds if
//!   none does.
//! - The value of a variable stands for itself: a `*` in a user's name is no wildcard.
//! - A variable whose key has several values has no value.
//! - A pattern with a variable that has no value matches nothing, so `NotResource` with it covers everything.
//! - `Allow` for an account in a resource's policy leaves the decision to the identity policies of that account.
//!
//! Everything here is a pure function of its arguments: the time is a context key.

#![warn(missing_docs)]

mod condition;
mod context;
mod decision;
mod document;
mod evaluate;
mod fault;
mod json;
mod limits;
pub mod managed;
mod parse;
mod pattern;
mod position;
mod principal;
mod print;
mod resource;
mod value;
mod warning;

pub use condition::{Comparison, Operator, Quantifier};
pub use context::{Context, Value, ValueKind};
pub use decision::{Decision, Mismatch, Missed, StatementRef, Verdict};
pub use document::{Effect, Policy, Statement, Version};
pub use evaluate::{Attached, Layer, Layers, Request, evaluate, verdict};
pub use fault::Fault;
pub use limits::{DocumentKind, Limits, MAX_DEPTH, MAX_DOCUMENT_BYTES, quota_characters};
pub use position::{Position, Span, statement_spans};
pub use principal::{Principal, PrincipalKind};
pub use resource::Resource;
pub use warning::Warning;
