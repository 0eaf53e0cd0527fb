//! How files are written: compared by their content, and without the sender's modes and times.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use postern_protocol::transfer::{Options, Writing};

use crate::{BOTH_HOW, TREE, tree};

const COMPARED: Writing = Writing { compares_content: true, forgets_attributes: false };
const FORGETFUL: Writing = Writing { compares_content: false, forgets_attributes: true };

#[test]
fn files_that_look_equal_are_compared_by_content_when_that_is_asked_for() {
    for (direction, copy) in BOTH_HOW {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("source")).unwrap();
        let large = tree::noise(1_000_000);
        let mut changed = large.clone();
        changed[999_999] ^= 1;
        tree::file(&path("source/changed"), &changed, 0o644, 5);
        tree::file(&path("source/empty"), b"", 0o644, 5);
        tree::file(&path("source/large"), &large, 0o640, 5);
        tree::file(&path("source/longer"), b"twelve bytes", 0o640, 5);
        tree::set_age(&path("source"), 9);
        fs::create_dir_all(path("target/source")).unwrap();
        // The same size and time, other content; the same content, another time and mode.
        tree::file(&path("target/source/changed"), &large, 0o644, 5);
        tree::file(&path("target/source/empty"), b"", 0o600, 6);
        tree::file(&path("target/source/large"), &large, 0o600, 6);
        tree::file(&path("target/source/longer"), b"eleven byte", 0o600, 5);
        let before = path("target/source/large").metadata().unwrap().ino();
        let (result, told) = copy(&path("source"), &path("target"), (TREE, Writing::default()));
        assert_eq!((result.unwrap().files_in_place, told.problems.len()), (1, 0), "{direction}");
        assert_eq!(fs::read(path("target/source/changed")).unwrap(), large, "{direction}: it looks equal");
        tree::file(&path("target/source/large"), &large, 0o600, 6);
        let before_again = path("target/source/large").metadata().unwrap().ino();
        assert_ne!(before, before_again, "{direction}: by its time it was another one");
        let (result, told) = copy(&path("source"), &path("target"), (TREE, COMPARED));
        assert_eq!(told.problems, [""; 0], "{direction}");
        let summary = result.unwrap();
        assert_eq!((summary.files, summary.files_in_place, summary.bytes), (1, 3, 1_000_000), "{direction}");
        assert_eq!(told.advanced, told.total.bytes, "{direction}");
        assert!(tree::read(&path("source")) == tree::read(&path("target/source")), "{direction}");
        assert_eq!(path("target/source/large").metadata().unwrap().ino(), before_again, "{direction}: not replaced");
    }
}

#[test]
fn modes_and_times_are_those_of_new_files_when_they_are_not_kept() {
    for (direction, copy) in BOTH_HOW {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("source")).unwrap();
        tree::file(&path("source/private"), b"content", 0o600, 5);
        tree::file(&path("source/there"), b"content", 0o600, 5);
        fs::set_permissions(path("source"), fs::Permissions::from_mode(0o700)).unwrap();
        tree::set_age(&path("source"), 9);
        fs::write(path("new"), b"as new files are").unwrap();
        fs::create_dir(path("folder")).unwrap();
        let (result, told) = copy(&path("source"), &path("target"), (TREE, FORGETFUL));
        assert_eq!((result.unwrap().files, told.problems.len()), (2, 0), "{direction}");
        let metadata = |name: &str| path(name).metadata().unwrap();
        assert_eq!(metadata("target/private").mode(), metadata("new").mode(), "{direction}");
        assert_eq!(metadata("target").mode(), metadata("folder").mode(), "{direction}");
        for name in ["target", "target/private"] {
            assert!(metadata(name).mtime() >= metadata("new").mtime(), "{direction} {name}");
        }
        // What is replaced keeps its mode.
        tree::file(&path("target/there"), b"other", 0o640, 5);
        let (result, _) = copy(&path("source/there"), &path("target/there"), (Options::default(), FORGETFUL));
        assert_eq!(result.unwrap().files, 1, "{direction}");
        assert_eq!(fs::read(path("target/there")).unwrap(), b"content", "{direction}");
        assert_eq!(metadata("target/there").mode() & 0o777, 0o640, "{direction}");
    }
}
