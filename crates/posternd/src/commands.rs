//! What each subcommand does, start to end. They print for people; their errors are one sentence.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use postern_control::NewAccessKey;
use tokio::runtime::Runtime;

use crate::application::Application;
use crate::audit::verify;
use crate::check;
use crate::cli;
use crate::config::{Config, commented_file};
use crate::data_dir::{DataDir, write_private};
use crate::server::{Server, authority};

/// The user that `init` makes.
const FIRST_ADMINISTRATOR: &str = "administrator";

/// Makes a data folder that `serve` can run on.
///
/// # Errors
/// The folder was initialised before, cannot be written, or is in use.
pub fn init(arguments: &cli::Init) -> Result<()> {
    let file = arguments.data_dir.join("posternd.toml");
    if file.exists() {
        let file = file.display();
        bail!(
            "{file} exists already; run `posternd serve --config {file}`, or make another administrator with `posternd \
             admin new-administrator --config {file}`"
        );
    }
    let mut config = Config::for_data_dir(&arguments.data_dir);
    config.names = names_for(&arguments.domain, &config.region);
    let names = toml::Value::from(config.names.clone()).to_string();
    let set = if config.names.is_empty() { vec![] } else { vec![("names", names)] };

    let (administrator, certificate, fingerprint) = runtime()?.block_on(async {
        let application = Application::open(config, String::new()).await?;
        let administrator = application.new_administrator(FIRST_ADMINISTRATOR).await?;
        let (certificate, fingerprint) = authority(&application)?;
        application.close().await;
        anyhow::Ok((administrator, certificate, fingerprint))
    })?;
    write_private(&file, commented_file(&set).as_bytes())?;

    println!("The data folder {} is ready.\n", arguments.data_dir.display());
    print_key(&administrator);
    println!(
        "\nThe service's certificates are signed by its own authority:\n  certificate  {}\n  fingerprint  {fingerprint}\n\
         Nodes trust it with --ca-fingerprint {fingerprint}, or with --ca-file and the certificate.\n\
         The aws CLI trusts it with AWS_CA_BUNDLE naming the certificate; its session plugin with SSL_CERT_FILE too.\n\n\
         Settings are in {file}. Next: posternd serve --config {file}",
        certificate.display(),
        file = file.display(),
    );
    Ok(())
}

/// Serves until SIGTERM or ^C; a second one ends at once.
///
/// # Errors
/// The service cannot run, or did not end in time.
pub fn serve(arguments: &cli::Serve) -> Result<()> {
    let mut flags = Vec::new();
    if let Some(listen) = &arguments.listen {
        flags.push(("listen", listen.clone()));
    }
    if arguments.plain_http || arguments.plain_http_anywhere {
        flags.push(("plain_http", "true".to_owned()));
    }
    if arguments.plain_http_anywhere {
        flags.push(("plain_http_anywhere", "true".to_owned()));
    }
    let config = load(&arguments.place, flags)?;
    DataDir::open(&config.data_dir)?;
    let grace = config.shutdown_grace.0;
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        #[cfg(unix)]
        let _hangup = moved_files(&config)?;
        let running = Box::pin(Server::build(config)).await?.start().await?;
        tracing::info!(endpoint = running.endpoint(), address = %running.address(), "serving");
        signals.next().await;
        tracing::info!(grace_seconds = grace.as_secs(), "stopping; a second signal ends at once");
        tokio::select! {
            stopped = running.stop(grace) => stopped.context("not everything ended in time"),
            () = signals.next() => bail!("ended at once by a second signal"),
        }
    });
    runtime.shutdown_background();
    served
}

/// Says of everything that the settings name whether the service could use it, and what to do where it could not. It
/// changes nothing, and the service may be running.
///
/// # Errors
/// Something cannot be used; what was printed says what.
pub fn check(arguments: &cli::Check) -> Result<()> {
    let config = load(&arguments.place, [])?;
    println!("good   the settings");
    let findings = runtime()?.block_on(check::findings(&config));
    for check::Finding { what, outcome } in &findings {
        match outcome {
            Ok(note) => println!("good   {what}: {note}"),
            Err(sentence) => println!("wrong  {what}: {sentence}"),
        }
    }
    match findings.iter().filter(|finding| finding.outcome.is_err()).count() {
        0 => Ok(()),
        wrong => bail!("{wrong} of {} things that the settings name cannot be used", findings.len()),
    }
}

