//! Postern's agent as a library: registers a machine as a managed node, holds the control channel, runs sessions.
//!
//! The agent dials out and listens on nothing but local sockets in its own folder. Its main process holds the control
//! channel; every session runs in a small process of its own ([`session_worker_main`]) that outlives the main one.
//! `postern-agent` is this library with arguments and signals around it; `postern quickstart` uses it in process.

mod chain;
mod config;
mod control_channel;
mod copier;
mod forward;
mod identity;
mod information;
mod link;
mod local_socket;
mod registration;
mod run;
mod service;
mod session;
mod sessions;
mod state;
mod status;
mod users;
mod worker;

pub use config::{AgentConfig, ConfigError, ConfigSource, DEFAULT_CONFIG_FILE, SETTINGS, Setting, service_endpoint};
pub use copier::copy_files_main;
pub use forward::Patterns;
pub use registration::{Activation, RegisterError, read_activation_code, register, registered_node};
pub use run::{AgentError, SessionsAtShutdown, run};
pub use sessions::WorkerCommand;
pub use state::StateError;
pub use status::{AgentStatus, NodeStatus, status};
pub use worker::session_worker_main;
