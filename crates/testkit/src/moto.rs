//! A double of AWS's S3, KMS and CloudWatch Logs: the `moto` server from PyPI.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::service::free_address;
use crate::{Output, PythonEnvironment, eventually, run};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the user of a double that checks signatures may do.
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:*","logs:*"],"Resource":"*"}]}"#;

/// A running double, ended on drop.
pub struct Moto {
    address: SocketAddr,
    child: Child,
    access_key: (String, String),
}

impl Moto {
    /// One that takes every signature. `None`, with a word on standard error, when it cannot be installed.
    pub fn start() -> Option<Self> {
        Self::launch(&[])
    }

    /// One that takes no signature but those of its one user, who may do everything with keys and logs.
    pub fn checking_signatures(aws: &Path) -> Option<Self> {
        // The three requests that make the user are the last that are not checked.
        let mut moto = Self::launch(&[("INITIAL_NO_AUTH_ACTION_COUNT", "3")])?;
        moto.aws(aws, ["iam", "create-user", "--user-name", "postern"]).expect_success("create-user");
        let policy = ["--user-name", "postern", "--policy-name", "all", "--policy-document", POLICY];
        moto.aws(aws, [&["iam", "put-user-policy"][..], &policy[..]].concat()).expect_success("put-user-policy");
        let words = ["iam", "create-access-key", "--user-name", "postern", "--output", "json"];
        let made = moto.aws(aws, words).expect_success("create-access-key");
        let made: serde_json::Value = serde_json::from_str(&made.stdout).expect("JSON was asked for");
        let text = |name: &str| made["AccessKey"][name].as_str().expect("a key has an id and a secret").to_owned();
        moto.access_key = (text("AccessKeyId"), text("SecretAccessKey"));
        Some(moto)
    }

    fn launch(environment: &[(&str, &str)]) -> Option<Self> {
        let python = PythonEnvironment::moto()?;
        let address = free_address();
        let child = Command::new(python.moto_server())
            .args(["-H", &address.ip().to_string(), "-p", &address.port().to_string()])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server starts");
        let double = Self { address, child, access_key: ("any".to_owned(), "any".to_owned()) };
        eventually("the double to listen", PATIENCE, || TcpStream::connect(address).ok());
        Some(double)
    }

    /// Where it listens. Buckets are named by the first part of the host name, or of the path.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id and the secret of a key whose signatures it takes.
    pub fn access_key(&self) -> (&str, &str) {
        (&self.access_key.0, &self.access_key.1)
    }

    /// Runs the stock CLI against it.
    pub fn aws<'a>(&self, aws: &Path, words: impl IntoIterator<Item = &'a str>) -> Output {
        let endpoint = format!("http://{}", self.address);
        let environment = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &self.access_key.0),
            ("AWS_SECRET_ACCESS_KEY", &self.access_key.1),
            ("AWS_CONFIG_FILE", "/nonexistent"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
        ];
        let environment = environment.map(|(name, value)| (name.to_string(), value.to_string()));
        run(aws, words, &environment, PATIENCE)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
