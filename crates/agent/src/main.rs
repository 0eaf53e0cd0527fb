//! `postern-agent`: arguments in, one sentence and an exit status out. Everything else is the library's.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use postern_agent::{
    Activation, AgentConfig, SessionsAtShutdown, WorkerCommand, copy_files_main, read_activation_code, register, run,
    service_endpoint, session_worker_main, status,
};
use postern_iam::{ActivationId, Region, SecretString};
use postern_transport::{Endpoint, Fingerprint};
use tokio_util::sync::CancellationToken;

/// Makes this machine a managed node: it dials out to the service, and people reach it from there.
#[derive(Parser)]
#[command(name = "postern-agent", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Register this machine with an activation.
    Register(RegisterArgs),
    /// Run the agent in the foreground, as a service manager starts it.
    Run(CommonArgs),
    /// Say whether this machine is registered, online, and which sessions run.
    Status(StatusArgs),
    /// Started by the agent for each session.
    #[command(hide = true)]
    SessionWorker {
        /// The session's folder, for process lists.
        folder: PathBuf,
    },
    /// Started by a session that copies files, as the session's user.
    #[command(hide = true)]
    CopyFiles,
}

/// The name of the last of them.
const COPY_FILES: &str = "copy-files";

#[derive(Args)]
struct CommonArgs {
    /// Settings file [default: /etc/postern/agent.toml, if it exists]; POSTERN_AGENT_… variables go over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for the node's identity and its running sessions.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Args)]
struct StatusArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct RegisterArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// URL of the service.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Region of the service.
    #[arg(long)]
    region: Option<Region>,
    /// PEM file with the CA to trust.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Fingerprint of the CA to trust, as `activation create` prints it.
    #[arg(long, value_name = "SHA256:…", conflicts_with = "ca_file")]
    ca_fingerprint: Option<Fingerprint>,
    /// The activation.
    #[arg(long, value_name = "UUID", env = "POSTERN_ACTIVATION_ID")]
    activation_id: ActivationId,
    /// File with the activation code; `-` is standard input. Without it: the variable POSTERN_ACTIVATION_CODE.
    #[arg(long, value_name = "FILE")]
    activation_code_file: Option<PathBuf>,
    /// Register although this machine is registered already; it becomes a new node.
    #[arg(long)]
    force: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        // Before anything else is set up: a session's process stays as small as it can be.
        Command::SessionWorker { .. } => return session_worker_main(COPY_FILES),
        Command::CopyFiles => return copy_files_main(),
        Command::Register(args) => register_node(args),
        Command::Run(args) => run_agent(&args),
        Command::Status(args) => show_status(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postern-agent: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

fn register_node(args: RegisterArgs) -> anyhow::Result<()> {
    let mut config = load(&args.common)?;
    if let Some(url) = &args.endpoint {
        config.endpoint = Some(endpoint(url)?);
    }
    config.region = args.region.or(config.region);
    if args.ca_file.is_some() || args.ca_fingerprint.is_some() {
        config.ca_file = args.ca_file;
        config.ca_fingerprint = args.ca_fingerprint;
    }
    let code = match &args.activation_code_file {
        Some(file) => read_activation_code(file)?,
        None => std::env::var("POSTERN_ACTIVATION_CODE").map(SecretString::from).context(
            "there is no activation code; give --activation-code-file FILE (- for standard input), or set POSTERN_ACTIVATION_CODE",
        )?,
    };
    let activation = Activation { id: args.activation_id, code };
    let node_id = runtime()?.block_on(register(&config, &activation, args.force))?;
    println!("registered as {node_id}");
    Ok(())
}

fn run_agent(args: &CommonArgs) -> anyhow::Result<()> {
    let config = load(args)?;
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(config.log.parse::<tracing::level_filters::LevelFilter>()?)
        .init();
    let program = std::env::current_exe().context("the agent cannot find its own program")?;
    let worker = WorkerCommand { program, args: vec!["session-worker".to_owned()] };
    runtime()?.block_on(async {
        let shutdown = CancellationToken::new();
        let mut stop = Stop::new()?;
        let mut agent = std::pin::pin!(run(config, worker, SessionsAtShutdown::Continue, shutdown.clone()));
        tokio::select! {
            outcome = &mut agent => return Ok(outcome?),
            () = stop.wanted() => shutdown.cancel(),
        }
        tokio::select! {
            outcome = &mut agent => Ok(outcome?),
            () = stop.wanted() => anyhow::bail!("ended at the second signal, without waiting"),
        }
    })
}

fn show_status(args: &StatusArgs) -> anyhow::Result<()> {
    let config = load(&args.common)?;
    let status = runtime()?.block_on(status(&config))?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        println!("{status}");
    }
    Ok(())
}

fn load(args: &CommonArgs) -> anyhow::Result<AgentConfig> {
    let mut config = AgentConfig::load(args.config.as_deref())?;
    if let Some(state_dir) = &args.state_dir {
        config.state_dir = std::path::absolute(state_dir)?;
    }
    Ok(config)
}

fn endpoint(url: &str) -> anyhow::Result<Endpoint> {
    service_endpoint(url).map_err(|reason| anyhow::anyhow!("--endpoint {reason}"))
}

/// One thread: an idle agent is a few timers and one socket.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("the agent cannot run")
}

/// SIGTERM and ^C.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    async fn wanted(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        // Without a console there is nobody to press ^C.
        #[cfg(windows)]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The error and its causes, without repeating what was already said.
fn one_line(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |line, cause| {
        let text = cause.to_string();
        match line {
            line if line.contains(&text) => line,
            line if line.is_empty() => text,
            line => format!("{line}: {text}"),
        }
    })
}
