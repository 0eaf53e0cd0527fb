//! Documents, parameters and what becomes of them, row by row.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::error::{ApiError, ErrorCode};

mod commands;
mod run_as;

fn given(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    pairs.iter().map(|(name, values)| ((*name).to_owned(), texts(values))).collect()
}

fn with_parameter(definition: &Value) -> SessionDocument {
    let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "parameters": {"p": definition}});
    SessionDocument::parse(&document.to_string()).unwrap()
}

#[test]
fn built_in_documents_are_documents() {
    for (name, kind, parameters) in [
        ("AWS-StartPortForwardingSession", SessionType::Port, "localPortNumber portNumber"),
        ("AWS-StartPortForwardingSessionToRemoteHost", SessionType::Port, "host localPortNumber portNumber"),
        ("AWS-StartPortForwardingSessionToSocket", SessionType::Port, "localUnixSocket portNumber"),
        ("AWS-StartSSHSession", SessionType::Port, "portNumber"),
        ("AWS-StartInteractiveCommand", SessionType::InteractiveCommands, "command"),
        (
            "AWS-StartNonInteractiveCommand",
            SessionType::NonInteractiveCommands,
            "command separateOutputStream stderrSeparatorPrefix stdoutSeparatorPrefix",
        ),
        ("Postern-CopyFiles", SessionType::FileTransfer, ""),
    ] {
        let Builtin { document, summary, .. } = builtin(name).unwrap();
        assert_eq!(summary.platform_types.len(), 3, "{name}");
        assert_eq!(document.session_type(), kind, "{name}");
        let names: Vec<_> = document.parameters().keys().map(String::as_str).collect();
        assert_eq!(names.join(" "), parameters, "{name}");
        assert!(document.description().is_some());
    }
    let copy = builtin("Postern-CopyFiles").unwrap().content;
    let error = SessionDocument::parse(copy).unwrap_err().to_string();
    assert!(error.contains("sessionType"), "an account cannot have its own: {error}");
    assert!(builtin("AWS-RunShellScript").is_none());
    assert!(builtin(DEFAULT_DOCUMENT).is_none(), "the preferences are the account's, not AWS's");
    let shell = default_shell().resolve(&BTreeMap::new(), &Preferences::default()).unwrap();
    assert_eq!(shell.session_type(), SessionType::StandardStream);
    assert_eq!(shell.preferences(), &Preferences::default());
}

#[test]
fn ports_and_hosts_are_checked() {
    let forward = &builtin("AWS-StartPortForwardingSessionToRemoteHost").unwrap().document;
    for (name, accepted, refused) in [
        ("portNumber", &["1", "80", "9999", "65535"][..], &["0", "65536", "080", "-1", "", "80 ", "80\n", "x"][..]),
        ("localPortNumber", &["0", "1", "65535"][..], &["00", "65536", ""][..]),
        (
            "host",
            &["localhost", "db.internal", "10.0.0.1", "2001:db8::1", "a_b-c.d", "fe80::1%eth0", "[::1]"][..],
            &["a", "a;b", "$(x)", "a b", "`x`", "a'b", "ä.example"][..],
        ),
    ] {
        for value in accepted {
            let resolved = forward.resolve(&given(&[(name, &[value])]), &Preferences::default()).unwrap();
            assert_eq!(resolved.parameters()[name], json!(value));
            assert_eq!(resolved.properties()[name], json!(value));
        }
        for value in refused {
            let error = forward.resolve(&given(&[(name, &[value])]), &Preferences::default()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidParameters, "{name}={value:?}");
            assert!(error.message().starts_with(&format!("A value of the parameter '{name}' must satisfy")), "{error}");
        }
    }
}

