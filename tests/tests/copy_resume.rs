//! `postern cp` interrupted: the client killed or asked to stop, the service restarted, and a large tree.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod copy_world;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Child;

use copy_world::{World, megabytes, patience, same};
use postern_testkit::{Behaviour, VERSION, eventually};

/// How many small files lie beside it.
fn small_files() -> usize {
    let given = std::env::var("POSTERN_COPY_FILES").ok();
    given.map_or(2_000, |text| text.parse().expect("POSTERN_COPY_FILES is a number"))
}

/// Waits until a good part of the large file has arrived.
fn wait_for_part(copying: &mut Child, partial: &Path, bytes: u64) {
    eventually("a part of the large file", patience(megabytes()), || {
        assert!(copying.try_wait().expect("the child is ours").is_none(), "it ended before it could be interrupted");
        fs::metadata(partial).is_ok_and(|metadata| metadata.len() >= bytes).then_some(())
    });
}

fn partials(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it is readable").path());
    entries.filter(|path| path.to_string_lossy().ends_with(".postern-partial")).collect()
}

#[test]
fn a_killed_copy_of_many_files_and_a_large_one_goes_on() {
    let programs = [("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour = Behaviour::of("postern cp, killed: the same command goes on where it stopped", &programs);
    let world = World::new();
    let size = megabytes() << 20;
    let source = world.tree("source", small_files(), size);
    let cases = [
        ("put", ["-r".to_owned(), world.here("source"), world.there("put")]),
        ("got", ["-r".to_owned(), world.there("source"), world.here("got")]),
    ];
    for (name, arguments) in cases {
        let arguments = arguments.each_ref().map(String::as_str);
        let target = world.path(name);
        let mut copying = world.start(&arguments);
        wait_for_part(&mut copying, &target.join(".large.postern-partial"), size as u64 / 4);
        copying.kill().expect("the child is ours");
        copying.wait().expect("the child is ours");
        assert!(!target.join("large").exists(), "{name}");
        let copied = world.copy(&["--json", arguments[0], arguments[1], arguments[2]]).expect_success(name);
        let summary: serde_json::Value = serde_json::from_str(&copied.stdout).expect("JSON was asked for");
        let number = |key: &str| summary[key].as_u64().unwrap_or_default();
        assert!(number("BytesResumed") >= size as u64 / 4, "{name}: {summary}");
        assert!(number("Bytes") <= (size as u64 / 4) * 3 + 100_000, "{name}: {summary}");
        same(&source, &target);
    }
    behaviour.holds();
}

#[test]
fn a_copy_survives_the_service_and_an_interrupted_one_keeps_what_it_has() {
    let mut world = World::new();
    let size = megabytes() << 20;
    let source = world.tree("source", 20, size);
    let (here, there) = (world.here("source/large"), world.there("put"));
    let partial = world.path(".put.postern-partial");
    let mut copying = world.start(&[&here, &there]);
    wait_for_part(&mut copying, &partial, size as u64 / 8);
    world.service.kill();
    world.service.restart();
    assert!(copying.wait().expect("the child is ours").success(), "the session goes on");
    assert!(fs::read(source.join("large")).unwrap() == fs::read(world.path("put")).unwrap());
    assert_eq!(partials(&world.path(".")), Vec::<PathBuf>::new());
    for (place, arguments) in
        [("got", [world.there("source/large"), world.here("got")]), ("again", [here, world.there("again")])]
    {
        let partial = world.path(&format!(".{place}.postern-partial"));
        let mut copying = world.start(&arguments.each_ref().map(String::as_str));
        wait_for_part(&mut copying, &partial, size as u64 / 8);
        let interrupted = std::process::Command::new("kill").args(["-INT", &copying.id().to_string()]).status();
        assert!(interrupted.expect("kill is installed").success());
        let status = copying.wait().expect("the child is ours");
        let mut told = String::new();
        copying.stderr.take().expect("stderr is a pipe").read_to_string(&mut told).expect("it is text");
        assert_eq!(status.code(), Some(255), "{told}");
        assert_eq!(told, "postern: interrupted; the same command goes on where this one has stopped\n");
        eventually("the node's side to have tidied up", patience(megabytes()), || {
            let left = partials(&world.path("."));
            (left == [partial.clone()]).then_some(())
        });
        world.copy(&arguments.each_ref().map(String::as_str)).expect_success("the same again");
        assert!(fs::read(source.join("large")).unwrap() == fs::read(world.path(place)).unwrap(), "{place}");
        assert_eq!(partials(&world.path(".")), Vec::<PathBuf>::new());
    }
}
