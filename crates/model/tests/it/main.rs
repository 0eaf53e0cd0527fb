//! The model as its users see it: what is decoded, what is refused and in which words, what goes on the wire.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod documents;
mod kms;
mod logs;
mod nodes;
mod requests;
mod responses;
mod service_settings;
mod tags;
mod totality;
mod validation;
