//! What documents say about the users that sessions run as.

use crate::document::*;
use crate::node::PlatformType;

use super::{BTreeMap, Value, given, json};

/// A stock agent runs `id <name>` in a shell, as root.
#[test]
fn a_user_to_run_as_is_a_name_and_nothing_more() {
    let document = |user: &str| {
        let inputs = json!({"runAsEnabled": true, "runAsDefaultUser": user});
        let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs});
        SessionDocument::parse(&document.to_string())
    };
    for user in ["", "a", "_svc", "Jane.Doe-2", "jane@corp.example", &"u".repeat(64)] {
        assert!(document(user).is_ok(), "{user:?}");
    }
    for user in ["-a", "1st", "a b", "a;b", "$(id)", "a\nb", "`id`", "../root", "jané", &"u".repeat(65)] {
        assert!(document(user).is_err(), "{user:?}");
    }
    let chosen = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"runAsEnabled": true, "runAsDefaultUser": "{{ user }}"},
        "parameters": {"user": {"type": "String"}}});
    let chosen = SessionDocument::parse(&chosen.to_string()).unwrap();
    assert!(chosen.resolve(&given(&[("user", &["jane"])]), &Preferences::default()).is_ok());
    assert!(chosen.resolve(&given(&[("user", &["jane; id"])]), &Preferences::default()).is_err());
}

fn with_own(own: &Value) -> Result<SessionDocument, DocumentError> {
    let inputs = json!({"runAsEnabled": true, "runAsDefaultUser": "jane", "postern": own});
    SessionDocument::parse(
        &json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}).to_string(),
    )
}

#[test]
fn our_own_preferences_reach_the_node_as_they_were_written() {
    let own = json!({"runAs": {"allowRoot": "true", "createUser": true, "groups": ["docker", "Ops_2"],
        "sudo": "ALL=(ALL) NOPASSWD: ALL", "removeUser": true, "removeHome": false}});
    let document = with_own(&own).unwrap();
    let resolved = document.resolve(&BTreeMap::new(), &Preferences::default()).unwrap();
    let run_as = &resolved.preferences().postern.run_as;
    assert!(run_as.allow_root && run_as.create_user && run_as.remove_user && !run_as.remove_home);
    let start = SessionStart { document_name: "d", session_id: "s", run_as_user: "", session_owner: "o" };
    let inputs = resolved.start_content(&start)["DocumentContent"]["inputs"].clone();
    let mut expected = own;
    expected["runAs"]["allowRoot"] = json!(true);
    assert_eq!(inputs["postern"], expected);
    let read_again = OwnPreferences::parse(inputs.as_object().unwrap()).unwrap();
    assert_eq!(read_again, resolved.preferences().postern);
    for nothing in [json!(null), json!({}), json!({"runAs": {}}), json!({"runAs": {"sudo": "", "groups": []}})] {
        let document = with_own(&nothing).unwrap();
        let resolved = document.resolve(&BTreeMap::new(), &Preferences::default()).unwrap();
        assert_eq!(resolved.start_content(&start)["DocumentContent"]["inputs"].get("postern"), None, "{nothing}");
    }
}

#[test]
fn our_own_preferences_are_checked_and_take_no_parameters() {
    let created = |name: &str, value: Value| {
        let mut run_as = json!({"createUser": true});
        run_as[name] = value;
        json!({"runAs": run_as})
    };
    for (own, fault) in [
        (json!("x"), "'inputs.postern' in the document must be an object"),
        (json!({"runas": {}}), "'inputs.postern.runas' is not a member of such a document"),
        (json!({"runAs": []}), "'inputs.postern.runAs' in the document must be an object"),
        (
            json!({"runAs": {"createUsers": true}}),
            "'inputs.postern.runAs.createUsers' is not a member of such a document",
        ),
        (
            json!({"runAs": {"allowRoot": "yes"}}),
            "'inputs.postern.runAs.allowRoot' in the document must be true or false",
        ),
        (
            created("sudo", json!("{{ rule }}")),
            "'inputs.postern' in the document must be written out, without parameters",
        ),
        (
            created("groups", json!("docker")),
            "'inputs.postern.runAs.groups' in the document must be a list of at most 16",
        ),
        (
            created("groups", json!(["a b"])),
            "'inputs.postern.runAs.groups' in the document must be a list of at most 16",
        ),
        (
            created("groups", json!(vec!["g"; 17])),
            "'inputs.postern.runAs.groups' in the document must be a list of at most",
        ),
        (
            created("sudo", json!("ALL")),
            "'inputs.postern.runAs.sudo' in the document must be a line of sudoers without",
        ),
        (
            json!({"runAs": {"groups": ["docker"]}}),
            "'inputs.postern.runAs.createUser' in the document must be true where",
        ),
        (
            json!({"runAs": {"removeUser": true}}),
            "'inputs.postern.runAs.createUser' in the document must be true where",
        ),
        (created("removeHome", json!(true)), "'inputs.postern.runAs.removeUser' in the document must be true where"),
    ] {
        let error = with_own(&own).unwrap_err().to_string();
        assert!(error.starts_with(fault), "{own}: {error}");
    }
}

#[test]
fn a_sudo_rule_is_about_its_user_and_in_one_line() {
    for rule in [
        "ALL=(ALL) NOPASSWD: ALL",
        "ALL=(root) /usr/bin/systemctl restart web, /usr/bin/id",
        "ALL= NOPASSWD: /bin/ls \\\\x",
    ] {
        assert!(rule.parse::<SudoRule>().is_ok(), "{rule:?}");
    }
    for rule in [
        "",
        "ALL",
        "ALL=",
        "ALL= ",
        ", other ALL=(ALL) ALL",
        " ALL=(ALL) ALL",
        "ALL=(ALL) ALL\nother ALL=(ALL) ALL",
        "ALL=(ALL) ALL\\",
        "ALL=(ALL)\tALL",
        "ALL=(ALL) /bin/é",
        &format!("ALL={}", "x".repeat(509)),
    ] {
        assert!(rule.parse::<SudoRule>().is_err(), "{rule:?}");
    }
}

#[test]
fn elevation_is_a_commands_and_by_platform() {
    let document = |kind: &str| {
        let properties = json!({"linux": {"commands": "id", "runAsElevated": "{{ p }}"}, "macos": {"commands": "id"}});
        let document = json!({"schemaVersion": "1.0", "sessionType": kind, "properties": properties,
            "parameters": {"p": {"type": "String"}}});
        SessionDocument::parse(&document.to_string()).unwrap()
    };
    for (kind, value, expected) in [
        ("InteractiveCommands", "true", [true, false, false]),
        ("NonInteractiveCommands", "1", [true, false, false]),
        ("NonInteractiveCommands", "False", [false; 3]),
        ("Standard_Stream", "true", [false; 3]),
    ] {
        let document = document(kind);
        let resolved = document.resolve(&given(&[("p", &[value])]), &Preferences::default()).unwrap();
        let found =
            [PlatformType::Linux, PlatformType::MacOS, PlatformType::Windows].map(|on| resolved.is_elevated_on(on));
        assert_eq!(found, expected, "{kind} {value}");
    }
}
