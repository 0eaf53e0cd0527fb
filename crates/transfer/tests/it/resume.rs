//! Copies that were interrupted, and copies that meet.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use postern_protocol::transfer::{Options, Writing};
use postern_transfer::CopyError;

use crate::{BOTH, BOTH_HOW, Told, get, node, node_path, put, tree};

const SIZE: usize = 5_000_000;

/// A stream that ends after so many bytes, as one whose process is killed.
struct Cut<T> {
    inner: T,
    left: usize,
}

impl<T: Read> Read for Cut<T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.left);
        let count = self.inner.read(&mut buffer[..most])?;
        self.left -= count;
        Ok(count)
    }
}

impl<T: Write> Write for Cut<T> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let count = self.inner.write(&buffer[..buffer.len().min(self.left)])?;
        self.left -= count;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

fn interrupted(source: &Path, destination: &Path, is_from_node: bool, after: usize) {
    interrupted_how(source, destination, is_from_node, after, Writing::default());
}

fn interrupted_how(source: &Path, destination: &Path, is_from_node: bool, after: usize, writing: Writing) {
    let (from_node, to_node, running) = node();
    let how = (Options::default(), writing);
    let error = if is_from_node {
        let from_node = Cut { inner: from_node, left: after };
        postern_transfer::get(from_node, to_node, &[node_path(source)], destination, how, &mut ()).unwrap_err()
    } else {
        let to_node = Cut { inner: to_node, left: after };
        let sources: [PathBuf; 1] = [source.to_owned()];
        postern_transfer::put(from_node, to_node, &sources, &node_path(destination), how, &mut ()).unwrap_err()
    };
    assert!(matches!(error, CopyError::Disconnected), "{error}");
    assert!(running.join().unwrap().is_err());
}

#[test]
fn the_next_copy_goes_on_where_the_last_one_stopped() {
    for (is_from_node, (direction, copy)) in [true, false].into_iter().zip(BOTH) {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("source"), folder.path().join("target"));
        let partial = folder.path().join(".target.postern-partial");
        let content = tree::noise(SIZE);
        tree::file(&source, &content, 0o640, 77);
        interrupted(&source, &target, is_from_node, 3_000_000);
        let left = fs::read(&partial).unwrap();
        assert!(!target.exists() && (2_500_000..3_000_000).contains(&left.len()), "{direction}: {}", left.len());
        assert!(content.starts_with(&left), "{direction}");
        let summary = copy(&source, &target, Options::default()).0.unwrap();
        assert_eq!((summary.bytes_resumed, summary.files), (left.len() as u64, 1), "{direction}");
        assert_eq!(summary.bytes, (SIZE - left.len()) as u64, "{direction}");
        assert!(tree::read(&source) == tree::read(&target) && !partial.exists(), "{direction}");
        // What was left of another content is of no use.
        fs::write(&partial, vec![7; 1_000_000]).unwrap();
        tree::set_age(&target, 1);
        let summary = copy(&source, &target, Options::default()).0.unwrap();
        assert_eq!((summary.bytes_resumed, summary.bytes), (0, SIZE as u64), "{direction}");
        assert!(tree::read(&source) == tree::read(&target) && !partial.exists(), "{direction}");
        // And more than there can be, even less.
        fs::write(&partial, vec![7; SIZE + 1]).unwrap();
        tree::set_age(&target, 1);
        copy(&source, &target, Options::default()).0.unwrap();
        assert!(tree::read(&source) == tree::read(&target) && !partial.exists(), "{direction}");
        // A beginning that is not worth the question is not kept.
        fs::remove_file(&target).unwrap();
        interrupted(&source, &target, is_from_node, 100_000);
        assert!(!partial.exists(), "{direction}");
    }
}

#[test]
fn a_copy_over_another_file_of_the_same_size_goes_on_too() {
    let writings = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(compares_content, forgets_attributes)| Writing { compares_content, forgets_attributes });
    for (is_from_node, (direction, copy)) in [true, false].into_iter().zip(BOTH_HOW) {
        for writing in writings {
            let folder = tempfile::tempdir().unwrap();
            let (source, target) = (folder.path().join("source"), folder.path().join("target"));
            let partial = folder.path().join(".target.postern-partial");
            let content = tree::noise(SIZE);
            tree::file(&source, &content, 0o644, 77);
            // By its time it may be the same; only its content says that it is not.
            let age = if writing.compares_content { 77 } else { 78 };
            tree::file(&target, &vec![7; SIZE], 0o644, age);
            interrupted_how(&source, &target, is_from_node, 3_000_000, writing);
            let left = fs::metadata(&partial).map_or(0, |partial| partial.len());
            assert!((2_500_000..3_000_000).contains(&left), "{direction}, {writing:?}: {left}");
            let (result, told) = copy(&source, &target, (Options::default(), writing));
            let summary = result.unwrap();
            let done = (summary.bytes_resumed, summary.bytes, summary.files, told.problems.len());
            assert_eq!(done, (left, SIZE as u64 - left, 1, 0), "{direction}, {writing:?}");
            assert!(fs::read(&target).unwrap() == content && !partial.exists(), "{direction}, {writing:?}");
        }
    }
}

