//! The service as a library: settings, data folder, authority, and a server that is a value.
//!
//! `posternd` the program, `postern quickstart` and tests build the same [`Server`]. Only [`commands`], the program's
//! own half, prints or listens for signals.

mod application;
mod audit;
pub mod authority;
mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod logging;
mod providers;
mod server;
mod upstream;

pub use application::{Application, ServerError};
pub use config::Config;
pub use server::{Running, Server, authority};
