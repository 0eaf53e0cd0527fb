//! The service in this process: bound, opened, started, with an administrator of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postern_iam::SecretString;
use posternd::config::Listen;
use posternd::{Config, Running, Server};

use super::env_file::EnvFile;

/// Where the administrator's key is kept for the next run, in the folder of the service's own keys.
const ADMINISTRATOR_FILE: &str = "quickstart-administrator.json";
const ADMINISTRATOR: &str = "quickstart";

/// Nobody else is served, so nobody needs time to move elsewhere.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A running service and what its administrator needs.
pub(super) struct Backend {
    folder: PathBuf,
    running: Running,
    pub(super) endpoint: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: SecretString,
}

impl Backend {
    /// Takes hold of the folder, making what is missing in it, and serves plain HTTP on a loopback address.
    pub(super) async fn start(folder: &Path, listen: SocketAddr) -> anyhow::Result<Backend> {
        let mut config = Config::for_data_dir(folder);
        config.listen = Listen::new(listen);
        config.plain_http = true;
        let server = Box::pin(Server::build(config)).await?;
        // The folder is ours now: what another run has left in it may go.
        EnvFile::clear(folder)?;
        let application = server.application();
        let file = application.data_dir().key(ADMINISTRATOR_FILE);
        let (access_key_id, secret_access_key) = application.kept_administrator(&file, ADMINISTRATOR).await?;
        let running = server.start().await?;
        Ok(Backend {
            folder: folder.to_path_buf(),
            endpoint: running.endpoint(),
            running,
            access_key_id: access_key_id.to_string(),
            secret_access_key,
        })
    }

    /// The data folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the service.
    pub(super) async fn stop(self) {
        if let Err(error) = self.running.stop(STOP_WITHIN).await {
            tracing::debug!(%error, "the service is left to end with the process");
        }
    }
}