#[test]
fn a_copy_that_still_runs_is_continued_beside_it_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    tree::file(&source, &tree::noise(SIZE), 0o640, 77);
    // Its client was killed, and its end on the node does not know.
    let (mut from_node, to_node, lingering) = node();
    let kept = to_node.try_clone().unwrap();
    let sources: [PathBuf; 1] = [source.clone()];
    let reader = from_node.try_clone().unwrap();
    let cut = Cut { inner: to_node, left: 2_000_000 };
    put(reader, cut, &sources, &node_path(&target), Options::default(), &mut ()).unwrap_err();
    let partial = folder.path().join(".target.postern-partial");
    while fs::metadata(&partial).map_or(0, |metadata| metadata.len()) < 1_500_000 {
        std::thread::yield_now();
    }
    let (result, told) = crate::copy_to(&source, &target, Options::default());
    let summary = result.unwrap();
    assert!(summary.bytes_resumed >= 1_500_000, "{summary:?} {told:?}");
    assert!(tree::read(&source) == tree::read(&target));
    assert!(!partial.exists(), "what was taken over is gone");
    drop(kept);
    assert!(lingering.join().unwrap().is_err());
    let mut rest = Vec::new();
    from_node.read_to_end(&mut rest).unwrap();
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["source", "target"]);
}

#[test]
fn copies_of_one_file_at_the_same_time_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    let sources: Vec<PathBuf> = (0..4).map(|number| folder.path().join(format!("source-{number}"))).collect();
    for (source, number) in sources.iter().zip(0_u8..) {
        tree::file(source, &vec![number; SIZE], 0o644, number.into());
    }
    std::thread::scope(|scope| {
        for source in &sources {
            scope.spawn(|| crate::copy_to(source, &target, Options::default()).0.unwrap());
        }
    });
    let arrived = fs::read(&target).unwrap();
    assert!(arrived.len() == SIZE && arrived.iter().all(|byte| *byte == arrived[0]), "one of them, whole");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "and nothing else");
}

#[test]
fn a_new_folder_is_found_again_by_the_same_command() {
    for (is_from_node, (direction, copy)) in [true, false].into_iter().zip(BOTH) {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("source"), folder.path().join("target"));
        tree::make(&source);
        tree::file(&source.join("very large"), &tree::noise(SIZE), 0o644, 3);
        tree::set_age(&source, 1000);
        let (from_node, to_node, running) = node();
        let interrupted = if is_from_node {
            let from_node = Cut { inner: from_node, left: 4_000_000 };
            get(from_node, to_node, &[node_path(&source)], &target, crate::TREE, &mut ())
        } else {
            let to_node = Cut { inner: to_node, left: 4_000_000 };
            put(from_node, to_node, std::slice::from_ref(&source), &node_path(&target), crate::TREE, &mut ())
        };
        interrupted.unwrap_err();
        running.join().unwrap().unwrap_err();
        assert!(target.join(".postern-partial").exists(), "{direction}");
        let (result, told) = copy(&source, &target, crate::TREE);
        let summary = result.unwrap();
        assert!(summary.bytes_resumed > 1_000_000, "{direction}: {summary:?}");
        assert_eq!(told.problems, [""; 0], "{direction}");
        assert!(tree::read(&source) == tree::read(&target), "{direction}");
        // Now it is a folder like any other.
        copy(&source, &target, crate::TREE).0.unwrap();
        assert!(target.join("source/larger").exists(), "{direction}");
    }
}

#[test]
fn a_trap_in_the_place_of_a_partial_file_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    tree::file(&path("source"), &tree::noise(SIZE), 0o644, 1);
    fs::write(path("victim"), vec![1; 1_000_000]).unwrap();
    fs::hard_link(path("victim"), path(".target.postern-partial")).unwrap();
    std::os::unix::fs::symlink(path("victim"), path(".target.2.postern-partial")).unwrap();
    let mut told = Told::default();
    let (from_node, to_node, running) = node();
    get(from_node, to_node, &[node_path(&path("source"))], &path("target"), Options::default(), &mut told).unwrap();
    running.join().unwrap().unwrap();
    assert_eq!(fs::read(path("victim")).unwrap(), vec![1; 1_000_000]);
    assert!(tree::read(&path("source")) == tree::read(&path("target")));
}
