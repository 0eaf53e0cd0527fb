//! Keys and logs through boto3.

use postern_testkit::{PythonEnvironment, Scheme, Service, run};

use crate::{PATIENCE, expect_shown, script};

#[test]
fn a_boto3_script_uses_keys_and_logs() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let behaviours = [
        "keys are made and named, texts and data keys encrypted and decrypted",
        "log groups are made, written, read, searched",
    ];
    expect_shown(&behaviours, ("boto3", python.version("boto3")), || {
        run(&python.python(), [script("keys_and_logs.py")], &service.environment(), PATIENCE)
    });
    assert!(!service.log().contains("hunter"), "what is encrypted or printed in sessions never reaches a log");
}
