//! The credentials that requests are signed with, given once or read from a file that somebody renews.

use std::io::Read as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postern_control::UpstreamError;
use postern_iam::SecretString;
use postern_iam::ini::Ini;
use postern_iam::sigv4::Credentials;
use postern_protocol::Clock as _;
use postern_transport::SystemClock;
use zeroize::Zeroizing;

use crate::config::CredentialSource;

/// How long what was read is used: a key that is renewed is used from then on at the latest.
const REUSE: Duration = Duration::from_secs(10);
/// A larger file is a mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
const SECTION: &str = "default";

/// Where credentials are had from, and the ones had last.
pub(super) struct Keyring {
    source: CredentialSource,
    /// The setting that names the file, for errors.
    setting: String,
    read: Mutex<Option<(Instant, Credentials)>>,
}

impl Keyring {
    pub(super) fn new(source: CredentialSource, setting: String) -> Self {
        Self { source, setting, read: Mutex::default() }
    }

    /// The credentials of now.
    pub(super) async fn credentials(&self) -> Result<Credentials, UpstreamError> {
        let path = match &self.source {
            CredentialSource::Given(credentials) => return Ok(credentials.clone()),
            CredentialSource::File(path) => path.clone(),
        };
        let now = SystemClock.now().instant;
        if let Some((read_at, credentials)) = &*self.read.lock().unwrap_or_else(PoisonError::into_inner)
            && now.saturating_duration_since(*read_at) < REUSE
        {
            return Ok(credentials.clone());
        }
        let read = tokio::task::spawn_blocking(move || read(&path)).await.map_err(|stopped| stopped.to_string());
        let credentials =
            read.flatten().map_err(|why| UpstreamError::Credentials(format!("`{}`: {why}", self.setting)))?;
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, credentials.clone()));
        Ok(credentials)
    }

    /// They were refused: the file may say better by now.
    pub(super) fn forget(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn read(path: &Path) -> Result<Credentials, String> {
    let shown = path.display();
    let mut text = Zeroizing::new(String::new());
    let taken = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    match taken {
        Err(error) => {
            return Err(format!("{shown} cannot be read: {error}; name another file, or mend its permissions"));
        }
        Ok(taken) if taken as u64 > MAX_FILE_BYTES => {
            return Err(format!("{shown} is larger than 1 MiB; name another file"));
        }
        Ok(_) => {}
    }
    let ini = Ini::parse(&text);
    let value = |key| ini.section(SECTION).and_then(|section| section.get(key));
    let (Some(id), Some(secret)) = (value("aws_access_key_id"), value("aws_secret_access_key")) else {
        return Err(format!(
            "{shown} has no aws_access_key_id and aws_secret_access_key under [{SECTION}]; write both there"
        ));
    };
    Ok(Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: SecretString::new(secret),
        session_token: value("aws_session_token").map(SecretString::new),
    })
}
