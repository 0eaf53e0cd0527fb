//! A service that takes no data channel without a signature (`require_signed_data_channels`), and our programs.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use postern_testkit::{Agent, FaultyProxy, Output, PythonEnvironment, Scheme, Service, program, run, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(60);

fn service() -> Service {
    Service::start_with(Scheme::Https, &[("POSTERN_REQUIRE_SIGNED_DATA_CHANNELS", "true")])
}

#[test]
fn both_ends_sign_each_time_they_open_a_channel() {
    let service = service();
    let agent = Agent::start(&service);
    let proxy = FaultyProxy::start(service.address());
    let mut child = Command::new(program("postern"))
        .args(["exec", agent.node_id(), "--", "cat"])
        .envs(service.environment_at(proxy.address()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("postern starts");
    let input: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let (mut stdin, sent) = (child.stdin.take().expect("stdin is a pipe"), input.clone());
    let writer = std::thread::spawn(move || {
        for part in sent.chunks(sent.len() / 3 + 1) {
            stdin.write_all(part).expect("the command reads all of it");
            proxy.cut();
        }
        drop(stdin);
        proxy
    });
    let output = child.wait_with_output().expect("it ends");
    drop(writer.join().expect("everything is written"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == input, "{} bytes came back, of {}", output.stdout.len(), input.len());
}

/// A command through `aws ssm start-session` with this plugin.
fn session(python: &PythonEnvironment, service: &Service, node_id: &str, plugin: &Path) -> Output {
    let folder = temporary_folder();
    let mut environment = service.environment();
    environment.push(("PATH".to_string(), python.path_with_plugin(folder.path(), plugin)));
    let parameters = r#"{"command":["echo from-the-node"]}"#;
    let document = ["--document-name", "AWS-StartNonInteractiveCommand", "--parameters", parameters];
    let words = ["ssm", "start-session", "--target", node_id].into_iter().chain(document);
    run(&python.aws(), words, &environment, PATIENCE)
}

#[test]
fn as_a_plugin_it_signs_with_what_the_command_line_has() {
    let Some(python) = PythonEnvironment::get() else { return };
    let service = service();
    let agent = Agent::start(&service);
    let done = session(python, &service, agent.node_id(), &program("postern"));
    assert!(done.stdout.contains("from-the-node"), "{done:#?}");

    // Without credentials of its own, the plugin has the token alone, and that is not enough here.
    let folder = temporary_folder();
    let plugin = folder.path().join("session-manager-plugin");
    std::os::unix::fs::symlink(program("postern"), &plugin).expect("the folder is writable");
    let wrapper = folder.path().join("without-credentials");
    let script =
        format!("#!/bin/sh\nunset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\nexec {} \"$@\"\n", plugin.display());
    std::fs::write(&wrapper, script).expect("the folder is writable");
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let refused = session(python, &service, agent.node_id(), &wrapper);
    assert!(!refused.stdout.contains("from-the-node"), "{refused:#?}");
    assert!(refused.stdout.contains("data channels must be signed here"), "{refused:#?}");
}
