//! The shapes of the public API and of what an agent calls: operations, requests, responses, errors, documents.
//!
//! A request is *decoded*, never merely deserialized: [`decode`] gives back a value that satisfies every constraint of
//! the service model, or the error AWS would give, with AWS's text. Responses and requests also serialize, for our own
//! client and agent. There is no behaviour here beyond that: nothing is looked up, nobody is authorised, no clock is read.
//!
//! Member names are exactly AWS's; unknown members are ignored; `null` is the same as absence.

#![warn(missing_docs)]

#[macro_use]
mod query_shapes;

pub mod activation;
pub mod agent;
mod bytes;
pub mod cloudtrail;
mod constraint;
mod decode;
pub mod document;

mod error;
pub mod explain;
pub mod iam;
pub mod kms;
pub mod lock;
pub mod logs;
pub mod node;
mod operation;
pub mod query;
pub mod recording;
pub mod service_setting;
pub mod session;
pub mod sts;
pub mod tag;
mod timestamp;

pub use decode::{ApiRequest, decode, decode_form};
pub use error::{ApiError, ERROR_TYPE_HEADER, ErrorCode, Fault, RETRY_AFTER_HEADER};
pub use operation::{CallerKind, Operation, Protocol, Service};
pub use timestamp::Timestamp;

/// A response without members: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Empty {}
