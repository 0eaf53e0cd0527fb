//! Files of `/proc`, whose sizes say nothing.

use std::fs;
use std::path::{Path, PathBuf};

use postern_protocol::transfer::Options;
use postern_transfer::get_to_output;

use crate::{BOTH, TREE, Told, node, node_path};

#[test]
fn what_is_made_when_it_is_read_is_copied_with_its_content() {
    for (direction, copy) in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("version");
        let (result, told) = copy(Path::new("/proc/version"), &target, Options::default());
        let version = fs::read("/proc/version").unwrap();
        assert_eq!((result.unwrap().bytes, told.problems.len()), (version.len() as u64, 0), "{direction}");
        assert_eq!(fs::read(&target).unwrap(), version, "{direction}");
        // A folder of them, some of which say something else each time.
        let (result, told) = copy(Path::new("/proc/sys/kernel/random"), &folder.path().join("random"), TREE);
        assert_eq!((result.unwrap().problems, told.problems), (0, Vec::<String>::new()), "{direction}");
        let boot_id = |folder: &Path| fs::read(folder.join("boot_id")).unwrap();
        assert_eq!(
            boot_id(&folder.path().join("random")),
            boot_id(Path::new("/proc/sys/kernel/random")),
            "{direction}"
        );
        assert_eq!(fs::read(folder.path().join("random/uuid")).unwrap().len(), 37, "{direction}");
    }
}

#[test]
fn the_same_as_a_stream() {
    let (from_node, to_node, running) = node();
    let (mut told, mut output) = (Told::default(), Vec::new());
    let source = node_path(&PathBuf::from("/proc/version"));
    get_to_output(from_node, to_node, &source, &mut output, &mut told).unwrap();
    running.join().unwrap().unwrap();
    assert_eq!(output, fs::read("/proc/version").unwrap());
}

#[test]
fn what_has_no_end_is_one_problem() {
    for (direction, copy) in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("pagemap");
        let (result, told) = copy(Path::new("/proc/self/pagemap"), &target, Options::default());
        assert_eq!(result.unwrap().problems, 1, "{direction}");
        let sentence = "/proc/self/pagemap: is made as it is read, and has no end within 16 megabytes";
        assert_eq!(told.problems, [sentence], "{direction}");
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "{direction}");
    }
}