#[test]
fn parameters_have_to_be_declared_and_given() {
    let ssh = &builtin("AWS-StartSSHSession").unwrap().document;
    let message = |document: &SessionDocument, values: &[(&str, &[&str])]| {
        let error = document.resolve(&given(values), &Preferences::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidParameters);
        error.message().to_owned()
    };
    assert_eq!(message(ssh, &[("port", &["22"])]), "The document has no parameter 'port'; it has portNumber.");
    assert_eq!(message(default_shell(), &[("x", &["1"])]), "The document has no parameter 'x'; it has none.");
    assert_eq!(message(ssh, &[("portNumber", &[])]), "The parameter 'portNumber' takes exactly one value.");
    assert_eq!(message(ssh, &[("portNumber", &["22", "23"])]), "The parameter 'portNumber' takes exactly one value.");
    let command = &builtin("AWS-StartInteractiveCommand").unwrap().document;
    assert_eq!(message(command, &[]), "The document's parameter 'command' is required.");
    assert_eq!(ssh.resolve(&BTreeMap::new(), &Preferences::default()).unwrap().parameters()["portNumber"], json!("22"));
}

#[test]
fn every_kind_of_constraint_holds() {
    for (definition, accepted, refused, must) in [
        (json!({"type": "String", "allowedValues": ["a", "b"]}), &["a"][..], &["c"][..], "must be one of [a, b]"),
        (
            json!({"type": "String", "allowedPattern": "[a-z]+"}),
            &["abc"][..],
            &["abc1"][..],
            "must satisfy the regular expression [a-z]+",
        ),
        (
            json!({"type": "String", "allowedPattern": "a|b"}),
            &["b"][..],
            &["ax"][..],
            "must satisfy the regular expression a|b",
        ),
        (
            json!({"type": "String", "minChars": 2, "maxChars": "3"}),
            &["ää"][..],
            &["ä"][..],
            "must have 2 to 3 characters",
        ),
        (
            json!({"type": "StringList", "minItems": 2, "maxItems": 2}),
            &["a", "b"][..],
            &["a"][..],
            "takes 2 to 2 values",
        ),
        (
            json!({"type": "StringList", "allowedPattern": "^[0-9]$"}),
            &["1", "2"][..],
            &["1", "x"][..],
            "must satisfy the regular expression ^[0-9]$",
        ),
        (json!({"type": "StringMap"}), &[r#"{"a": 1}"#][..], &["[]"][..], "must be a JSON object"),
    ] {
        let document = with_parameter(&definition);
        assert!(document.resolve(&given(&[("p", accepted)]), &Preferences::default()).is_ok(), "{definition}");
        let error = document.resolve(&given(&[("p", refused)]), &Preferences::default()).unwrap_err();
        assert!(error.message().ends_with(&format!("{must}.")), "{definition}: {error}");
        assert!(!error.message().contains("abc1"), "the value is not repeated");
    }
}

#[test]
fn values_have_the_parameters_type() {
    let list = with_parameter(&json!({"type": "StringList"}));
    assert_eq!(
        list.resolve(&given(&[("p", &["a", "b"])]), &Preferences::default()).unwrap().parameters()["p"],
        json!(["a", "b"])
    );
    let map = with_parameter(&json!({"type": "StringMap"}));
    assert_eq!(
        map.resolve(&given(&[("p", &[r#"{"a": 1}"#])]), &Preferences::default()).unwrap().parameters()["p"],
        json!({"a": 1})
    );
    let text = with_parameter(&json!({"type": "String"}));
    assert_eq!(text.resolve(&given(&[("p", &["1"])]), &Preferences::default()).unwrap().parameters()["p"], json!("1"));
}

#[test]
fn what_is_no_session_document_is_refused_with_the_place() {
    for (document, message) in [
        (json!([]), "the document is not an object"),
        (json!({}), "'schemaVersion' in the document must be the text 1.0"),
        (json!({"schemaVersion": 1.0}), "'schemaVersion' in the document must be the text 1.0"),
        (json!({"schemaVersion": "2.2"}), "2.2 is not a valid schema version for Session document type"),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Port", "input": {}}),
            "'input' is not a member of such a document",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"s3Bucketname": "b"}}),
            "'inputs.s3Bucketname' is not a member of such a document",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"shellProfile": {"macos": ""}}}),
            "'inputs.shellProfile.macos' is not a member of such a document",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
                   "inputs": {"shellProfile": {"linux": "x".repeat(513)}}}),
            "'inputs.shellProfile.linux' in the document must be a text of at most 512 characters",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands", "parameters": {"name": {"type": "String"}},
                   "properties": {"linux": {"commands": "echo {{ name }} {{ ssm:x }} {{ nmae }}"}}}),
            "Parameter \"nmae\" is not declared.",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"s3KeyPrefix": "{{ who }}"}}),
            "Parameter \"who\" is not declared.",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "NonInteractiveCommands",
                   "properties": {"linux": {"commands": "id", "separateOutputStream": "yes"}}}),
            "'properties.linux.separateOutputStream' in the document must be true or false",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "NonInteractiveCommands",
                   "properties": {"linux": {"commands": "id", "stdErrSeparatorPrefix": "<err>"}}}),
            "'properties.linux.stdErrSeparatorPrefix' in the document must be up to 30 letters, digits, line ends or any of _ : -",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands",
                   "properties": {"windows": {"commands": "id", "runAsElevated": 1}}}),
            "'properties.windows.runAsElevated' in the document must be true or false",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Shell"}),
            "'sessionType' in the document must be Standard_Stream, InteractiveCommands, NonInteractiveCommands or Port",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Port", "properties": {"portNumber": 22}}),
            "'properties.portNumber' in the document must be a text that is not empty",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Port", "properties": {"portNumber": "22", "host": 1}}),
            "'properties.host' in the document must be a text, numbers too",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands"}),
            "'properties' in the document must be an object with linux, macos or windows",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands", "properties": {"linux": {"commands": " "}}}),
            "'properties.linux.commands' in the document must be a text that is not blank",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"runAsEnabled": "yes"}}),
            "'inputs.runAsEnabled' in the document must be true or false",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": "61"}}),
            "'inputs.idleSessionTimeout' in the document must be a number of minutes from 1 to 60",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "parameters": {"a-b": {"type": "String"}}}),
            "'parameters' in the document must be an object whose names are letters and digits",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "parameters": {"p": {"type": "Integer"}}}),
            "'parameters.p.type' in the document must be String, StringList or StringMap",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
                   "parameters": {"p": {"type": "String", "default": 80}}}),
            "'parameters.p.default' in the document must be of the parameter's type",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
                   "parameters": {"p": {"type": "String", "allowedPattern": "(?=a)"}}}),
            "the allowedPattern of the parameter 'p' is too large, or not a regular expression without look-around or \
             references",
        ),
        (
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
                   "parameters": {"p": {"type": "String", "allowedPattern": "a)(b"}}}),
            "the allowedPattern of the parameter 'p' is too large, or not a regular expression without look-around or \
             references",
        ),
    ] {
        assert_eq!(SessionDocument::parse(&document.to_string()).unwrap_err().to_string(), message, "{document}");
    }
    let huge = format!("{{\"description\": \"{}\"}}", "x".repeat(MAX_DOCUMENT_BYTES));
    assert_eq!(SessionDocument::parse(&huge).unwrap_err(), DocumentError::TooLarge);
    let error = ApiError::from(DocumentError::NotAnObject);
    assert_eq!(error.code(), ErrorCode::InvalidDocument);
}

