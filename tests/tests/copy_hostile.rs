//! `postern cp` from a node that lies, through a real service: the client is stopped with a sentence, and nothing is
//! written but in the destination.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod copy_world;

use std::fs;
use std::path::{Path, PathBuf};

use copy_world::World;
use postern_testkit::{Behaviour, VERSION};

/// Everything below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn a_node_that_lies_gets_nothing_past_the_client() {
    let behaviour = Behaviour::of("postern cp from a node that lies: stopped", &[("postern", VERSION)]);
    let world = World::with_agent(Path::new(env!("CARGO_BIN_EXE_postern-lying-node")));
    fs::write(world.path("victim"), b"untouched").unwrap();
    let broken = "stopped, because the other side breaks the rules of copying: ";
    let cases: [(&str, &[&str], &str); 17] = [
        ("upwards", &[], "leads out of its directory"),
        ("upwards-inside", &["-r"], "leads out of its directory"),
        ("dots", &["-r"], "a name is a way to another directory"),
        ("absolute", &[], "leads out of its directory"),
        ("unasked", &[], "it sent \"authorized_keys\", which nobody asked for"),
        ("link-unasked", &[], "a message came where it is not possible"),
        ("link-and-through", &["-r", "--links"], "a name came twice or out of order"),
        ("twice", &["-r"], "a name came twice or out of order"),
        ("longer", &[], "more data came than was announced"),
        ("more-bytes", &[], "more data came than was announced"),
        ("more-entries", &["-r"], "more entries came than were announced"),
        ("deeper", &["-r"], "deeper than 128 directories"),
        ("problems", &["--json"], "it has problems without end"),
        ("long-message", &[], "longer than the longest"),
        ("something else", &[], "longer than the longest"),
        ("link-out", &["-r", "--links"], "2 things were not copied"),
        ("checksum", &[], "checksum is wrong"),
    ];
    for (name, flags, wanted) in cases {
        let target = world.path("target");
        fs::create_dir(&target).unwrap();
        let (there, here) = (world.there(name), world.here("target"));
        let mut arguments = flags.to_vec();
        arguments.extend([there.as_str(), here.as_str()]);
        let done = world.copy(&arguments);
        assert_eq!((done.status, done.stdout.as_str()), (Some(255), ""), "{name}: {done:#?}");
        let last = done.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("postern: ") && last.contains(wanted), "{name}: {done:#?}");
        assert!(!done.stderr.contains('\u{1b}'), "{name}: nothing of the node's reaches the terminal as it is");
        let is_problem = matches!(name, "link-out" | "checksum");
        assert_eq!(last.contains(broken), !is_problem, "{name}: {done:#?}");
        if !matches!(name, "problems" | "link-out") {
            assert_eq!(done.stderr.lines().count(), 1, "{name}: {done:#?}");
        }
        // What was right of it may be in the destination; what was not, and what is half, is nowhere.
        let found = below(&target);
        let is_right = |path: &PathBuf| path.starts_with(target.join(name)) && !path.is_symlink();
        let own_link = target.join("link-and-through/l");
        assert!(found.iter().all(|path| is_right(path) || *path == own_link), "{name}: {found:?}");
        let has_debris = found.iter().any(|path| path.to_string_lossy().contains("postern-partial"));
        let files = found.iter().filter(|path| path.is_file()).count();
        assert!(!has_debris && files == 0, "{name}: {found:?}");
        fs::remove_dir_all(&target).unwrap();
        assert_eq!(below(&world.path(".")), [world.path("./victim")], "{name}");
        assert_eq!(fs::read(world.path("victim")).unwrap(), b"untouched", "{name}");
    }
    // Nor to a stream.
    let (there, flags) = (world.there("longer"), "-");
    let done = world.copy(&[there.as_str(), flags]);
    assert_eq!(done.status, Some(255), "{}", done.stderr);
    assert!(done.stderr.contains("more data came than was announced") && done.stdout.len() <= 3_000_000);
    behaviour.holds();
}
