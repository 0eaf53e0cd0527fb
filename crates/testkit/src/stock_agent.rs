//! AWS's own `amazon-ssm-agent`, run unmodified in a mount namespace of its own.
//!
//! The stock agent has fixed paths (`/var/lib/amazon`, `/etc`, `/home`) and makes a user when it runs as root, so
//! it gets private copies of them. It needs root for that, as it does in real life.

mod setup;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

pub use self::setup::{StockAgentSetup, names_under, private_loopback};
use crate::service::path;
use crate::{Service, StockAgent, eventually, run, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// A registered, running stock agent. Dropping it ends every process it started.
pub struct StockAgentProcess {
    folder: TempDir,
    node_id: String,
    version: String,
    child: Option<Child>,
    environment: Vec<(String, String)>,
}

impl StockAgentProcess {
    /// Registers with `service` (which must speak TLS) and waits until the node is online. `None`, after saying why,
    /// when the programs or the rights are missing.
    pub fn start(service: &Service) -> Option<Self> {
        Self::start_with(service, &StockAgentSetup::endpoints(&service.endpoint()))
    }

    /// The same on a machine that is set up in another way.
    pub fn start_with(service: &Service, setup: &StockAgentSetup) -> Option<Self> {
        let mut agent = Self::install(service, setup)?;
        agent.register(service);
        agent.launch();
        agent.wait_until_online(service);
        Some(agent)
    }

    /// Puts the programs and the configuration in their places, and no more.
    pub fn install(service: &Service, setup: &StockAgentSetup) -> Option<Self> {
        let program = StockAgent::get()?;
        let ca = service.ca_file().expect("a stock agent insists on TLS");
        if !Path::new("/proc/self/ns/mnt").exists() || !is_root() {
            crate::skip("a stock agent needs root");
            return None;
        }
        let folder = temporary_folder();
        for name in ["bin/configuration", "lib", "log", "home"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("the folder is writable");
        }
        let source = program.parent().expect("a program lies in a folder");
        for name in ["amazon-ssm-agent", "ssm-agent-worker", "ssm-session-worker", "ssm-document-worker"] {
            let target = folder.path().join("bin").join(name);
            std::fs::copy(source.join(name), target).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        if let Some(config) = &setup.config {
            let config_path = folder.path().join("bin/configuration/amazon-ssm-agent.json");
            std::fs::write(config_path, config.to_string()).expect("the folder is writable");
        }
        copy_etc(folder.path(), &ca, &setup.hosts);
        let printed = run(&program, ["-version"], &[], PATIENCE).expect_success("amazon-ssm-agent -version").stdout;
        let version = printed.split_whitespace().last().expect("it prints a version").to_string();
        Some(Self { folder, node_id: String::new(), version, child: None, environment: setup.environment.clone() })
    }

    /// Registers with a new activation. The node's id is known from then on.
    pub fn register(&mut self, service: &Service) {
        let (id, code) = service.create_activation(1);
        let mut words = self.namespace_words();
        words.extend(["-register", "-y", "-region", "us-east-1", "-id", &id, "-code", &code].map(String::from));
        run(Path::new("unshare"), words, &self.environment, PATIENCE).expect_success("amazon-ssm-agent -register");
        let registration = std::fs::read_to_string(self.state_folder().join("registration")).unwrap_or_default();
        let registration: serde_json::Value = serde_json::from_str(&registration).expect("it writes what it got");
        self.node_id = registration["ManagedInstanceID"].as_str().expect("it got an id").to_string();
    }

    /// Another machine with the same identity, not started yet: what a cloned disk is.
    pub fn clone_identity(&self, service: &Service, setup: &StockAgentSetup) -> Self {
        let mut clone = Self::install(service, setup).expect("the first one is installed");
        let copied = Command::new("cp").arg("-a").arg(self.state_folder()).arg(clone.state_folder()).status();
        // Into the place of the folder, not beside it.
        assert!(copied.expect("cp runs").success());
        clone.node_id = self.node_id.clone();
        clone
    }

    /// Waits until the service shows the node online.
    pub fn wait_until_online(&self, service: &Service) {
        self.wait_for_status(service, "Online");
    }

    /// Waits until the service shows the node with this `PingStatus`.
    pub fn wait_for_status(&self, service: &Service, status: &str) {
        eventually(&format!("the stock agent to be {status}"), PATIENCE, || {
            let nodes: serde_json::Value = serde_json::from_str(&service.postern(["nodes", "--json"]).stdout).ok()?;
            let node = nodes.as_array()?.iter().find(|node| node["InstanceId"] == self.node_id.as_str())?;
            (node["PingStatus"] == status).then_some(())
        });
    }

    /// Starts the agent (again).
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "the agent is already running");
        let child = Command::new("unshare")
            .args(self.namespace_words())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("unshare starts");
        self.child = Some(child);
    }

    /// Stops the agent as its service manager does; sessions go on.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("the agent is running");
        signal(child.id(), "TERM");
        child.wait().expect("the process is ours");
        // Its worker follows within seconds, and would hold the control channel beside the next one.
        eventually("the agent's worker to be gone", PATIENCE, || {
            self.processes("ssm-agent-worker").is_empty().then_some(())
        });
    }

    /// Ends the agent and its worker at once, as `kill -9` does; sessions go on.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the agent is running");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
        self.processes("ssm-agent-worker").into_iter().for_each(|pid| signal(pid, "KILL"));
    }

    /// Every process stands still, sockets open: what the service sees of a machine that was suspended.
    pub fn freeze(&self) {
        self.processes("").into_iter().for_each(|pid| signal(pid, "STOP"));
    }

    /// The end of [`Self::freeze`].
    pub fn thaw(&self) {
        self.processes("").into_iter().for_each(|pid| signal(pid, "CONT"));
    }

    /// The managed node's id.
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// The process id of the agent's main process; its workers are below it.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().expect("the agent is running").id()
    }

    /// The version that the program prints.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the agent sees as `/var/lib/amazon/ssm`.
    pub fn state_folder(&self) -> PathBuf {
        self.folder.path().join("lib/ssm")
    }

    /// What the agent sees as `/home`, its own home too.
    pub fn home_folder(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// What the agent sees as `/etc`.
    pub fn etc_folder(&self) -> PathBuf {
        self.folder.path().join("etc")
    }

    /// What the agent has logged.
    pub fn log(&self) -> String {
        let log = self.folder.path().join("log/ssm/amazon-ssm-agent.log");
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// The process ids of this agent's session workers.
    pub fn session_workers(&self) -> Vec<u32> {
        self.processes("ssm-session-worker")
    }

    /// Arguments of `unshare` that end in the agent's own program, to which more can be added.
    fn namespace_words(&self) -> Vec<String> {
        let script = "for pair in lib:/var/lib/amazon log:/var/log/amazon etc:/etc home:/home; do \
                        mkdir -p ${pair#*:} && mount --bind $0/${pair%%:*} ${pair#*:} || exit 9; \
                      done; exec $0/bin/amazon-ssm-agent \"$@\"";
        ["--mount", "--propagation", "private", "sh", "-c", script, path(self.folder.path())].map(String::from).to_vec()
    }

    /// The processes that run this program out of this agent's folder; every one for an empty name.
    fn processes(&self, name: &str) -> Vec<u32> {
        let mark = format!("{}/bin/{name}", path(self.folder.path())).into_bytes();
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                words.windows(mark.len()).any(|window| window == mark)
            })
            .collect()
    }
}

