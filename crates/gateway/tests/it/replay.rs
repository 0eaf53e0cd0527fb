//! Captures of AWS's own agent, plugin and CLI, replayed against the service: a table says of each what cannot be.

mod capture;
mod http;
mod left_out;
mod leg;
mod stage;

use std::collections::BTreeSet;

use capture::Line;
use left_out::LeftOut::{self, MadeUp, Over, Refusal, RunCommand, S3, Stray};
use stage::Stage;

/// Makes a test of each scene, and a table of all.
macro_rules! scenes {
    ($($name:ident: $file:literal, left out: [$($reason:ident),*];)+) => {
        const SCENES: &[&str] = &[$($file),+];

        $(
            #[tokio::test]
            async fn $name() {
                plays($file, &[$($reason),*]).await;
            }
        )+
    };
}

scenes! {
    register_and_shell: "01-register-and-shell.jsonl", left out: [];
    reconnect: "02-reconnect.jsonl", left out: [];
    port_forward: "03-port-forward.jsonl", left out: [];
    port_forward_terminate: "03-port-forward-terminate.jsonl", left out: [MadeUp, Stray];
    interactive_command: "04-interactive-command.jsonl", left out: [];
    noninteractive_command: "05-noninteractive-command.jsonl", left out: [];
    run_command: "06-run-command.jsonl", left out: [RunCommand];
    s3_log: "07-s3-log.jsonl", left out: [S3];
    cwl_nonstreaming: "08-cwl-nonstreaming.jsonl", left out: [];
    cwl_streaming: "09-cwl-streaming.jsonl", left out: [];
    terminate_api: "10-terminate-api.jsonl", left out: [];
    duplicate_start: "11-duplicate-start.jsonl", left out: [MadeUp, Over];
    channel_closed_variants: "12-channel-closed-variants.jsonl", left out: [MadeUp, Stray];
    pause_start: "13-pause-start.jsonl", left out: [MadeUp, Stray];
    kms: "14-kms.jsonl", left out: [];
    runas_default: "15-runas-default.jsonl", left out: [Stray];
    runas_tag: "16-runas-tag.jsonl", left out: [Stray];
    runas_missing: "17-runas-missing.jsonl", left out: [Stray];
    runas_empty: "18-runas-empty.jsonl", left out: [Stray];
    shellprofile: "19-shellprofile.jsonl", left out: [Stray];
    cwl_unencrypted: "20-cwl-unencrypted.jsonl", left out: [];
    s3_unencrypted: "21-s3-unencrypted.jsonl", left out: [S3, Stray];
    restart: "22-restart.jsonl", left out: [Over];
    servicedomain_rotation: "23-servicedomain-rotation.jsonl", left out: [];
    errors: "24-errors.jsonl", left out: [Refusal];
    uii_denied: "25-uii-denied.jsonl", left out: [Refusal];
    cc_denied_then_ok: "26-cc-denied-then-ok.jsonl", left out: [Refusal];
    zero_config_hosts_ca: "27-zero-config-hosts-ca.jsonl", left out: [];
    ssh_session: "28-ssh-session.jsonl", left out: [MadeUp, Stray];
    agent_restart_with_session: "29-agent-restart-with-session.jsonl", left out: [];
    container_mode: "30-container-mode.jsonl", left out: [];
}

async fn plays(file: &str, left_out: &[LeftOut]) {
    let played = Stage::build().await.play(file).await;
    assert_eq!(played.left_out, left_out.iter().copied().collect());
    assert!(played.requests + played.frames > 0, "{played:?}");
    let speaks = |line: &Line| matches!(line, Line::Frame(frame) if frame.dir == "client->server");
    assert_eq!(capture::read(file).iter().any(speaks), played.relayed > 0, "{played:?}");
}

#[test]
fn every_capture_is_a_scene() {
    let files: BTreeSet<String> = std::fs::read_dir(capture::folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".jsonl"))
        .collect();
    assert_eq!(files, SCENES.iter().map(|&file| file.to_owned()).collect());
}
