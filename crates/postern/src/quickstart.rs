//! `postern quickstart`: service, agent and client in one process, on loopback, for the first five minutes and for
//! tests. Everything it makes lies in one folder; nothing of it outlives the process but that folder.

mod env_file;
mod folder;
mod node;
mod service;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use postern_client::config::{DEFAULT_REGION, Environment, Profile};
use postern_client::{Overrides, Service};
use postern_model::session::StartSessionRequest;
use postern_transport::Endpoint;

use crate::command::{exec, session};
use env_file::{Content, EnvFile};
use node::Node;
use service::Backend;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder for everything it makes [default: postern/quickstart in the user's data folder]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Loopback address and port of the service; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8022", value_parser = loopback)]
    listen: std::net::SocketAddr,
    /// Run `sh -c TEXT` on the node instead of a shell: its output, its exit status
    #[arg(long, value_name = "TEXT", conflicts_with = "serve")]
    exec: Option<String>,
    /// Keep service and agent up until ^C, for the aws CLI, other shells and tests
    #[arg(long)]
    serve: bool,
}

/// Runs it to its end.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    // Service and agent have threads of their own: what the user's terminal does must not hold them up.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(quickstart(arguments));
    runtime.shutdown_background();
    result
}

async fn quickstart(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let folder = match &arguments.data_dir {
        Some(folder) => std::path::absolute(folder).context("the data folder's path cannot be used")?,
        None => folder::default_folder()?,
    };
    let is_new = !folder.exists();
    let backend = Backend::start(&folder, arguments.listen).await?;
    let result = Box::pin(with_backend(&arguments, &backend, is_new)).await;
    backend.stop().await;
    result
}

async fn with_backend(arguments: &Arguments, backend: &Backend, is_new: bool) -> anyhow::Result<ExitCode> {
    let endpoint = Endpoint::parse(&backend.endpoint)?;
    let service = administrator(backend)?;
    let mut node = Node::start(backend.folder(), endpoint, &service).await?;
    let result = match node.wait_until_online(&service).await {
        Ok(()) => Box::pin(with_node(arguments, backend, &node, service, is_new)).await,
        Err(error) => Err(error),
    };
    node.stop().await;
    result
}

async fn with_node(
    arguments: &Arguments,
    backend: &Backend,
    node: &Node,
    service: Service,
    is_new: bool,
) -> anyhow::Result<ExitCode> {
    let content = Content {
        endpoint: &backend.endpoint,
        node_id: node.id.as_str(),
        access_key_id: &backend.access_key_id,
        secret_access_key: &backend.secret_access_key,
    };
    // Removed when this function returns, before the service goes.
    let env = EnvFile::write(backend.folder(), &content)?;
    introduce(backend, node, is_new);
    if arguments.serve {
        crate::failure::say!("ready: in another shell, . {}", shell_words::quote(&env.path().to_string_lossy()));
        crate::failure::say!(
            "       then aws ssm start-session --target $POSTERN_NODE_ID, or postern start $POSTERN_NODE_ID"
        );
        crate::failure::say!("       ^C ends service, agent and sessions");
        crate::stop::until_told_to_stop().await?;
        return Ok(ExitCode::SUCCESS);
    }
    match &arguments.exec {
        Some(text) => {
            let words = ["sh", "-c", text].map(str::to_owned);
            session::run(service, &exec::request(node.id.to_string(), &words, None), session::Expectation::COMMAND)
                .await
        }
        None => {
            crate::failure::say!("a shell on it follows; exit ends everything");
            let request = StartSessionRequest {
                target: node.id.to_string(),
                document_name: None,
                reason: None,
                parameters: std::collections::BTreeMap::new(),
            };
            session::run(service, &request, session::Expectation::SHELL).await
        }
    }
}

/// What it made, where, and how to get rid of it.
fn introduce(backend: &Backend, node: &Node, is_new: bool) {
    let folder = backend.folder().to_string_lossy();
    let made = if is_new { "made" } else { "found" };
    crate::failure::say!("{made} a service, its administrator and a managed node in {folder}");
    crate::failure::say!("this machine is the managed node {} of the service at {}", node.id, backend.endpoint);
    crate::failure::say!(
        "both end with this program, sessions are recorded there; rm -r {} removes all of it",
        shell_words::quote(&folder)
    );
}

/// The service as its administrator sees it, whatever the user's own configuration says.
fn administrator(backend: &Backend) -> anyhow::Result<Service> {
    let environment: Environment = [
        ("AWS_ACCESS_KEY_ID", backend.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", backend.secret_access_key.expose()),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]
    .into_iter()
    .collect();
    let overrides = Overrides {
        region: Some(DEFAULT_REGION.to_owned()),
        endpoint: Some(backend.endpoint.clone()),
        ca_bundle: None,
    };
    Ok(Service::new(Profile::load(environment, None)?, &overrides)?)
}

fn loopback(text: &str) -> Result<std::net::SocketAddr, String> {
    // `:0` and `:8022` mean this machine.
    let full =
        if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.replace("localhost:", "127.0.0.1:") };
    match full.parse::<std::net::SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => {
            Err("quickstart speaks plain HTTP, so it listens on loopback only; for others there is posternd".to_owned())
        }
        Err(_) => Err("write an address and a port, for example 127.0.0.1:8022".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        for (text, expected) in [
            ("127.0.0.1:8022", "127.0.0.1:8022"),
            (":0", "127.0.0.1:0"),
            ("localhost:9000", "127.0.0.1:9000"),
            ("[::1]:1", "[::1]:1"),
            ("127.0.0.2:1", "127.0.0.2:1"),
        ] {
            assert_eq!(loopback(text).map(|address| address.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for text in ["0.0.0.0:8022", "192.0.2.1:80", "127.0.0.1", "8022", "", "example.org:1", ":70000"] {
            assert!(loopback(text).is_err(), "{text}");
        }
    }
}
