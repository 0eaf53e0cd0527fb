//! The application as its faces use it: a real store in a temporary folder, the real bus; only the clock and the
//! source of randomness are ours.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod audit;
mod authentication;
mod channels;
mod documents;
mod kms;
mod listings;
mod live;
mod locks;
mod logs;
mod nodes;
mod pages;
mod people;
mod policies;
mod recording;
mod registration;
mod restart;
mod service_settings;
mod sessions;
mod sts;
mod supervision;
mod tags;
mod throughput;
mod upstream;
mod web_identity;
mod world;
