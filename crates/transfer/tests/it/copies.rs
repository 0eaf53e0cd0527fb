//! What arrives is what was sent, in both directions.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use postern_protocol::transfer::Options;
use postern_transfer::NodePath;

use crate::{BOTH, LINKS, TREE, copy_from, get, node, node_path, put, tree};

#[test]
fn a_tree_arrives_with_everything_it_has() {
    for (direction, copy) in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("source"), folder.path().join("target"));
        tree::make(&source);
        let (result, told) = copy(&source, &target, TREE);
        assert_eq!(told.problems, [""; 0], "{direction}");
        let summary = result.unwrap();
        assert!(tree::read(&source) == tree::read(&target), "{direction}");
        assert_eq!((summary.files, summary.problems), (12, 0));
        assert_eq!((told.total.entries, told.total.bytes, told.advanced), (21, summary.bytes, summary.bytes));
        // Again: nothing has to travel.
        let (result, told) = copy(&source, &target.join("."), TREE);
        assert_eq!(told.problems, [""; 0], "{direction}");
        assert!(target.join("source/larger").exists(), "into a folder that is there");
        let again = result.unwrap();
        assert_eq!(again.files, 12);
        let (result, _) = copy(&source, &target, TREE);
        let again = result.unwrap();
        assert_eq!((again.files, again.files_in_place, again.bytes), (0, 12, 0), "{direction}");
    }
}

#[test]
fn one_file_takes_the_place_it_is_given() {
    for (direction, copy) in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        tree::file(&path("x"), b"content", 0o751, 50);
        fs::create_dir(path("folder")).unwrap();
        tree::file(&path("there"), b"something older and longer", 0o600, 99);
        symlink("there", path("link")).unwrap();
        for (target, at) in [("new", "new"), ("folder", "folder/x"), ("there", "there"), ("folder/", "folder/x")] {
            let (result, told) = copy(&path("x"), &path(target), Options::default());
            assert_eq!(told.problems, [""; 0], "{direction} {target}");
            result.unwrap();
            assert!(tree::read(&path(at)) == tree::read(&path("x")), "{direction} {target}");
        }
        tree::file(&path("there"), b"older", 0o600, 99);
        // A link that the user names is what it points to.
        copy(&path("x"), &path("link"), Options::default()).0.unwrap();
        assert!(path("link").is_symlink() && fs::read(path("there")).unwrap() == b"content", "{direction}");
        copy(&path("link"), &path("copy"), Options::default()).0.unwrap();
        assert!(!path("copy").is_symlink() && fs::read(path("copy")).unwrap() == b"content", "{direction}");
        // Only its mode differs.
        tree::file(&path("there"), b"content", 0o600, 50);
        let summary = copy(&path("x"), &path("there"), Options::default()).0.unwrap();
        assert_eq!((summary.files, summary.files_in_place), (0, 1));
        assert!(tree::read(&path("there")) == tree::read(&path("x")), "{direction}");
        let leftovers: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(leftovers.iter().all(|name| !name.to_string_lossy().contains("postern-partial")), "{leftovers:?}");
    }
}

#[test]
fn what_cannot_be_copied_is_told_in_a_sentence() {
    for (direction, copy) in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("tree/x")).unwrap();
        fs::create_dir_all(path("target/tree")).unwrap();
        tree::file(&path("tree/x/y"), b"in a folder", 0o644, 1);
        tree::file(&path("tree/z"), b"beside it", 0o644, 1);
        tree::file(&path("file"), b"file", 0o644, 1);
        fs::write(path("target/tree/x"), b"a file where a folder is to be").unwrap();
        let refused = |source: &str, target: &str, options, wanted: &str| {
            let (result, told) = copy(&path(source), &path(target), options);
            let problems = match &result {
                Ok(summary) => {
                    assert_eq!(summary.problems as usize, told.problems.len());
                    told.problems.join("; ")
                }
                Err(error) => error.to_string(),
            };
            assert!(problems.contains(wanted), "{direction}: {wanted:?} is not in {problems:?}");
            assert!(!problems.contains('\n') && !problems.contains("os error"), "{problems:?}");
        };
        refused("missing", "new", TREE, "missing: no such file or folder");
        refused("file", "no/such/folder", TREE, "no/such: no such file or folder");
        refused("file", "nofolder/", TREE, "nofolder/: no such folder");
        refused("file/x", "new", TREE, "not a folder");
        refused("tree", "new", Options::default(), "tree is skipped: it is a folder; -r copies folders");
        refused("tree", "file", TREE, "file: there is a file of that name");
        refused("tree", "target", TREE, "target/tree/x: there is a file of that name");
        assert_eq!(fs::read(path("target/tree/z")).unwrap(), b"beside it", "the rest is copied");
        fs::create_dir_all(path("target/file")).unwrap();
        refused("file", "target", TREE, "target/file: there is a folder of that name");
        let null = Path::new("/dev/null");
        let (_, told) = copy(&path("file"), null, TREE);
        assert!(told.problems[0].contains("that is no file"), "{told:?}");
        assert!(!null.metadata().unwrap().is_file());
    }
}