impl Drop for StockAgentProcess {
    fn drop(&mut self) {
        self.processes("").into_iter().for_each(|pid| signal(pid, "KILL"));
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the stock agent's log\n{}", self.log());
        }
    }
}

fn signal(pid: u32, name: &str) {
    // It may have ended meanwhile.
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// A private `/etc` that trusts the service's CA (the agent's workers read the system's bundle) and has its own hosts.
fn copy_etc(folder: &Path, ca: &Path, hosts: &[String]) {
    let etc = folder.join("etc");
    let copied = Command::new("cp").arg("-a").arg("/etc").arg(&etc).status().expect("cp runs");
    assert!(copied.success(), "/etc cannot be copied");
    for name in ["amazon/ssm", "ssl/certs", "sudoers.d"] {
        std::fs::create_dir_all(etc.join(name)).expect("the folder is writable");
    }
    append(&etc.join("ssl/certs/ca-certificates.crt"), &std::fs::read(ca).expect("the service wrote its CA"));
    append(&etc.join("hosts"), format!("\n{}\n", hosts.join("\n")).as_bytes());
}

fn append(path: &Path, more: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap_or_default();
    bytes.extend_from_slice(more);
    std::fs::write(path, bytes).expect("the folder is writable");
}

fn is_root() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return false;
    };
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}
