//! What goes wrong on a user's side gets one sentence with cause and fix, the right status, and disturbs nothing.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use postern_testkit::{
    Agent, Background, Output, PythonEnvironment, Scheme, Service, Terminal, eventually, program, run, temporary_folder,
};

const PATIENCE: Duration = Duration::from_secs(40);

/// The last line of standard error, which is where the one sentence stands.
fn sentence(output: &Output) -> &str {
    output.stderr.trim_end().lines().last().unwrap_or_default()
}

fn quickstart(arguments: &[&str]) -> Output {
    let mut words = vec!["quickstart", "--exec", "true"];
    words.extend(arguments);
    run(&program("postern"), words, &[], PATIENCE)
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let folder = temporary_folder();
    let data_dir = folder.path().join("q");
    let data_dir = data_dir.to_str().expect("UTF-8");

    let done = quickstart(&["--data-dir", data_dir, "--listen", &address]);
    assert_eq!(done.status, Some(255), "{done:#?}");
    assert!(sentence(&done).contains(&address) && sentence(&done).contains("in use"), "{done:#?}");

    run(&program("posternd"), ["init", "--data-dir", data_dir], &[], PATIENCE);
    let words = ["serve", "--data-dir", data_dir, "--listen", &address];
    let done = run(&program("posternd"), words, &[], PATIENCE);
    assert_eq!(done.status, Some(1), "{done:#?}");
    assert!(sentence(&done).contains(&address) && sentence(&done).contains("in use"), "{done:#?}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let words = ["serve", "--data-dir", "/dev/null/data", "--listen", "127.0.0.1:0"];
    let done = run(&program("posternd"), words, &[], PATIENCE);
    assert_eq!(done.status, Some(1), "{done:#?}");
    assert!(sentence(&done).contains("/dev/null/data"), "{done:#?}");
    let done = quickstart(&["--data-dir", "/dev/null/data", "--listen", "127.0.0.1:0"]);
    assert_eq!(done.status, Some(255), "{done:#?}");
    assert!(sentence(&done).contains("/dev/null/data"), "{done:#?}");
}

#[test]
fn a_data_folder_in_use_by_another_process_is_named() {
    let service = Service::start(Scheme::Http);
    let folder = service.folder().to_str().expect("UTF-8");
    let words = ["serve", "--data-dir", folder, "--listen", "127.0.0.1:0", "--plain-http"];
    let done = run(&program("posternd"), words, &[], PATIENCE);
    assert_eq!(done.status, Some(1), "{done:#?}");
    assert!(sentence(&done).contains(folder) && sentence(&done).contains("in use"), "{done:#?}");
    service.postern(["nodes"]);
}

#[test]
fn activations_that_are_wrong_used_up_or_expired_are_told_apart() {
    let service = Service::start(Scheme::Http);
    let (id, code) = service.create_activation(1);
    let register = |name: &str, id: &str, code: &str| {
        let folder = service.folder().join(name);
        std::fs::create_dir_all(&folder).expect("writable");
        std::fs::write(folder.join("code"), code).expect("writable");
        let config = folder.join("agent.toml");
        std::fs::write(&config, format!("state_dir = {:?}\n", folder.join("state"))).expect("writable");
        run(
            &program("postern-agent"),
            [
                "register",
                "--config",
                config.to_str().expect("UTF-8"),
                "--endpoint",
                &service.endpoint(),
                "--region",
                "us-east-1",
                "--activation-id",
                id,
                "--activation-code-file",
                folder.join("code").to_str().expect("UTF-8"),
            ],
            &[],
            PATIENCE,
        )
    };
    let wrong = register("wrong", &id, "WRONGWRONGWRONGWRONG");
    assert_eq!(wrong.status, Some(1), "{wrong:#?}");
    assert!(wrong.stderr.contains("InvalidActivation"), "{wrong:#?}");
    register("first", &id, &code).expect_success("the first registration");
    let used_up = register("second", &id, &code);
    assert_eq!(used_up.status, Some(1), "{used_up:#?}");
    assert!(sentence(&used_up).contains("all are used"), "{used_up:#?}");
    // Registering again over an existing registration has to be asked for.
    let again = register("first", &id, &code);
    assert_eq!(again.status, Some(1), "{again:#?}");
    assert!(sentence(&again).contains("--force"), "{again:#?}");
}

#[test]
fn targets_that_cannot_be_reached_say_why() {
    let service = Service::start(Scheme::Http);
    let start =
        |target: &str| run(&program("postern"), ["exec", target, "--", "true"], &service.environment(), PATIENCE);
    let unknown = start("mi-0123456789abcdef0");
    assert_eq!(unknown.status, Some(255), "{unknown:#?}");
    assert!(sentence(&unknown).contains("mi-0123456789abcdef0"), "{unknown:#?}");

    let mut agent = Agent::start(&service);
    agent.kill();
    let offline = eventually("the node to be seen as offline", PATIENCE, || {
        let done = start(agent.node_id());
        (done.status == Some(255)).then_some(done)
    });
    assert!(sentence(&offline).contains("not connected"), "{offline:#?}");
    for words in
        [&["forward", agent.node_id(), "0:80"][..], &["ssh-proxy", agent.node_id()], &["start", agent.node_id()]]
    {
        let done = run(&program("postern"), words, &service.environment(), PATIENCE);
        assert_eq!((done.status, done.stdout.as_str()), (Some(255), ""), "{words:?}: {done:#?}");
        assert!(done.stderr.contains("not connected") && done.stderr.lines().count() == 1, "{words:?}: {done:#?}");
    }
    agent.launch();
    agent.wait_until_online(&service);
    start(agent.node_id()).expect_success("the node is back");
}

#[test]
fn sessions_that_cannot_be_are_one_sentence_and_a_status() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let (node, nobody) = (agent.node_id(), "mi-0123456789abcdef0");
    let closed = postern_testkit::closed_port().to_string();
    let forwarding = ["start", node, "--document", "AWS-StartPortForwardingSession", "--parameter"];
    // What is asked for, its status, and what the sentence says.
    let cases: [(&[&str], i32, &str); 15] = [
        (&["exec", node, "--", "no-such-command"], 127, "no-such-command: command not found"),
        (&["exec", node, "--", "/etc/passwd"], 126, "/etc/passwd: Permission denied"),
        (&["exec", node, "--", "/"], 126, "/: Permission denied"),
        (&["exec", "nobody", "--", "true"], 255, "no managed node has the id, name or tag \"nobody\""),
        (&["forward", "nobody", "0:80"], 255, "no managed node has"),
        (&["forward", nobody, "0:80"], 255, nobody),
        (&["forward", node, "0:a:80"], 255, "host"),
        (&["forward", node, "0:localhost:80:90"], 255, "too many colons"),
        (&["ssh", "me@nobody", "true"], 255, "no managed node has"),
        (&["ssh-proxy", nobody], 255, nobody),
        (&["ssh-proxy", node, &closed], 255, "refuses connections"),
        (&["start", node, "--document", "No-Such-Document"], 255, "No-Such-Document"),
        (&[&forwarding[..], &["portNumber=no"]].concat(), 255, "portNumber"),
        (&[&forwarding[..], &["portNumber=65536"]].concat(), 255, "portNumber"),
        (&[&forwarding[..], &["colour=red"]].concat(), 255, "colour"),
    ];
    let told = cases.map(|(words, status, expected)| {
        let done = run(&program("postern"), words, &service.environment(), PATIENCE);
        // The command line's own words are of several lines.
        let is_one_line = done.stderr.starts_with("error: ") || done.stderr.lines().count() == 1;
        let is_right = (done.status, done.stdout.as_str()) == (Some(status), "") && done.stderr.contains(expected);
        if is_one_line && is_right {
            String::new()
        } else {
            format!("{words:?} for {status}, {expected:?}: {done:#?}\n")
        }
    });
    assert_eq!(told.concat(), "");
    // In a terminal the shell says it, with the same status.
    for (command, status, expected) in [("no-such-command", 127, "not found"), ("/etc/passwd", 126, "denied")] {
        let words = ["exec", "--tty", node, "--", command];
        let mut terminal = Terminal::start(&program("postern"), &words, &service.environment());
        terminal.expect(expected, PATIENCE);
        assert_eq!(terminal.wait(PATIENCE), status);
    }
    // A host that is not there is told when somebody connects, and to them.
    let spec = "0:no-such-host.invalid:80";
    let mut forward = Background::start(&program("postern"), &["forward", node, spec], &service.environment());
    let open = forward.expect(" → no-such-host.invalid:80 via ", PATIENCE);
    let mut local = TcpStream::connect(open.split(" → ").next().expect("an address")).expect("the tunnel listens");
    local.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    forward.expect(": the node knows no address of no-such-host.invalid: ", PATIENCE);
    assert!(matches!(local.read(&mut [0]), Ok(0) | Err(_)), "the connection is closed");
    forward.interrupt();
    assert_eq!(forward.wait(PATIENCE), Some(0));
}

#[test]
fn wrong_credentials_get_awss_codes() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let call = |name: &str, value: &str| {
        let mut environment = service.environment();
        environment.push((name.to_string(), value.to_string()));
        let words = ["ssm", "describe-instance-information"];
        run(&python.aws(), words, &environment, PATIENCE)
    };
    let wrong_secret = call("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00");
    assert!(wrong_secret.stderr.contains("InvalidSignatureException"), "{wrong_secret:#?}");
    let unknown_key = call("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    assert!(unknown_key.stderr.contains("UnrecognizedClientException"), "{unknown_key:#?}");
    let foreign_token = call("AWS_SESSION_TOKEN", "bm90IG91cnM=");
    assert!(foreign_token.stderr.contains("UnrecognizedClientException"), "{foreign_token:#?}");
    service.postern(["nodes"]);
}