#[test]
fn a_costly_pattern_is_refused_and_a_nasty_one_is_linear() {
    let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "parameters": {"p": {"type": "String", "allowedPattern": "((a{1000}){1000}){1000}"}}});
    assert!(matches!(SessionDocument::parse(&document.to_string()), Err(DocumentError::Pattern(_))));
    let document = with_parameter(&json!({"type": "String", "allowedPattern": "(a+)+"}));
    assert!(
        document.resolve(&given(&[("p", &[&format!("{}b", "a".repeat(20_000))])]), &Preferences::default()).is_err()
    );
}

#[test]
fn patterns_share_a_budget_and_so_do_the_values_of_a_call() {
    let definition = json!({"type": "StringList", "allowedPattern": "(.{99}){45}"});
    let parameters: serde_json::Map<_, _> = (0..900).map(|at| (format!("p{at}"), definition.clone())).collect();
    let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "parameters": parameters});
    let error = SessionDocument::parse(&document.to_string()).unwrap_err();
    assert!(matches!(error, DocumentError::TooManyPatterns(_)), "{error}");

    let too_long = "A value of the parameter 'p' is too long to be compared with what is allowed.";
    let document = with_parameter(&json!({"type": "String", "allowedPattern": ".*.{0,1700}b"}));
    let resolve = |values: &[&str]| document.resolve(&given(&[("p", values)]), &Preferences::default());
    assert!(resolve(&["ab"]).is_ok());
    assert_eq!(resolve(&[&"a".repeat(65_535)]).unwrap_err().message(), too_long);
    let document = with_parameter(&json!({"type": "StringList", "allowedValues": vec![""; 9000]}));
    assert_eq!(
        document.resolve(&given(&[("p", &[""; 100_000])]), &Preferences::default()).unwrap_err().message(),
        too_long
    );
}

