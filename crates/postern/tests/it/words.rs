//! What the command line says to people who mistype, and to those who have not configured anything yet.

use super::{outcome, postern};

#[test]
fn our_own_failures_are_one_sentence_and_255() {
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(&[&str], Variables, &str); 6] = [
        (&["nodes"], &[], "no credentials"),
        (&["nodes", "--profile", "nobody"], &[], "\"nobody\""),
        (&["nodes", "--endpoint-url", "ftp://x"], &[], "ftp"),
        (
            &["terminate", "s-1", "--endpoint-url", "http://127.0.0.1:1"],
            &[("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_SECRET_ACCESS_KEY", "x")],
            "127.0.0.1:1",
        ),
        (&["nodes"], &[("AWS_ACCESS_KEY_ID", "AKIAX")], "aws_secret_access_key"),
        (&["start", "mi-0123456789abcdef0", "--document", "no document"], &[], "no document"),
    ];
    for (words, variables, expected) in cases {
        let (stdout, stderr, status) = outcome(postern().args(words).envs(variables.iter().copied()));
        assert_eq!((stdout.as_str(), status), ("", Some(255)), "{words:?}: {stderr}");
        assert!(stderr.starts_with("postern: ") && stderr.contains(expected), "{words:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{words:?}: {stderr}");
    }
}

#[test]
fn misuse_is_255_and_help_is_not() {
    for words in [
        &["frobnicate"][..],
        &["exec", "node"],
        &["start"],
        &[],
        &["activation", "create", "--expires", "1w"],
        &["nodes", "Colour=red"],
        &["nodes", "tag:"],
        &["tag", "add", "web"],
        &["tag", "add", "web", "no-value"],
        &["tag", "remove", "web"],
        &["document", "create", "Hello"],
        &["document", "get", "a b"],
        &["document", "get", "Hello", "--version", "0"],
        &["document", "list", "--type", "Automation"],
    ] {
        let (_, stderr, status) = outcome(postern().args(words));
        assert_eq!(status, Some(255), "{words:?}");
        assert!(!stderr.is_empty(), "{words:?}");
    }
    for words in [&["--help"][..], &["--version"], &["exec", "--help"]] {
        let (stdout, stderr, status) = outcome(postern().args(words));
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{words:?}");
        assert!(!stdout.is_empty() && !stdout.contains("agent-session-worker"), "{words:?}");
    }
}

/// As in `postern nodes 2>&1 | head -1`: nobody hears the sentence, and the status is still ours.
#[test]
fn a_closed_standard_error_changes_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = postern().arg("nodes").stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(255));
}

#[test]
fn completions_are_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (stdout, _, status) = outcome(postern().args(["completions", shell]));
        assert_eq!(status, Some(0), "{shell}");
        assert!(stdout.contains("postern") && stdout.contains("terminate"), "{shell}");
    }
}