/// Follows the log of audit events of a stopped service, or a copy of it.
///
/// # Errors
/// The log is not whole, or cannot be read.
pub fn audit_verify(arguments: &cli::AuditVerify) -> Result<()> {
    let whole = match &arguments.file {
        Some(file) => verify::file(file)?,
        None => {
            let config = load(&arguments.place, [])?;
            DataDir::open(&config.data_dir)?;
            runtime()?.block_on(async {
                let application = Application::open(config, String::new()).await?;
                let whole = verify::database(&application).await;
                application.close().await;
                whole
            })?
        }
    };
    let hash = hex::encode(whole.last.hash);
    let (first, next) = (whole.first, whole.last.count);
    println!(
        "{} events, from number {first} up to {next}, are whole; the hash behind the last is {hash}",
        next - first
    );
    Ok(())
}

/// Makes another administrator in the data folder of a stopped service.
///
/// # Errors
/// The folder is not one of a service, or its service is running.
pub fn new_administrator(arguments: &cli::NewAdministrator) -> Result<()> {
    let config = load(&arguments.place, [])?;
    DataDir::open(&config.data_dir)?;
    let administrator = runtime()?.block_on(async {
        let application = Application::open(config, String::new()).await?;
        let administrator = application.new_administrator(&arguments.name).await?;
        application.close().await;
        anyhow::Ok(administrator)
    })?;
    print_key(&administrator);
    Ok(())
}

/// Makes a new key that signs recordings, in the data folder of a stopped service. Those of before stay proved: the key
/// before it vouches for the new one.
///
/// # Errors
/// The folder is not one of a service, its service is running, or its keys cannot be read.
pub fn rotate_recording_key(arguments: &cli::RotateRecordingKey) -> Result<()> {
    let config = load(&arguments.place, [])?;
    DataDir::open(&config.data_dir)?;
    let (keys, fingerprint) = runtime()?.block_on(async {
        let application = Application::open(config, String::new()).await?;
        let rotated = application.control.rotate_recording_key().await.map_err(anyhow::Error::msg);
        application.close().await;
        rotated
    })?;
    println!("Recordings are signed with a new key, number {keys}. The fingerprint of the first stays {fingerprint}");
    Ok(())
}

fn load(place: &cli::Place, flags: impl IntoIterator<Item = (&'static str, String)>) -> Result<Config> {
    let mut flags: Vec<_> = flags.into_iter().collect();
    if let Some(folder) = &place.data_dir {
        flags.push(("data_dir", folder.to_string_lossy().into_owned()));
    }
    let file = place.config.clone().or_else(|| default_file(place.data_dir.as_deref()));
    Ok(Config::load(file.as_deref(), std::env::vars_os(), flags)?)
}

/// `init` put the settings into the data folder.
fn default_file(data_dir: Option<&Path>) -> Option<PathBuf> {
    data_dir.map(|folder| folder.join("posternd.toml")).filter(|file| file.exists())
}

/// A domain is also the parent of the names that stock agents make with `Agent.ServiceDomain`.
fn names_for(domains: &[String], region: &str) -> Vec<String> {
    domains.iter().flat_map(|domain| [domain.clone(), format!("*.{region}.{domain}")]).collect()
}

fn print_key(key: &NewAccessKey) {
    println!("Administrator {}, whose secret is shown this once:", key.principal);
    println!("  export AWS_ACCESS_KEY_ID={}", key.access_key_id);
    println!("  export AWS_SECRET_ACCESS_KEY={}", key.secret_access_key.expose());
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

/// Programs that move files away send SIGHUP afterwards. The audit file is opened anew by itself, so there is nothing to do
/// but to stay alive.
#[cfg(unix)]
fn moved_files(config: &Config) -> Result<Option<tokio::signal::unix::Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = || signal(SignalKind::hangup()).context("cannot listen for signals");
    config.audit_file.as_ref().map(|_| listen()).transpose()
}

/// Requests to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let cannot = "cannot listen for signals";
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context(cannot)?,
            interrupt: signal(SignalKind::interrupt()).context(cannot)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
