//! `postern quickstart`, as the README tells a new user to run it.

use std::process::{Command, Stdio};
use std::time::Duration;

use postern_testkit::{Behaviour, Terminal, VERSION, eventually, program, run, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(40);
const PROGRAMS: [(&str, &str); 2] = [("postern", VERSION), ("postern-agent", VERSION)];

#[test]
fn exec_prints_only_the_commands_output_and_exits_with_its_status() {
    let behaviour = Behaviour::of("quickstart: a command and its status", &PROGRAMS);
    let folder = temporary_folder();
    let data_dir = folder.path().join("quickstart");
    for round in ["a new folder", "the same folder again"] {
        let done = run(
            &program("postern"),
            [
                "quickstart",
                "--data-dir",
                data_dir.to_str().expect("UTF-8"),
                "--listen",
                "127.0.0.1:0",
                "--exec",
                "echo hello; echo fault >&2; exit 3",
            ],
            &[],
            PATIENCE,
        );
        assert_eq!(done.stdout, "hello\n", "{round}: {done:#?}");
        assert!(done.stderr.contains("fault\n"), "{round}: {done:#?}");
        assert_eq!(done.status, Some(3), "{round}: {done:#?}");
        assert!(!data_dir.join("env").exists(), "env outlives its service");
    }
    behaviour.holds();
}

#[test]
fn a_terminal_gets_a_prompt_that_knows_its_size_and_ends_with_the_shell() {
    let behaviour = Behaviour::of("quickstart: a terminal", &PROGRAMS);
    let folder = temporary_folder();
    let data_dir = folder.path().join("quickstart");
    let mut terminal = Terminal::start(
        &program("postern"),
        &["quickstart", "--data-dir", data_dir.to_str().expect("UTF-8"), "--listen", "127.0.0.1:0"],
        &[],
    );
    terminal.type_text("stty size; echo ready-$((40+2))\r");
    let passed = terminal.expect("ready-42", PATIENCE);
    assert!(passed.contains("24 80"), "the first size is wrong: {passed:?}");

    terminal.resize(40, 132);
    terminal.type_text("sleep 0.3; stty size\r");
    terminal.expect("40 132", PATIENCE);

    // What was typed is echoed before it runs: only the command's own word says that there is something to stop.
    terminal.type_text("echo asleep-$((1+1)); sleep 100\r");
    terminal.expect("asleep-2", PATIENCE);
    terminal.type_bytes(b"\x03");
    terminal.expect("^C", PATIENCE);
    terminal.type_text("echo interrupted-$((1+1))\r");
    terminal.expect("interrupted-2", PATIENCE);

    terminal.type_text("printf 'gr\\303\\274\\303\\237e %s\\n' \u{1f980}\r");
    terminal.expect("grüße \u{1f980}", PATIENCE);

    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    behaviour.holds();
}

#[test]
fn serve_writes_the_environment_when_ready_and_removes_it_at_the_end() {
    let behaviour = Behaviour::of("quickstart: an environment for other programs", &PROGRAMS);
    let folder = temporary_folder();
    let data_dir = folder.path().join("quickstart");
    let mut serving = Command::new(program("postern"))
        .args(["quickstart", "--serve", "--listen", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(&data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("postern starts");
    let env = data_dir.join("env");
    eventually("DIR/env", PATIENCE, || env.exists().then_some(()));

    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&env).expect("it exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // As a user would: source it, then use what it names.
    let postern = program("postern");
    let script = format!(
        ". {env}; test -z \"${{AWS_SESSION_TOKEN+set}}\" || exit 9; \
         {postern} nodes --json | grep -q $POSTERN_NODE_ID || exit 8; \
         {postern} exec $POSTERN_NODE_ID -- sh -c 'echo out; echo err >&2; exit 9'",
        env = env.display(),
        postern = postern.display()
    );
    let done = run(
        std::path::Path::new("/bin/sh"),
        ["-c", &script],
        &[("AWS_SESSION_TOKEN".into(), "stale".into())],
        PATIENCE,
    );
    assert_eq!((done.stdout.as_str(), done.stderr.as_str(), done.status), ("out\n", "err\n", Some(9)));

    // A second one in the same folder is told so, in one sentence.
    let second = run(
        &program("postern"),
        ["quickstart", "--serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().expect("UTF-8")],
        &[],
        PATIENCE,
    );
    assert_eq!(second.status, Some(255), "{second:#?}");
    assert!(second.stderr.contains("in use"), "{second:#?}");
    assert!(env.exists(), "the second one took away the first one's env");

    let stop = Command::new("kill").args(["-TERM", &serving.id().to_string()]).status().expect("kill runs");
    assert!(stop.success());
    let status = eventually("quickstart to end", PATIENCE, || serving.try_wait().expect("the child is ours"));
    assert!(status.success(), "{status}");
    assert!(!env.exists(), "env outlives its service");
    behaviour.holds();
}
