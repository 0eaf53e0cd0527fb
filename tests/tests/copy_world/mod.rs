//! A service, a node, and a folder with things to copy, for the tests of `postern cp`.

#![allow(dead_code, reason = "every includer uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use postern_testkit::{Agent, Output, Scheme, Service, program, run, temporary_folder};
use tempfile::TempDir;

/// An account that every Debian has, without rights, and with a shell that does not keep it out.
const UNPRIVILEGED: &str = "sync";

/// How long one copy may take: what a busy machine needs for files of so many megabytes.
pub(crate) fn patience(megabytes: usize) -> Duration {
    Duration::from_secs(240 + megabytes as u64)
}

/// The size of the large file, in megabytes: `POSTERN_COPY_MEGABYTES=2048` for the size that is promised.
pub(crate) fn megabytes() -> usize {
    let given = std::env::var("POSTERN_COPY_MEGABYTES").ok();
    given.map_or(24, |text| text.parse().expect("POSTERN_COPY_MEGABYTES is a number"))
}

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) agent: Agent,
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let service = Service::start(Scheme::Https);
        let agent = Agent::start(&service);
        Self { service, agent, folder: temporary_folder() }
    }

    /// The same with a node that runs another program than our agent.
    pub(crate) fn with_agent(program: &Path) -> Self {
        let service = Service::start(Scheme::Https);
        let agent = Agent::start_program(program.to_owned(), &service, service.address());
        Self { service, agent, folder: temporary_folder() }
    }

    /// The same with sessions that do not run as root.
    pub(crate) fn with_unprivileged_sessions() -> Self {
        let service = Service::start(Scheme::Https);
        let agent = if is_root() { Agent::start_for_user(&service, UNPRIVILEGED) } else { Agent::start(&service) };
        let folder = temporary_folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("the folder is ours");
        Self { service, agent, folder }
    }

    pub(crate) fn node_id(&self) -> &str {
        self.agent.node_id()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A name in the folder, as a place on this machine.
    pub(crate) fn here(&self, name: &str) -> String {
        format!("{}/{name}", self.folder.path().display())
    }

    /// The same as a place on the node.
    pub(crate) fn there(&self, name: &str) -> String {
        format!("{}:{}", self.node_id(), self.here(name))
    }

    /// Runs `postern cp` to its end.
    pub(crate) fn copy(&self, arguments: &[&str]) -> Output {
        let arguments = std::iter::once("cp").chain(arguments.iter().copied());
        run(&program("postern"), arguments, &self.service.environment(), patience(megabytes()))
    }

    /// Runs `postern cp` between streams of its own.
    pub(crate) fn copy_between(&self, arguments: &[&str], input: Stdio, output: Stdio) -> std::process::Output {
        let mut command = Command::new(program("postern"));
        command.arg("cp").args(arguments).envs(self.service.environment()).stdin(input).stdout(output);
        let child = command.stderr(Stdio::piped()).spawn().expect("postern starts");
        child.wait_with_output().expect("the child is ours")
    }

    /// Nothing half is anywhere in the folder.
    pub(crate) fn has_no_debris(&self) {
        let mut found = Entries::new();
        entries(self.folder.path(), self.folder.path(), &mut found);
        let debris: Vec<_> = found.keys().filter(|path| path.to_string_lossy().contains("postern-partial")).collect();
        assert!(debris.is_empty(), "{debris:?}");
    }

    /// Starts `postern cp`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        Command::new(program("postern"))
            .arg("cp")
            .args(arguments)
            .envs(self.service.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postern starts")
    }

    /// A tree: so many small files, a large one, names and modes that are easily lost.
    pub(crate) fn tree(&self, name: &str, files: usize, large_bytes: usize) -> PathBuf {
        let tree = self.path(name);
        for folder in ["numbers", "empty", "Grüße ☃"] {
            fs::create_dir_all(tree.join(folder)).expect("the folder is writable");
        }
        for number in 0..files {
            fs::write(tree.join(format!("numbers/{number}.txt")), number.to_string()).expect("the folder is writable");
        }
        fs::write(tree.join("nothing"), b"").expect("the folder is writable");
        fs::write(tree.join("Grüße ☃/ünï code"), b"text").expect("the folder is writable");
        fs::set_permissions(tree.join("nothing"), fs::Permissions::from_mode(0o751)).expect("the file is ours");
        write_noise(&tree.join("large"), large_bytes);
        tree
    }
}

/// Numbers that repeat nowhere, written a piece at a time.
fn write_noise(path: &Path, length: usize) {
    use std::io::Write as _;
    let mut file = fs::File::create(path).expect("the folder is writable");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut piece = Vec::with_capacity(1 << 20);
    let mut left = length;
    while left > 0 {
        piece.clear();
        while piece.len() < left.min(1 << 20) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            piece.extend_from_slice(&state.to_le_bytes());
        }
        piece.truncate(left);
        file.write_all(&piece).expect("there is room");
        left -= piece.len();
    }
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// What a copy keeps of each entry: kind and mode, time of change, size or target.
type Entries = BTreeMap<PathBuf, (u32, (i64, i64), String)>;

fn entries(top: &Path, folder: &Path, found: &mut Entries) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder is readable").path();
        let metadata = path.symlink_metadata().expect("it is there");
        let name = path.strip_prefix(top).expect("it is below").to_owned();
        let time = (metadata.mtime(), metadata.mtime_nsec());
        let entry = if metadata.is_symlink() {
            (0, (0, 0), format!("{:?}", fs::read_link(&path)))
        } else if metadata.is_dir() {
            (metadata.mode(), time, "a folder".to_owned())
        } else {
            (metadata.mode(), time, metadata.len().to_string())
        };
        found.insert(name, entry);
        if metadata.is_dir() {
            entries(top, &path, found);
        }
    }
}

/// The two trees have the same in them, and nothing else.
pub(crate) fn same(one: &Path, other: &Path) {
    let read = |top: &Path| {
        let mut found = Entries::new();
        entries(top, top, &mut found);
        found
    };
    assert_eq!(read(one), read(other));
    let differ = Command::new("diff").arg("-r").arg(one).arg(other).output().expect("diff is installed");
    assert!(differ.status.success(), "{differ:?}");
}

/// A disk of a few megabytes.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None` without the right to mount one.
    pub(crate) fn mount() -> Option<Self> {
        let folder = temporary_folder();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}
