//! AWS's own `amazon-ssm-agent`, run unmodified in a mount namespace of its own.
//!
//! The stock agent has fixed paths (`/var/lib/amazon`, `/etc`, `/home`) and makes a user when it runs as root, so
//! it gets private copies of them. It needs root for that, as it does in real life.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::service::path;
use crate::{Service, StockAgent, eventually, run, temporary_folder};

/// A registered, running stock agent. Dropping it ends every process it started.
pub struct StockAgentProcess {
    folder: TempDir,
    node_id: String,
    child: Option<Child>,
    environment: Vec<(String, String)>,
}

impl StockAgentProcess {
    /// Registers with `service` (which must speak TLS) and waits until the node is online. `None`, after saying why,
    /// when the programs or the rights are missing.
    pub fn start(service: &Service) -> Option<Self> {
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
        let endpoint = service.endpoint();
        let config = serde_json::json!({
            "Profile": {"ShareCreds": false},
            "Ssm": {"Endpoint": endpoint},
            "Mds": {"Endpoint": endpoint},
            "Mgs": {"Endpoint": endpoint},
            "Agent": {"Region": "us-east-1", "TelemetryMetricsToSSM": false},
            "Identity": {"ConsumptionOrder": ["OnPrem"]},
        });
        let config_path = folder.path().join("bin/configuration/amazon-ssm-agent.json");
        std::fs::write(config_path, config.to_string()).expect("the folder is writable");
        copy_etc(folder.path(), &ca);

        let mut agent = Self {
            folder,
            node_id: String::new(),
            child: None,
            environment: vec![("NO_PROXY".to_string(), "localhost,127.0.0.1".to_string())],
        };
        let (id, code) = service.create_activation(1);
        let mut words = agent.namespace_words();
        words.extend(["-register", "-y", "-region", "us-east-1", "-id", &id, "-code", &code].map(String::from));
        run(Path::new("unshare"), words, &agent.environment, Duration::from_secs(60))
            .expect_success("amazon-ssm-agent -register");
        agent.launch();
        agent.node_id = agent.wait_until_online(service);
        Some(agent)
    }

    /// Waits until the service's only node is online, and returns its id.
    pub fn wait_until_online(&self, service: &Service) -> String {
        eventually("the stock agent to come online", Duration::from_secs(60), || {
            let nodes: serde_json::Value = serde_json::from_str(&service.postern(["nodes", "--json"]).stdout).ok()?;
            let node = nodes.as_array()?.iter().find(|node| node["PingStatus"] == "Online")?;
            Some(node["InstanceId"].as_str()?.to_string())
        })
    }

    /// Starts the agent (again).
    pub fn launch(&mut self) {
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

    /// The managed node's id.
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// What the agent has logged.
    pub fn log(&self) -> String {
        let log = self.folder.path().join("log/ssm/amazon-ssm-agent.log");
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// Arguments of `unshare` that end in the agent's own program, to which more can be added.
    fn namespace_words(&self) -> Vec<String> {
        let script = "for pair in lib:/var/lib/amazon log:/var/log/amazon etc:/etc home:/home; do \
                        mkdir -p ${pair#*:} && mount --bind $0/${pair%%:*} ${pair#*:} || exit 9; \
                      done; exec $0/bin/amazon-ssm-agent \"$@\"";
        ["--mount", "--propagation", "private", "sh", "-c", script, path(self.folder.path())].map(String::from).to_vec()
    }

    /// The processes that run a program out of this agent's folder.
    fn processes(&self) -> Vec<u32> {
        let mark = path(self.folder.path()).as_bytes().to_vec();
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
        for pid in self.processes() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the stock agent's log\n{}", self.log());
        }
    }
}

/// A private `/etc` that trusts the service's CA: the agent's workers read the system's bundle.
fn copy_etc(folder: &Path, ca: &Path) {
    let etc = folder.join("etc");
    let copied = Command::new("cp").arg("-a").arg("/etc").arg(&etc).status().expect("cp runs");
    assert!(copied.success(), "/etc cannot be copied");
    std::fs::create_dir_all(etc.join("amazon/ssm")).expect("the folder is writable");
    std::fs::create_dir_all(etc.join("ssl/certs")).expect("the folder is writable");
    let bundle = etc.join("ssl/certs/ca-certificates.crt");
    let mut trusted = std::fs::read(&bundle).unwrap_or_default();
    trusted.extend(std::fs::read(ca).expect("the service wrote its CA"));
    std::fs::write(bundle, trusted).expect("the folder is writable");
}

fn is_root() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return false;
    };
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}
