//! `postern cp` with real programs: trees in both directions, what cannot be copied, and who may copy.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod copy_world;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use copy_world::{World, patience, same};
use postern_testkit::{Behaviour, Terminal, VERSION, eventually};

const PROGRAMS: [(&str, &str); 2] = [("postern", VERSION), ("postern-agent", VERSION)];

#[test]
fn trees_are_copied_in_both_directions() {
    let behaviour = Behaviour::of("postern cp: folders and patterns, both ways", &PROGRAMS);
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
    behaviour.holds();
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
    refused(&["-r", &world.there("source/empty"), &world.here("file")], "file: there is a file of that name");
    fs::create_dir_all(world.path("taken/file")).unwrap();
    refused(&[&world.here("file"), &world.there("taken")], "taken/file: there is a folder of that name");
    refused(&[&world.there("file"), &world.here("taken")], "taken/file: there is a folder of that name");
    let (one, two) = ("source/large", "source/nothing");
    let two_here = [world.here(one), world.here(two)];
    let two_there = [world.there(one), world.there(two)];
    for (name, wanted) in [("file", "file: not a folder, and several"), ("new", "new: no such folder, and several")] {
        refused(&[&two_here[0], &two_here[1], &world.there(name)], wanted);
        refused(&[&two_there[0], &two_there[1], &world.here(name)], wanted);
    }
    refused(&[&world.here("file"), &world.there("new/")], "new/: no such folder");
    refused(&[&world.there("file"), &world.here("new/")], "new/: no such folder");
    refused(&[&world.there("source"), "-"], "source is skipped: it is a folder");
    refused(&[&world.there("missing"), "-"], "missing: no such file or folder");
    refused(&["-", &world.there("taken")], "taken is a folder; what comes from a stream needs the name of a file");
    refused(&["-r", "-", &world.there("x")], "--recursive cannot be used with -");
    refused(&[&world.there("file"), &world.here("file"), "-"], "- is the content of one file");
    refused(&["-r", &world.there("source"), &world.here("x")], "source/out is skipped: it is a link");
    refused(&["-r", "--links", &world.there("source"), &world.here("y")], "would lead out of what is copied");
    refused(&[&world.here("file"), &world.here("x")], "none of the places is on a node");
    refused(&[&world.there("file"), "mi-0123456789abcdef0:x"], "both sides are on nodes");
    refused(&["no-such-node:x", &world.here("x")], "no managed node");
    assert!(!world.path("y/out").exists() && world.path("y/large").exists());
    assert!(!world.path("new").exists() && fs::read(world.path("file")).unwrap() == b"a file");
    world.has_no_debris();
}

