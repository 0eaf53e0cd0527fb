//! A cluster of real Postern programs for tests.
//!
//! Everything here starts programs as a user would start them, talks to them over loopback or through a
//! pseudo terminal, and stops only what it started. It holds no doubles: a test that needs a fake clock or a
//! scripted peer builds it next to the code it tests.

mod agent;
mod aws;
mod background;
mod behaviour;
mod eventually;
mod moto;
mod programs;
mod proxy;
mod reverse_proxy;
mod servers;
mod service;
mod skip;
mod ssh_server;
#[cfg(unix)]
mod stock_agent;
pub mod stream;
mod terminal;

/// The version of the project's own programs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub use agent::Agent;
pub use aws::{PythonEnvironment, StockAgent, StockPlugin, npm_folder};
pub use background::Background;
pub use behaviour::Behaviour;
pub use eventually::eventually;
pub use moto::Moto;
pub use programs::{Output, program, run, sha256, system_program, temporary_folder};
pub use proxy::FaultyProxy;
pub use reverse_proxy::ReverseProxy;
pub use servers::{closed_port, counting_server, echo_is_exact, echo_server, half_close_is_kept, raise_file_limit};
pub use service::{Scheme, Service};
pub use skip::skip;
pub use ssh_server::SshServer;
#[cfg(unix)]
pub use stock_agent::{StockAgentProcess, StockAgentSetup, names_under, private_loopback};
pub use terminal::Terminal;
