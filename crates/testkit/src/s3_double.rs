//! A double of S3: the `moto` server from PyPI. It takes every signature.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::service::free_address;
use crate::{Output, PythonEnvironment, eventually, run};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running double, ended on drop.
pub struct S3Double {
    address: SocketAddr,
    child: Child,
}

impl S3Double {
    /// `None`, with a word on standard error, when it cannot be installed.
    pub fn start() -> Option<Self> {
        let environment = PythonEnvironment::moto()?;
        let address = free_address();
        let child = Command::new(environment.moto_server())
            .args(["-H", &address.ip().to_string(), "-p", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server starts");
        let double = Self { address, child };
        eventually("the double of S3 to listen", PATIENCE, || TcpStream::connect(address).ok());
        Some(double)
    }

    /// Where it listens. Buckets are named by the first part of the host name, or of the path.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs the stock CLI against it.
    pub fn aws<const N: usize>(&self, aws: &Path, words: [&str; N]) -> Output {
        let endpoint = format!("http://{}", self.address);
        let environment = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("AWS_CONFIG_FILE", "/nonexistent"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
        ];
        let environment = environment.map(|(name, value)| (name.to_string(), value.to_string()));
        run(aws, words, &environment, PATIENCE)
    }
}

impl Drop for S3Double {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