#[test]
fn streams_are_copied_in_both_directions() {
    let behaviour = Behaviour::of("postern cp: streams, both ways", &PROGRAMS);
    let world = World::new();
    let source = world.tree("source", 1, 3_000_000);
    let content = fs::read(source.join("large")).unwrap();
    let input = || Stdio::from(fs::File::open(source.join("large")).unwrap());
    let put = world.copy_between(&["-", &world.there("put")], input(), Stdio::piped());
    assert_eq!((put.status.code(), put.stdout, put.stderr), (Some(0), Vec::new(), Vec::new()));
    assert!(fs::read(world.path("put")).unwrap() == content);
    let got = world.copy_between(&[&world.there("put"), "-"], Stdio::null(), Stdio::piped());
    assert_eq!((got.status.code(), got.stderr.as_slice()), (Some(0), &b""[..]));
    assert!(got.stdout == content);
    // Nobody takes what comes.
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let refused = world.copy_between(&[&world.there("put"), "-"], Stdio::null(), Stdio::from(full));
    assert_eq!(refused.status.code(), Some(255));
    assert_eq!(refused.stderr, b"postern: standard output: no space left on the disk\n");
    // The stream is silent, and the user has enough of it.
    let (silent, mut writer) = std::io::pipe().unwrap();
    let mut copying = std::process::Command::new(postern_testkit::program("postern"))
        .args(["cp", "-", &world.there("never")])
        .envs(world.service.environment())
        .stdin(silent)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writer.write_all(&vec![7; 50_000]).unwrap();
    let partial = world.path(".never.postern-partial");
    eventually("the stream's beginning", patience(1), || partial.exists().then_some(()));
    let interrupted = std::process::Command::new("kill").args(["-INT", &copying.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    assert_eq!(copying.wait().unwrap().code(), Some(255));
    let mut told = String::new();
    copying.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(told, "postern: interrupted; a stream cannot go on where it has stopped, copy it again\n");
    eventually("the node's side to have tidied up", patience(1), || (!partial.exists()).then_some(()));
    assert!(!world.path("never").exists());
    world.has_no_debris();
    behaviour.holds();
}

#[test]
fn what_is_skipped_is_told_and_the_rest_is_copied() {
    let world = World::new();
    let source = world.tree("source", 3, 10);
    symlink("numbers/0.txt", source.join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(source.join("socket")).unwrap();
    for (name, arguments) in
        [("put", [world.here("source"), world.there("put")]), ("got", [world.there("source"), world.here("got")])]
    {
        let [from, to] = arguments.each_ref().map(String::as_str);
        let done = world.copy(&["-r", from, to]);
        assert_eq!(done.status, Some(255), "{name}: {done:#?}");
        let told: Vec<&str> = done.stderr.lines().collect();
        let [link, socket, last] = told[..] else { panic!("{name}: {done:#?}") };
        assert!(
            link.ends_with("source/link is skipped: it is a link; --links copies links as links"),
            "{name}: {link}"
        );
        assert!(socket.ends_with("source/socket is skipped: it is no file, folder or link"), "{name}: {socket}");
        assert_eq!(last, "postern: 2 things were not copied; the rest is in place", "{name}");
        assert!(!world.path(name).join("link").is_symlink() && !world.path(name).join("socket").exists(), "{name}");
        assert!(fs::read(world.path(name).join("large")).unwrap() == fs::read(source.join("large")).unwrap(), "{name}");
        let listed = world.copy(&["-r", "--json", from, &format!("{to}-again")]);
        let summary: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!((listed.status, summary["Problems"].as_array().map(Vec::len)), (Some(255), Some(2)), "{name}");
    }
}

#[test]
fn a_file_that_is_looked_at_does_not_steer_the_terminal() {
    let world = World::new();
    fs::write(world.path("file"), b"gr\xc3\xbc\xc3\x9fe\n\x1b]0;steered\x07 and \x9b2J\n").unwrap();
    let mut terminal = Terminal::start(
        &postern_testkit::program("postern"),
        &["cp", &world.there("file"), "-"],
        &world.service.environment(),
    );
    let shown = terminal.expect("a pipe or a file gets them as they are", patience(1));
    assert!(shown.starts_with("grüße\r\n\\u{1b}]0;steered\\u{7} and \\x9b2J\r\n"), "{shown:?}");
    assert!(shown.contains("postern: 3 characters would steer this terminal"), "{shown:?}");
    assert_eq!(terminal.wait(patience(1)), 0);
    let piped = world.copy_between(&[&world.there("file"), "-"], Stdio::null(), Stdio::piped());
    assert_eq!((piped.stdout, piped.stderr), (fs::read(world.path("file")).unwrap(), Vec::new()));
}

#[test]
fn content_is_compared_and_attributes_are_left_on_request() {
    let world = World::new();
    let source = world.tree("source", 20, 1_000_000);
    for (place, arguments) in
        [("put", [world.here("source"), world.there("put")]), ("got", [world.there("source"), world.here("got")])]
    {
        let [from, to] = arguments.each_ref().map(String::as_str);
        world.copy(&["-r", from, to]).expect_success(place);
        // Of the same size and time, and not the same.
        let (large, modified) =
            (world.path(place).join("large"), fs::metadata(source.join("large")).unwrap().modified());
        let mut damaged = fs::read(&large).unwrap();
        damaged[500_000] ^= 1;
        fs::write(&large, damaged).unwrap();
        fs::File::open(&large).unwrap().set_modified(modified.unwrap()).unwrap();
        fs::set_permissions(source.join("nothing"), fs::Permissions::from_mode(0o700)).unwrap();
        let inside = format!("{to}/");
        let from_large = format!("{from}/large");
        let compared = world.copy(&["--checksum", "--json", &from_large, &inside]).expect_success(place);
        assert!(compared.stdout.contains("\"FilesInPlace\": 0"), "{place}: {compared:#?}");
        assert!(fs::read(&large).unwrap() == fs::read(source.join("large")).unwrap(), "{place}");
        let again = world.copy(&["--checksum", "--json", &from_large, &inside]).expect_success(place);
        assert!(again.stdout.contains("\"FilesInPlace\": 1") && again.stdout.contains("\"Bytes\": 0"), "{again:#?}");
        let plain = format!("{to}-plain");
        world.copy(&["--no-preserve", &format!("{from}/nothing"), &plain]).expect_success(place);
        let mode = fs::metadata(world.path(&format!("{place}-plain"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0, "{place}: a new file's mode, not {mode:o}");
    }
    world.has_no_debris();
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
    let input = Stdio::from(fs::File::open(world.path("source/large")).unwrap());
    let done = world.copy_between(&["-", &format!("{}:{full}", world.node_id())], input, Stdio::null());
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!((done.status.code(), told.lines().count()), (Some(255), 1), "{told}");
    assert!(told.contains("large: no space left on the disk"), "{told}");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0, "nothing is left");
}
