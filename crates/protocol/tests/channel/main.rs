//! The channel machines, driven from outside: rules of the specification one by one, captured
//! traffic, and whole sessions on a virtual clock with everything that can go wrong.
//!
//! A failing simulation prints its seed; `POSTERN_SEED=<seed>` runs that one alone,
//! `POSTERN_SEEDS=<count>` more than the usual few.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the modules of one test program see each other")]

mod ack_rule;
mod captures;
mod control_channel;
mod cumulative;
mod data_channel;
mod digest;
mod pair;
mod relay;
mod simulation;
mod support;
mod world;