#[test]
fn preferences_are_read_tolerantly_and_written_as_a_node_wants_them() {
    for (written, read) in [
        (json!(true), true),
        (json!("true"), true),
        (json!("1"), true),
        (json!("T"), true),
        (json!(false), false),
        (json!("False"), false),
        (json!(""), false),
        (json!(null), false),
    ] {
        let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
            "inputs": {"cloudWatchStreamingEnabled": written, "runAsEnabled": written}});
        let document = SessionDocument::parse(&document.to_string()).unwrap();
        let preferences = document.resolve(&BTreeMap::new(), &Preferences::default()).unwrap().preferences().clone();
        assert_eq!((preferences.cloud_watch_streaming_enabled, preferences.run_as_enabled), (read, read));
    }
    let inputs = json!({"idleSessionTimeout": 5, "maxSessionDuration": "1440", "shellProfile": {"linux": "exec bash"}});
    let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs});
    let document = SessionDocument::parse(&document.to_string()).unwrap();
    let preferences = document.resolve(&BTreeMap::new(), &Preferences::default()).unwrap().preferences().clone();
    assert_eq!((preferences.idle_session_timeout, preferences.max_session_duration), (5, Some(1440)));
    assert_eq!(preferences.shell_profile.linux, "exec bash");
}

#[test]
fn preferences_may_hold_placeholders() {
    let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"runAsEnabled": "{{ p }}", "s3KeyPrefix": "logs/{{ p }}"},
        "parameters": {"p": {"type": "String"}}});
    let document = SessionDocument::parse(&document.to_string()).unwrap();
    let preferences =
        document.resolve(&given(&[("p", &["true"])]), &Preferences::default()).unwrap().preferences().clone();
    assert_eq!((preferences.run_as_enabled, preferences.s3_key_prefix.as_str()), (true, "logs/true"));
    let error = document.resolve(&given(&[("p", &["perhaps"])]), &Preferences::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidDocument);
}

#[test]
fn placeholders_become_values() {
    let parameters = BTreeMap::from([
        ("a".to_owned(), json!("A")),
        ("list".to_owned(), json!(["x", "y"])),
        ("tricky".to_owned(), json!("{{ a }} $$ \\1")),
    ]);
    for (template, expected) in [
        (json!("{{ a }}"), json!("A")),
        (json!("{{a}}"), json!("A")),
        (json!("-{{ a }}{{  a}}-"), json!("-AA-")),
        (json!("{{ list }}"), json!(["x", "y"])),
        (json!(" {{ list }}"), json!(" [\"x\",\"y\"]")),
        (json!("{{ tricky }}"), json!("{{ a }} $$ \\1")),
        (json!("{{ tricky }}{{ a }}"), json!("{{ a }} $$ \\1A")),
        (json!("{{ unknown }}{{ a }}"), json!("{{ unknown }}A")),
        (json!("{{ssm:name}} {{ a b }} {{}} {{{ a }}}"), json!("{{ssm:name}} {{ a b }} {{}} {A}")),
        (json!("{{ a"), json!("{{ a")),
        (json!({"k": ["{{ a }}", 1, null, true]}), json!({"k": ["A", 1, null, true]})),
    ] {
        assert_eq!(interpolate(&template, &parameters), Ok(expected), "{template}");
    }
}

