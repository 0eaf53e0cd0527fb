//! The independent client `ssm-session` (npm) gets a shell, with all its habits.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use postern_testkit::{Agent, PythonEnvironment, Scheme, Service, npm_folder, run};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_independent_client_gets_a_shell() {
    let (Some(npm), Some(python)) =
        (npm_folder("ssm-session", &["ssm-session@1.0.6", "ws@8.18.0"]), PythonEnvironment::get())
    else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let started = run(
        &python.python(),
        [
            "-c",
            "import sys, json, boto3; s = boto3.client('ssm').start_session(Target=sys.argv[1]); \
             print(json.dumps([s['StreamUrl'], s['TokenValue']]))",
            agent.node_id(),
        ],
        &service.environment(),
        PATIENCE,
    )
    .expect_success("start_session");
    let started: Vec<String> = serde_json::from_str(&started.stdout).expect("JSON was printed");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ssm_session.mjs");
    let done = Command::new("node").arg(script).args(&started).current_dir(npm).output().expect("node runs: npm did");
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}