#[test]
fn links_and_special_files_are_skipped_unless_asked_for() {
    for (direction, copy) in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("tree/sub")).unwrap();
        tree::file(&path("tree/file"), b"x", 0o644, 1);
        for (name, target) in [
            ("inside", "file"),
            ("sub/up", "../file"),
            ("outside", "../../x"),
            ("absolute", "/etc/passwd"),
            ("dangling", "n"),
        ] {
            symlink(target, path("tree").join(name)).unwrap();
        }
        rustix::fs::mkfifoat(rustix::fs::CWD, path("tree/pipe"), rustix::fs::Mode::RUSR).unwrap();
        let (result, told) = copy(&path("tree"), &path("plain"), TREE);
        assert_eq!(result.unwrap().problems, 6, "{direction}: {told:?}");
        assert!(told.problems.iter().any(|problem| problem.contains("pipe is skipped: it is no file, folder or link")));
        assert!(told.problems.iter().any(|problem| problem.contains("inside is skipped: it is a link; --links")));
        let (result, told) = copy(&path("tree"), &path("links"), LINKS);
        assert_eq!(result.unwrap().problems, 3, "{direction}: {told:?}");
        assert_eq!(fs::read_link(path("links/sub/up")).unwrap(), Path::new("../file"));
        assert_eq!(fs::read_link(path("links/dangling")).unwrap(), Path::new("n"));
        for name in ["links/outside", "links/absolute", "links/pipe"] {
            assert!(path(name).symlink_metadata().is_err(), "{direction} {name}");
        }
        // A link where a folder is to be is not followed.
        fs::create_dir_all(path("elsewhere")).unwrap();
        fs::create_dir_all(path("merged/tree")).unwrap();
        symlink(path("elsewhere"), path("merged/tree/sub")).unwrap();
        fs::write(path("tree/sub/file"), b"y").unwrap();
        let (_, told) = copy(&path("tree"), &path("merged"), LINKS);
        assert!(told.problems.iter().any(|problem| problem.contains("there is a link of that name")), "{told:?}");
        assert_eq!(fs::read_dir(path("elsewhere")).unwrap().count(), 0, "{direction}");
    }
}

#[test]
fn several_sources_and_patterns_go_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["a.log", "b.log", ".c.log", "d.txt", "e[1].log"] {
        tree::file(&path(name), name.as_bytes(), 0o644, 1);
    }
    fs::create_dir(path("target")).unwrap();
    let names = |folder: &str| {
        let mut names: Vec<_> = fs::read_dir(path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.join(" ")
    };
    copy_from(&path("*.log"), &path("target"), TREE).0.unwrap();
    assert_eq!(names("target"), "a.log b.log e[1].log");
    fs::create_dir(path("literal")).unwrap();
    copy_from(&path("e[1].log"), &path("literal"), TREE).0.unwrap();
    assert_eq!(names("literal"), "e[1].log");
    let error = copy_from(&path("*.nothing"), &path("target"), TREE).0.unwrap_err().to_string();
    assert!(error.ends_with("*.nothing: no such file or folder"), "{error}");
    let error = copy_from(&path("*.log"), &path("d.txt"), TREE).0.unwrap_err().to_string();
    assert!(error.contains("several things are copied"), "{error}");
    let sources = |names: &[&str]| names.iter().map(|name| path(name)).collect::<Vec<_>>();
    fs::create_dir(path("put")).unwrap();
    let (from_node, to_node, running) = node();
    put(from_node, to_node, &sources(&["d.txt", "a.log"]), &node_path(&path("put")), TREE, &mut ()).unwrap();
    running.join().unwrap().unwrap();
    assert_eq!(names("put"), "a.log d.txt");
    let (from_node, to_node, running) = node();
    let same = put(from_node, to_node, &sources(&["d.txt", "put/d.txt"]), &node_path(&path("put")), TREE, &mut ());
    assert!(same.unwrap_err().to_string().contains("would get the same name"));
    let _ = running.join().unwrap();
    let several = [node_path(&path("d.txt")), node_path(&path("put"))];
    let (from_node, to_node, running) = node();
    get(from_node, to_node, &several, &path("literal"), TREE, &mut ()).unwrap();
    running.join().unwrap().unwrap();
    assert_eq!(names("literal"), "d.txt e[1].log put");
    // What has no name of its own needs one.
    let (from_node, to_node, running) = node();
    let dot = NodePath::new(&format!("{}/.", path("put").display())).unwrap();
    let error =
        get(from_node, to_node, std::slice::from_ref(&dot), &path("target"), TREE, &mut ()).unwrap_err().to_string();
    assert!(error.contains("no name of its own"), "{error}");
    let _ = running.join().unwrap();
    let (from_node, to_node, running) = node();
    get(from_node, to_node, &[dot], &path("fresh"), TREE, &mut ()).unwrap();
    running.join().unwrap().unwrap();
    assert_eq!(names("fresh"), "a.log d.txt");
}

#[test]
fn thousands_of_small_files_do_not_wait_for_each_other() {
    for (direction, copy) in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("many");
        for number in 0..3000 {
            let place = source.join((number / 100).to_string());
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(format!("{number}.txt")), number.to_string()).unwrap();
        }
        let target = folder.path().join("target");
        let (result, told) = copy(&source, &target, TREE);
        assert_eq!((result.unwrap().files, told.problems.len()), (3000, 0), "{direction}");
        assert!(tree::read(&source) == tree::read(&target), "{direction}");
    }
}
