//! `postern cp` with real programs: trees in both directions, what cannot be copied, and who may copy.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod copy_world;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use copy_world::{World, same};

#[test]
fn trees_are_copied_in_both_directions() {
    let world = World::new();
    let source = world.tree("source", 300, 3_000_000);
    symlink("numbers/0.txt", source.join("link")).unwrap();
    world.copy(&["-r", "--links", &world.here("source"), &world.there("put")]).expect_success("put");
    same(&source, &world.path("put"));
    let copied = world.copy(&["-r", "--links", "--json", &world.there("source"), &world.here("got")]);
    let summary: serde_json::Value = serde_json::from_str(&copied.stdout).unwrap_or_default();
    assert_eq!(
        (copied.status, &summary["Files"], &summary["Problems"]),
        (Some(0), &303.into(), &serde_json::json!([]))
    );
    same(&source, &world.path("got"));
    // Patterns are the node's, several sources go into a folder, and what is there stays.
    fs::create_dir(world.path("some")).unwrap();
    let pattern = format!("{}/numbers/1?.txt", world.there("source"));
    world.copy(&[&pattern, &world.there("source/large"), &world.here("some")]).expect_success("patterns");
    assert_eq!(fs::read_dir(world.path("some")).unwrap().count(), 11);
    let again = world.copy(&["-r", "--links", "--json", &world.there("source"), &world.here("got/../got")]);
    assert!(again.stdout.contains("\"Files\": 303"), "into a folder that is there: {again:#?}");
}

#[test]
fn what_cannot_be_copied_is_one_sentence() {
    let world = World::new();
    world.tree("source", 3, 10);
    symlink("/etc/passwd", world.path("source/out")).unwrap();
    fs::write(world.path("file"), b"a file").unwrap();
    let refused = |arguments: &[&str], wanted: &str| {
        let done = world.copy(arguments);
        assert_eq!(done.status, Some(255), "{done:#?}");
        assert!(done.stdout.is_empty() && done.stderr.starts_with("postern: "), "{done:#?}");
        assert!(done.stderr.lines().count() == 1 && done.stderr.contains(wanted), "{wanted:?} is not all of {done:#?}");
    };
    refused(&[&world.there("missing"), &world.here("x")], "missing: no such file or folder");
    refused(&[&world.here("missing"), &world.there("x")], "missing: no such file or folder");
    refused(&[&world.there("*.none"), &world.here("x")], "*.none: no such file or folder");
    refused(&[&world.there("source"), &world.here("x")], "-r copies folders");
    refused(&[&world.here("file"), &world.there("no/such/place")], "no/such: no such file or folder");
    refused(&[&world.there("file"), &world.here("no/such/place")], "no/such: no such file or folder");
    refused(&["-r", &world.here("source/empty"), &world.there("file")], "file: there is a file of that name");
    refused(&["-r", &world.there("source"), &world.here("x")], "source/out is skipped: it is a link");
    refused(&["-r", "--links", &world.there("source"), &world.here("y")], "would lead out of what is copied");
    refused(&[&world.here("file"), &world.here("x")], "none of the places is on a node");
    refused(&[&world.there("file"), "mi-0123456789abcdef0:x"], "both sides are on nodes");
    refused(&["no-such-node:x", &world.here("x")], "no managed node");
    assert!(!world.path("y/out").exists() && world.path("y/large").exists());
}

#[test]
fn without_the_rights_it_is_refused_and_nothing_is_left() {
    // Root may do anything, so the node's sessions run as somebody else; without root, as the test does.
    let world = World::with_unprivileged_sessions();
    let private = world.path("private");
    fs::create_dir(&private).unwrap();
    fs::write(private.join("file"), b"secret").unwrap();
    fs::write(world.path("file"), b"a file").unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o000)).unwrap();
    let from = world.copy(&[&world.there("private/file"), &world.here("x")]);
    let to = world.copy(&[&world.here("file"), &world.there("private/new")]);
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    for (done, wanted) in [(from, "private/file: permission denied"), (to, "permission denied")] {
        assert_eq!((done.status, done.stderr.lines().count()), (Some(255), 1), "{done:#?}");
        assert!(done.stderr.contains(wanted) && done.stderr.contains("private"), "{done:#?}");
    }
    assert_eq!(fs::read_dir(&private).unwrap().count(), 1);
    assert!(!world.path("x").exists());
}

#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    let Some(disk) = copy_world::SmallDisk::mount() else {
        return postern_testkit::skip("needs the right to mount a small disk");
    };
    let world = World::new();
    world.tree("source", 3, 8_000_000);
    let full = disk.path().join("large");
    let full = full.to_str().unwrap();
    let there = format!("{}:{full}", world.node_id());
    for arguments in [[world.here("source/large"), there], [world.there("source/large"), full.to_owned()]] {
        let done = world.copy(&arguments.each_ref().map(String::as_str));
        assert_eq!((done.status, done.stderr.lines().count()), (Some(255), 1), "{done:#?}");
        assert!(done.stderr.contains("large: no space left on the disk"), "{done:#?}");
        assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0, "nothing is left");
    }
}
