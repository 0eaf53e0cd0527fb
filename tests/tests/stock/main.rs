//! AWS's own plugin and agent, unmodified. They are in no registry: `POSTERN_AWS_PLUGIN` and `POSTERN_AWS_AGENT` name
//! them where they are installed, and every test here says "skipped: not installed" elsewhere.
//!
//! What a test shows is recorded for the compatibility page (`postern_testkit::Behaviour`).

mod commands;
mod credentials;
mod encryption;
mod faults;
mod pair;
mod pointing;
mod ports;
mod presence;
mod restarts;
mod shells;
mod ssh;
mod transcripts;
mod users;
