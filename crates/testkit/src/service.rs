//! A real `posternd`, started on a port of its own, that can be killed and brought back.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{eventually, program, run, temporary_folder};

/// How the service's one listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP on loopback.
    Http,
    /// TLS from the built-in CA.
    Https,
}

/// A running service with its data folder. Dropping it kills the process and removes the folder.
pub struct Service {
    folder: TempDir,
    address: SocketAddr,
    scheme: Scheme,
    access_key_id: String,
    secret_access_key: String,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

impl Service {
    /// Makes a data folder, starts the service on a free port and waits until it answers.
    pub fn start(scheme: Scheme) -> Self {
        Self::start_with(scheme, &[])
    }

    /// The same with settings that differ from the defaults: pairs like `("POSTERN_NAMES", "a.example,b.example")`.
    pub fn start_with(scheme: Scheme, settings: &[(&str, &str)]) -> Self {
        let folder = temporary_folder();
        let address = free_address();
        let made = run(&program("posternd"), ["init", "--data-dir", path(folder.path())], &[], Duration::from_secs(30))
            .expect_success("posternd init");
        let printed = format!("{}\n{}", made.stdout, made.stderr);
        let mut service = Self {
            access_key_id: word_after(&printed, "AWS_ACCESS_KEY_ID="),
            secret_access_key: word_after(&printed, "AWS_SECRET_ACCESS_KEY="),
            folder,
            address,
            scheme,
            settings: settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            child: None,
        };
        service.restart();
        service
    }

    /// Starts the process again (after `kill`) on the same port and folder, and waits until it answers.
    pub fn restart(&mut self) {
        self.launch();
        self.wait_until_listening();
    }

    /// Starts the process again without waiting for it to answer.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "the service is already running");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the data folder is writable");
        let mut command = Command::new(program("posternd"));
        command
            .args(["serve", "--data-dir", path(self.folder.path())])
            .args(["--listen", &self.address.to_string()])
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if self.scheme == Scheme::Http {
            command.arg("--plain-http");
        }
        self.child = Some(command.spawn().expect("posternd starts"));
    }

    /// Waits until the listener accepts connections.
    pub fn wait_until_listening(&self) {
        eventually("the service to listen", Duration::from_secs(20), || TcpStream::connect(self.address).ok());
    }

    /// Ends the process at once, as `kill -9` does.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the service is running");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }

    /// The process id of the running service.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().expect("the service is running").id()
    }

    /// The address of the listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the service has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The endpoint URL, as clients are given it.
    pub fn endpoint(&self) -> String {
        self.endpoint_at(self.address)
    }

    /// The endpoint URL with another address, such as that of a `FaultyProxy` in between.
    pub fn endpoint_at(&self, address: SocketAddr) -> String {
        match self.scheme {
            Scheme::Http => format!("http://{address}"),
            Scheme::Https => format!("https://localhost:{}", address.port()),
        }
    }

    /// The certificate of the built-in CA, when the service speaks TLS.
    pub fn ca_file(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::Https).then(|| self.folder.path().join("keys/ca.pem"))
    }

    /// The environment that points the aws CLI, boto3 and `postern` at this service as its administrator.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_at(self.address)
    }

    /// The same through another address.
    pub fn environment_at(&self, address: SocketAddr) -> Vec<(String, String)> {
        let endpoint = self.endpoint_at(address);
        let mut environment = vec![
            ("AWS_ENDPOINT_URL".to_string(), endpoint.clone()),
            ("POSTERN_ENDPOINT".to_string(), endpoint),
            ("AWS_REGION".to_string(), "us-east-1".to_string()),
            ("AWS_DEFAULT_REGION".to_string(), "us-east-1".to_string()),
            ("AWS_ACCESS_KEY_ID".to_string(), self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY".to_string(), self.secret_access_key.clone()),
            ("AWS_EC2_METADATA_DISABLED".to_string(), "true".to_string()),
            ("NO_PROXY".to_string(), "127.0.0.1,localhost".to_string()),
            ("AWS_CONFIG_FILE".to_string(), "/nonexistent".to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE".to_string(), "/nonexistent".to_string()),
        ];
        if let Some(ca) = self.ca_file() {
            let ca = path(&ca).to_string();
            environment.push(("AWS_CA_BUNDLE".to_string(), ca.clone()));
            environment.push(("SSL_CERT_FILE".to_string(), ca));
        }
        environment
    }

    /// Makes an activation for `limit` nodes; returns its id and code.
    pub fn create_activation(&self, limit: u32) -> (String, String) {
        let limit = limit.to_string();
        let made = self.postern([
            "activation",
            "create",
            "--name",
            "test",
            "--role",
            "PosternNode",
            "--limit",
            &limit,
            "--json",
        ]);
        let made: serde_json::Value = serde_json::from_str(&made.stdout).expect("JSON was asked for");
        let text = |key: &str| made[key].as_str().unwrap_or_else(|| panic!("{key} is missing in {made}")).to_string();
        (text("ActivationId"), text("ActivationCode"))
    }

    /// Runs `postern` with these arguments as the administrator; panics unless it succeeds.
    pub fn postern<const N: usize>(&self, arguments: [&str; N]) -> crate::Output {
        self.try_postern(arguments).expect_success(&format!("postern {}", arguments.join(" ")))
    }

    /// The same, however it ends.
    pub fn try_postern<const N: usize>(&self, arguments: [&str; N]) -> crate::Output {
        run(&program("postern"), arguments, &self.environment(), Duration::from_secs(60))
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("service.log")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("--- the service's log\n{}", self.log());
        }
    }
}

/// A loopback address with a port that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("loopback has a free port")
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have UTF-8 names")
}

fn word_after(text: &str, mark: &str) -> String {
    text.split(mark)
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_else(|| panic!("{mark} is missing in {text:?}"))
        .trim_matches(['\'', '"'])
        .to_string()
}
