//! The subcommands, one module each.

pub(crate) mod activation;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod cp;
pub(crate) mod document;
pub(crate) mod exec;
pub(crate) mod forward;
mod listing;
pub(crate) mod lock;
pub(crate) mod locks;
mod node_filter;
mod node_name;
pub(crate) mod nodes;
pub(crate) mod policy;
pub(crate) mod recordings;
pub(crate) mod replay;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod ssh;
pub(crate) mod start;
pub(crate) mod tag;
pub(crate) mod terminate;
