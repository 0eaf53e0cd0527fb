//! Sessions encrypted from end to end: what the agent asks for, what it accepts, and what is readable on the way.

use super::*;

fn encrypted(session_type: &str, properties: &Value) -> Value {
    let mut document = document(session_type, properties);
    document["inputs"] = json!({"kmsKeyId": "alias/sessions"});
    document
}

fn start_with_key(document: Value, ciphertext: &'static str) -> Running {
    let mut running = start(document, ours());
    running.client.ciphertext = Some(ciphertext);
    running
}

#[tokio::test]
async fn a_shell_speaks_through_the_cipher_and_nobody_else_reads_it() {
    let commands = "stty size; read line; echo got-$line; exit 5";
    let mut running = start_with_key(encrypted("InteractiveCommands", &json!({"commands": commands})), "sealed");
    running.client.until_output("33 91").await;
    running.client.type_text("secret\n");
    let (client, end) = running.end().await;
    assert!(client.output().contains("got-secret"), "{:?}", client.output());
    assert_eq!((client.exit_code, end), (Some(5), End::Finished));
    assert_eq!(client.message, "This session is encrypted using AWS KMS.");
    let readable = |needle: &[u8]| client.frames.windows(needle.len()).any(|window| window == needle);
    assert!(readable(b"KMSEncryption") && !readable(b"got-secret") && !readable(b"EXIT_CODE"));
}

#[tokio::test]
async fn the_streams_of_a_command_are_encrypted_each() {
    let properties = json!({"commands": "sh -c 'echo out; echo err >&2; exit 9'", "separateOutputStream": true});
    let (client, end) = start_with_key(encrypted("NonInteractiveCommands", &properties), "sealed").end().await;
    assert_eq!((client.stdout.as_slice(), client.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!((client.exit_code, end), (Some(9), End::Finished));
}

#[tokio::test]
async fn without_the_right_key_there_is_no_session() {
    let document = || encrypted("InteractiveCommands", &json!({"commands": "echo never"}));
    let cases = [
        (Some("foreign"), [7; 64], "InvalidCiphertextException"),
        (Some("sealed"), [8; 64], "another key"),
        (None, KEY, "KMSEncryption"),
    ];
    for (ciphertext, key, wanted) in cases {
        let mut running = start(document(), ours());
        (running.client.ciphertext, running.client.data_key) = (ciphertext, key);
        let (client, end) = running.end().await;
        let End::Failed(reason) = end else { panic!("{end:?}") };
        assert!(reason.contains(wanted), "{wanted:?} is not in {reason:?}");
        assert_eq!(client.output(), "");
    }
}

#[tokio::test]
async fn input_that_was_changed_on_its_way_ends_the_session() {
    let mut running = start_with_key(encrypted("InteractiveCommands", &json!({"commands": "cat"})), "sealed");
    running.client.until("the session begins", |client| client.has_begun).await;
    // As whoever sits in between could send it: the right form, the wrong key.
    let stranger = SessionCipher::new(Role::Client, &[9; 64], [0; 12]).unwrap();
    running.client.channel.encrypt(stranger);
    running.client.type_text("rm -rf /\n");
    let (client, end) = running.end().await;
    assert!(matches!(&end, End::Failed(reason) if reason.contains("cannot be opened")), "{end:?}");
    assert_eq!(client.output(), "");
}
