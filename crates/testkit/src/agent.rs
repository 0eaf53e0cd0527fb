//! A real `postern-agent`, registered with a service, that can be killed and brought back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::service::path;
use crate::{Service, eventually, program, run, temporary_folder};

/// A registered agent with its state folder. Dropping it kills the process and its session workers.
pub struct Agent {
    folder: TempDir,
    node_id: String,
    program: PathBuf,
    child: Option<Child>,
}

impl Agent {
    /// Registers with `service`, starts the agent and waits until the node is online.
    pub fn start(service: &Service) -> Self {
        Self::start_through(service, service.address())
    }

    /// The same, dialling `address` (a `FaultyProxy` before the service).
    pub fn start_through(service: &Service, address: SocketAddr) -> Self {
        Self::start_program(program("postern-agent"), service, address)
    }

    /// The same with sessions that run as this account. Needs root.
    pub fn start_for_user(service: &Service, user: &str) -> Self {
        Self::start_configured(service, &format!("default_user = {user:?}\n"))
    }

    /// The same with these lines in the agent's settings, and nothing about accounts but what they say.
    pub fn start_configured(service: &Service, settings: &str) -> Self {
        Self::start_with(program("postern-agent"), service, service.address(), settings)
    }

    /// The same with another build of the agent.
    pub fn start_program(program: PathBuf, service: &Service, address: SocketAddr) -> Self {
        Self::start_with(program, service, address, "run_as_invoking_user = true\n")
    }

    fn start_with(program: PathBuf, service: &Service, address: SocketAddr, sessions: &str) -> Self {
        let folder = temporary_folder();
        let (id, code) = service.create_activation(1);
        let code_file = folder.path().join("code");
        std::fs::write(&code_file, code).expect("the folder is writable");
        let endpoint = service.endpoint_at(address);
        let config_path = path_of(&folder, "agent.toml");
        let ca = service.ca_file();
        let mut arguments = vec![
            "register",
            "--config",
            &config_path,
            "--endpoint",
            &endpoint,
            "--region",
            "us-east-1",
            "--activation-id",
            &id,
            "--activation-code-file",
            path(&code_file),
        ];
        let config = format!("state_dir = {:?}\n{sessions}", folder.path().join("state"));
        std::fs::write(folder.path().join("agent.toml"), config).expect("the folder is writable");
        if let Some(ca) = &ca {
            arguments.extend(["--ca-file", path(ca)]);
        }
        let done = run(&program, arguments, &[], Duration::from_secs(30)).expect_success("postern-agent register");
        let node_id = format!("{}\n{}", done.stdout, done.stderr)
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .find(|word| word.starts_with("mi-"))
            .expect("register prints the node's id")
            .to_string();
        let mut agent = Self { folder, node_id, program, child: None };
        agent.launch();
        agent.wait_until_online(service);
        agent
    }

    /// Starts the agent's main process (again).
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "the agent is already running");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("agent.log"))
            .expect("the folder is writable");
        let child = Command::new(&self.program)
            .args(["run", "--config", &path_of(&self.folder, "agent.toml")])
            // The other hosts of a test are this machine by other addresses.
            .env("POSTERN_AGENT_FORWARD_ALLOW", "*, 127.0.0.0/8")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postern-agent starts");
        self.child = Some(child);
    }

    /// Ends the agent's main process at once, as `kill -9` does; its session workers go on.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the agent is running");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }

    /// Waits until the service shows the node online.
    pub fn wait_until_online(&self, service: &Service) {
        eventually("the node to come online", Duration::from_secs(30), || {
            let nodes = service.postern(["nodes", "--json"]).stdout;
            let nodes: serde_json::Value = serde_json::from_str(&nodes).ok()?;
            nodes
                .as_array()?
                .iter()
                .any(|node| node["InstanceId"] == self.node_id.as_str() && node["PingStatus"] == "Online")
                .then_some(())
        });
    }

    /// The managed node's id.
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// The process id of the agent's main process.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().expect("the agent is running").id()
    }

    /// The state folder.
    pub fn state_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// What the agent has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("agent.log")).unwrap_or_default()
    }

    /// The process ids of this agent's session workers.
    pub fn session_workers(&self) -> Vec<u32> {
        let mark = self.folder.path().as_os_str().as_encoded_bytes().to_vec();
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                contains(&words, b"session-worker") && contains(&words, &mark)
            })
            .collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        for pid in self.session_workers() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        if std::thread::panicking() {
            eprintln!("--- the agent's log\n{}", self.log());
        }
    }
}

fn path_of(folder: &TempDir, name: &str) -> String {
    path(&folder.path().join(name)).to_string()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
