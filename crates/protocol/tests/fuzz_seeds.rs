//! Every decoder of this crate under fuzzing; `fuzz/seeds.rs` says how.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
#[path = "../../../fuzz/seeds.rs"]
mod seeds;
mod targets;

fuzz_tests![
    data_channel * 4,
    frame * 4,
    header * 4,
    multiplexer * 4,
    open * 4,
    relay * 4,
    transfer * 4,
    websocket_client * 4,
    websocket_server * 4,
    payload_acknowledge,
    payload_agent_job,
    payload_agent_job_ack,
    payload_agent_job_reply,
    payload_agent_job_reply_ack,
    payload_agent_session_state,
    payload_channel_closed,
    payload_enc_challenge,
    payload_exit_code,
    payload_flag,
    payload_handshake_complete,
    payload_handshake_request,
    payload_handshake_response,
    payload_interactive_shell,
    payload_size,
    payload_task_acknowledge,
    payload_task_complete,
];
