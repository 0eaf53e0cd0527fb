//! Keys and logs that are somebody else's, through stock clients that know only us.

use std::path::Path;

use postern_testkit::{Behaviour, Moto, PythonEnvironment, run};

use crate::{PATIENCE, aws, endpoint, passing_on_to};

/// What both tests show with their client.
fn shown_with(client: &str, version: &str) -> [Behaviour; 2] {
    let behaviours = [
        "keys of a KMS that requests are passed on to",
        "log groups of a CloudWatch Logs that requests are passed on to",
    ];
    behaviours.map(|name| Behaviour::of(name, &[(client, version)]))
}

#[test]
fn boto3_uses_the_keys_and_logs_of_another_service() {
    let Some(python) = PythonEnvironment::get() else { return };
    let Some(moto) = Moto::checking_signatures(&python.aws()) else { return };
    let service = passing_on_to(&endpoint(&moto), moto.access_key());
    let shown = shown_with("boto3", python.version("boto3"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream/keys_and_logs.py");
    run(&python.python(), [script], &service.environment(), PATIENCE).expect_success("the script");
    let log = service.log();
    assert!(!log.contains("hunter"), "what is encrypted or printed in sessions never reaches a log:\n{log}");
    let (id, secret) = moto.access_key();
    assert!(!log.contains(secret) && !log.contains(id), "nor do credentials:\n{log}");
    shown.into_iter().for_each(Behaviour::holds);
}

#[test]
fn the_aws_cli_sees_what_another_service_has() {
    let Some(python) = PythonEnvironment::get() else { return };
    let (program, version) = (python.aws(), python.version("awscli"));
    let Some(moto) = Moto::checking_signatures(&program) else { return };
    let service = passing_on_to(&endpoint(&moto), moto.access_key());
    let shown = shown_with("aws", version);
    let prints = |words: &str| aws(&program, &service, words).expect_success(words).stdout.trim().to_owned();

    let key = prints("kms create-key --description theirs --query KeyMetadata.Arn --output text");
    let seen = moto.aws(&program, ["kms", "describe-key", "--key-id", &key, "--query", "KeyMetadata.Description"]);
    assert_eq!(seen.expect_success("describe-key").stdout.trim(), "\"theirs\"", "it is there, and not here");
    let context = "--encryption-context aws:ssm:SessionId=jane-1,aws:ssm:TargetId=mi-0";
    let made = prints(&format!(
        "kms generate-data-key --key-id {key} --number-of-bytes 64 {context} --query CiphertextBlob --output text"
    ));
    std::fs::write(service.folder().join("blob"), decoded(&made)).expect("the folder is writable");
    let blob = format!("fileb://{}", service.folder().join("blob").display());
    let opened = prints(&format!("kms decrypt --ciphertext-blob {blob} {context} --query Plaintext --output text"));
    assert_eq!(decoded(&opened).len(), 64);
    let other = format!("kms decrypt --ciphertext-blob {blob} --encryption-context aws:ssm:SessionId=jane-2");
    let refused = aws(&program, &service, &other);
    assert!(refused.stderr.contains("(InvalidCiphertextException)"), "{refused:#?}");

    prints("logs create-log-group --log-group-name /theirs");
    prints("logs put-retention-policy --log-group-name /theirs --retention-in-days 90");
    let words = ["logs", "describe-log-groups", "--query", "logGroups[].retentionInDays", "--output", "text"];
    assert_eq!(moto.aws(&program, words).expect_success("describe-log-groups").stdout.trim(), "90");
    shown.into_iter().for_each(Behaviour::holds);
}

fn decoded(base64: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(base64).expect("bytes are printed as base64")
}
