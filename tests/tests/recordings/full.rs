//! A small disk for recordings, where one can be mounted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use postern_testkit::eventually;

use super::world::{PATIENCE, World};

struct SmallDisk(PathBuf);

impl SmallDisk {
    fn over(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).expect("the data folder is ours");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder).output();
        mount.ok()?.status.success().then(|| Self(folder.to_path_buf()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_ends_the_session_and_no_other_begins() {
    let world = World::new();
    let Some(_disk) = SmallDisk::over(&world.service.folder().join("recordings")) else {
        eprintln!("not root: no small disk can be mounted, so a full one is not tried here");
        return;
    };
    let node = world.agent.node_id();
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; sleep 60";
    let done = world.service.try_postern(["exec", node, "--", "sh", "-c", script]);
    assert_ne!(done.status, Some(0));
    assert!(done.stdout.len() < 1024 * 1024, "nothing was shown that was not recorded: {}", done.stdout.len());
    let id = eventually("the session to be history", PATIENCE, || {
        let listed = world.service.try_postern(["sessions", "--history", "--json"]).stdout;
        let listed: serde_json::Value = serde_json::from_str(&listed).ok()?;
        let session = listed.get(0)?;
        assert_eq!(
            session["Details"],
            "Ended by the service: the session must be recorded, and the recording could not go on.",
            "{session}"
        );
        Some(session.get("SessionId")?.as_str()?.to_owned())
    });
    let filler = world.service.folder().join("recordings/filler");
    assert!(fs::write(&filler, vec![0; 1024 * 1024]).is_err(), "the disk is full to the last byte");
    let refused = world.service.try_postern(["exec", node, "--", "true"]);
    assert_eq!(refused.status, Some(255));
    assert!(refused.stderr.contains("must be recorded and cannot be"), "{}", refused.stderr);
    // What there is of it is signed, and says itself that it is not whole.
    let shown =
        world.service.try_postern(["recordings", "export", &id, "--format", "raw"]).expect_success("the export");
    assert!(shown.stdout.starts_with(&done.stdout), "it is no less than what was shown");
}
