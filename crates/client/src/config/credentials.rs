//! Where credentials come from, in the order of the AWS tools. What this program does not speak (SSO, assumed
//! roles) is said in words with the way round it; nothing is guessed.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postern_iam::ini::Section;
use postern_iam::secret::SecretString;
use postern_iam::sigv4::Credentials;
use postern_protocol::Clock as _;
use postern_transport::SystemClock;
use serde::Deserialize;

use super::Profile;

/// Longest time a `credential_process` may take: it may ask its user for a second factor.
const PROCESS_DEADLINE: Duration = Duration::from_secs(120);

/// For how long the answer of a `credential_process` is used again without asking.
const REUSE: Duration = Duration::from_secs(60);

/// Profile keys of sources that need a service of AWS between us and the credentials.
const UNSUPPORTED: [&str; 5] = ["role_arn", "sso_session", "sso_start_url", "web_identity_token_file", "login_session"];

/// The last answer of a `credential_process` and when it came.
#[derive(Default)]
pub(super) struct Cache(Mutex<Option<(Instant, Credentials)>>);

/// Why credentials that are configured cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Half of a key pair.
    #[error("{place} has aws_access_key_id without aws_secret_access_key; set both or neither")]
    Incomplete {
        /// The environment or the profile.
        place: String,
    },
    /// A source that this program does not speak.
    #[error(
        "the profile {profile:?} gets its credentials by {key}, which this program does not speak; \
         run eval \"$(aws configure export-credentials --profile {profile} --format env)\" first"
    )]
    Unsupported {
        /// The profile.
        profile: String,
        /// The key in the profile.
        key: &'static str,
    },
    /// The program named by `credential_process` did not deliver.
    #[error("credential_process of the profile {profile:?} failed: {cause}; run it by hand to see why")]
    Process {
        /// The profile.
        profile: String,
        /// What happened, without any of its output.
        cause: String,
    },
}

pub(super) async fn resolve(profile: &Profile) -> Result<Option<Credentials>, CredentialsError> {
    if !profile.explicit
        && let Some(credentials) = from_environment(profile)?
    {
        return Ok(Some(credentials));
    }
    for (section, file) in [(profile.credentials_section(), "credentials"), (profile.config_section(), "config")] {
        let Some(section) = section else { continue };
        if let Some(credentials) = from_section(section, &profile.name, file)? {
            return Ok(Some(credentials));
        }
    }
    let sections = [profile.config_section(), profile.credentials_section()];
    for section in sections.into_iter().flatten() {
        if let Some(command) = section.get("credential_process") {
            return from_process(profile, command).await.map(Some);
        }
        if let Some(key) = UNSUPPORTED.into_iter().find(|key| section.get(key).is_some()) {
            return Err(CredentialsError::Unsupported { profile: profile.name.clone(), key });
        }
    }
    Ok(None)
}

fn from_environment(profile: &Profile) -> Result<Option<Credentials>, CredentialsError> {
    let variable = |name| profile.environment.get(name);
    pair(
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
        variable("AWS_SESSION_TOKEN").or_else(|| variable("AWS_SECURITY_TOKEN")),
        || "the environment".to_owned(),
    )
}

fn from_section(section: &Section, profile: &str, file: &str) -> Result<Option<Credentials>, CredentialsError> {
    pair(
        section.get("aws_access_key_id"),
        section.get("aws_secret_access_key"),
        section.get("aws_session_token"),
        || format!("the profile {profile:?} in ~/.aws/{file}"),
    )
}

fn pair(
    id: Option<&str>,
    secret: Option<&str>,
    token: Option<&str>,
    place: impl FnOnce() -> String,
) -> Result<Option<Credentials>, CredentialsError> {
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(credentials(id, secret, token))),
        (None, _) => Ok(None),
        (Some(_), None) => Err(CredentialsError::Incomplete { place: place() }),
    }
}

fn credentials(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: SecretString::from(secret.to_owned()),
        session_token: token.filter(|token| !token.is_empty()).map(|token| SecretString::from(token.to_owned())),
    }
}

/// What a `credential_process` prints, version 1 of AWS's contract.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessAnswer {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

async fn from_process(profile: &Profile, command: &str) -> Result<Credentials, CredentialsError> {
    let now = SystemClock.now().instant;
    let kept = profile.cache.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, credentials)) = kept
        && now.duration_since(at) < REUSE
    {
        return Ok(credentials);
    }
    let failed = |cause: String| CredentialsError::Process { profile: profile.name.clone(), cause };
    let words = shell_words::split(command).map_err(|error| failed(error.to_string()))?;
    let (program, arguments) = words.split_first().ok_or_else(|| failed("it is empty".to_owned()))?;
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).stdin(Stdio::inherit()).stderr(Stdio::inherit()).kill_on_drop(true);
    for name in profile.environment.taken() {
        child.env_remove(name);
    }
    let output = match tokio::time::timeout(PROCESS_DEADLINE, child.output()).await {
        Ok(output) => output.map_err(|error| failed(format!("cannot run {program}: {error}")))?,
        Err(_) => return Err(failed(format!("no answer within {} s", PROCESS_DEADLINE.as_secs()))),
    };
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let answer: ProcessAnswer = serde_json::from_slice(&output.stdout)
        .map_err(|error| failed(format!("its output is not the expected JSON (line {})", error.line())))?;
    if answer.version != 1 {
        return Err(failed(format!("its output has version {} instead of 1", answer.version)));
    }
    let credentials = credentials(&answer.access_key_id, &answer.secret_access_key, answer.session_token.as_deref());
    *profile.cache.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, credentials.clone()));
    Ok(credentials)
}
