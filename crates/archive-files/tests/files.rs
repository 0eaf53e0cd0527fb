//! The suite, and what is special about files.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use postern_archive::{Archive as _, RecordingName, conformance};
use postern_archive_files::FileArchive;
use tempfile::TempDir;

fn name() -> RecordingName {
    RecordingName { session_id: "alice-0123456789abcdef0".parse().unwrap(), started_at: 1_795_384_779_000 }
}

fn open(folder: &Path) -> Arc<FileArchive> {
    Arc::new(FileArchive::open(folder).unwrap())
}

#[tokio::test]
async fn it_passes_the_suite() {
    let folder = TempDir::new().unwrap();
    conformance::run(open(folder.path()), open(folder.path())).await;
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_recordings() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let folder: PathBuf = folder.path().join("recordings");
    let archive = open(&folder);
    drop(archive.create(&name(), b"start".to_vec()).await.unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = folder.join("2026-11/alice-0123456789abcdef0.rec");
    assert_eq!((mode(&folder), mode(file.parent().unwrap()), mode(&file)), (0o700, 0o700, 0o600));
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_one_sentence() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = FileArchive::open(&file.join("recordings")).err().unwrap();
    let shown = file.join("recordings");
    assert!(error.starts_with(&format!("cannot use {} for recordings: ", shown.display())), "{error}");
}

/// A file system that is really full, where this can be had.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_frame_that_does_not_fit_leaves_nothing_behind() {
    let disk = SmallDisk::new();
    let Some(disk) = disk else {
        eprintln!("not root: no small disk can be mounted, so a full one is not tried here");
        return;
    };
    let archive = open(&disk.folder.path().join("recordings"));
    let mut tail = archive.create(&name(), b"start".to_vec()).await.unwrap();
    tail.append(&[1; 1000]).unwrap();
    let error = tail.append(&vec![2; 2 * 1024 * 1024]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    tail.append(b"fits").unwrap();
    let whole = archive.read(&name(), 0, 10_000).await.unwrap();
    assert_eq!(whole, [b"start".as_slice(), &[1; 1000], b"fits"].concat());
}

#[cfg(target_os = "linux")]
struct SmallDisk {
    folder: TempDir,
}

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn new() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .output()
            .ok()?;
        mount.status.success().then_some(Self { folder })
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("-l").arg(self.folder.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}