/// Capture 01, the first message to an agent, with our own description and boolean defaults.
#[test]
fn a_start_message_is_the_one_agents_know() {
    let start = SessionStart {
        document_name: "SSM-SessionManagerRunShell",
        session_id: "tester-0886922a8af34e9a8",
        run_as_user: "",
        session_owner: "arn:aws:iam::123456789012:user/tester",
    };
    let resolved = default_shell().resolve(&BTreeMap::new(), &Preferences::default()).unwrap();
    assert_eq!(
        resolved.start_content(&start),
        json!({
            "DocumentName": "SSM-SessionManagerRunShell",
            "DocumentContent": {
                "schemaVersion": "1.0",
                "description": "Document to hold regional settings for Session Manager",
                "sessionType": "Standard_Stream",
                "inputs": {
                    "s3BucketName": "", "s3KeyPrefix": "", "s3EncryptionEnabled": false,
                    "cloudWatchLogGroupName": "", "cloudWatchEncryptionEnabled": false,
                    "cloudWatchStreamingEnabled": false, "kmsKeyId": "", "runAsEnabled": false,
                    "runAsDefaultUser": "", "idleSessionTimeout": "20", "maxSessionDuration": "",
                    "shellProfile": {"windows": "", "linux": ""}
                },
                "parameters": {},
                "properties": {}
            },
            "SessionId": "tester-0886922a8af34e9a8",
            "Parameters": {},
            "RunAsUser": "",
            "SessionOwner": "arn:aws:iam::123456789012:user/tester"
        })
    );
}

/// Capture 03: the placeholders go to the node, and the values beside them as plain texts.
#[test]
fn a_start_message_leaves_placeholders_to_the_node() {
    let document = &builtin("AWS-StartPortForwardingSession").unwrap().document;
    let resolved = document
        .resolve(&given(&[("portNumber", &["7007"]), ("localPortNumber", &["17007"])]), &Preferences::default())
        .unwrap();
    let start = SessionStart { document_name: "d", session_id: "s", run_as_user: "", session_owner: "o" };
    let content = resolved.start_content(&start);
    assert_eq!(content["Parameters"], json!({"portNumber": "7007", "localPortNumber": "17007"}));
    assert_eq!(
        content["DocumentContent"]["properties"],
        json!({"portNumber": "{{ portNumber }}", "localPortNumber": "{{ localPortNumber }}", "type": "LocalPortForwarding"})
    );
    assert_eq!(
        *resolved.properties(),
        json!({"portNumber": "7007", "localPortNumber": "17007", "type": "LocalPortForwarding"})
    );
}

/// As the CLI's users write it, and stock agents take it: capture 05 has `separateOutputStream=True`.
#[test]
fn output_streams_are_kept_apart_in_either_spelling() {
    let document = &builtin("AWS-StartNonInteractiveCommand").unwrap().document;
    for (value, taken) in [("true", true), ("True", true), ("false", true), ("False", true), ("yes", false)] {
        let given = [("command", "id"), ("separateOutputStream", value)];
        let given = given.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).into();
        assert_eq!(document.resolve(&given, &Preferences::default()).is_ok(), taken, "{value}");
    }
}

#[test]
fn a_document_does_not_multiply_its_parameters_without_end() {
    let many = "{{p}}".repeat(5000);
    let command = json!({"linux": {"commands": many}});
    for (inputs, kind, properties) in
        [(json!({"s3KeyPrefix": many}), "Standard_Stream", json!({})), (json!({}), "InteractiveCommands", command)]
    {
        let document = json!({"schemaVersion": "1.0", "sessionType": kind, "inputs": inputs, "properties": properties,
                              "parameters": {"p": {"type": "String"}}});
        let document = SessionDocument::parse(&document.to_string()).unwrap();
        let resolve = |value: &str| document.resolve(&given(&[("p", &[value])]), &Preferences::default());
        assert!(resolve(&"x".repeat(200)).is_ok(), "{kind}");
        let error = resolve(&"x".repeat(10_000)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidParameters);
        let message = "The session can not start: the parameters put more than 1048576 bytes into the document.";
        assert_eq!(error.message(), message);
    }
}
