//! What cross builds need beyond cargo: found, or installed when that is possible, or named.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::platforms::Platform;
use crate::succeeds;

/// Debian's compiler. It comes with the sources of std and of everything std is built from.
pub(super) const RUSTC: &str = "/usr/bin/rustc";
const COMPILER_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// From PyPI, because zig is in no registry of cargo's.
const ZIG_PACKAGES: [&str; 2] = ["ziglang==0.15.2", "cargo-zigbuild==0.24.0"];

/// Tools outside the usual places.
pub(super) struct Tools {
    zig: Option<Zig>,
}

struct Zig {
    folder: PathBuf,
    program: PathBuf,
}

impl Tools {
    /// Makes sure that everything is there which `platforms` need. `folder` keeps what is installed beside the builds.
    pub(super) fn ensure(platforms: &[&Platform], folder: &Path) -> Result<Self> {
        let needs_zig = platforms.iter().any(|platform| platform.needs_zig);
        let mut packages: Vec<&str> = COMPILER_PACKAGES.to_vec();
        packages.extend(platforms.iter().flat_map(|platform| platform.packages));
        if needs_zig {
            packages.extend(["python3", "python3-venv"]);
        }
        ensure_packages(&packages)?;
        let zig = if needs_zig { Some(Zig::ensure(&folder.join("zig"))?) } else { None };
        Ok(Self { zig })
    }

    /// Lets a build find the tools.
    pub(super) fn add_to(&self, build: &mut Command) {
        let Some(zig) = &self.zig else { return };
        let mut path = OsString::from(zig.folder.join("bin"));
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        build.env("PATH", path).env("CARGO_ZIGBUILD_ZIG_PATH", &zig.program);
    }
}

/// Installs the Debian packages that are missing, when we may.
fn ensure_packages(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    ensure!(is_root, "cross builds need Debian packages that are not installed; as root, run: {line}");
    eprintln!("installing {}", missing.join(" "));
    let apt = |arguments: &[&str]| {
        succeeds(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
            .context("cross builds need Debian's packages")
    };
    let mut install = vec!["install", "-y", "-q", "--no-install-recommends"];
    install.extend(&missing);
    // Lists may be old or absent.
    if !(apt(&["update", "-q"])? && apt(&install)?) {
        bail!("the Debian packages cannot be installed; try: {line}");
    }
    Ok(())
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]).output();
    query.is_ok_and(|query| query.stdout == b"installed")
}

impl Zig {
    /// Zig and cargo's way to it, in a Python environment of their own. A finished installation says so in a file
    /// with the versions, so that a broken or old one is made again.
    fn ensure(folder: &Path) -> Result<Self> {
        let wanted = ZIG_PACKAGES.join("\n");
        let done = folder.join("postern-installed");
        if std::fs::read_to_string(&done).ok().as_deref() != Some(&wanted) {
            eprintln!("installing {}", ZIG_PACKAGES.join(" "));
            if folder.exists() {
                std::fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
            }
            let made = succeeds(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(folder))?;
            let mut pip = Command::new(folder.join("bin/pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"])
                .args(ZIG_PACKAGES);
            ensure!(made && succeeds(&mut pip)?, "zig cannot be installed from PyPI into {}", folder.display());
            std::fs::write(&done, wanted).with_context(|| format!("{} cannot be written", done.display()))?;
        }
        let script = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
        let printed = Command::new(folder.join("bin/python")).args(["-c", script]).output()?;
        ensure!(printed.status.success(), "zig is not where it was installed; remove {}", folder.display());
        let program = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
        Ok(Self { folder: folder.to_owned(), program })
    }
}
