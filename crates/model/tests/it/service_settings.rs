//! What the operations on service settings take and refuse.

use postern_model::service_setting::*;
use postern_model::{ApiRequest, decode};
use serde_json::json;

#[track_caller]
fn refuses<R: ApiRequest>(body: &serde_json::Value, broken: &[&str]) {
    let message = decode::<R>(body.to_string().as_bytes()).err().map(|error| error.to_string()).unwrap();
    let plural = if broken.len() == 1 { "" } else { "s" };
    let expected =
        format!("ValidationException: {} validation error{plural} detected: {}", broken.len(), broken.join("; "));
    assert_eq!(message, expected, "{body}");
}

#[test]
fn constraints_of_settings() {
    let no_id = "Value null at 'settingId' failed to satisfy constraint: Member must not be null";
    let no_value = "Value null at 'settingValue' failed to satisfy constraint: Member must not be null";
    refuses::<GetServiceSettingRequest>(&json!({}), &[no_id]);
    refuses::<ResetServiceSettingRequest>(&json!({}), &[no_id]);
    refuses::<UpdateServiceSettingRequest>(&json!({}), &[no_id, no_value]);
    let short =
        "Value '' at 'settingId' failed to satisfy constraint: Member must have length greater than or equal to 1";
    refuses::<GetServiceSettingRequest>(&json!({"SettingId": ""}), &[short]);
    let long = |value: &str, at: &str, max: usize| {
        format!(
            "Value '{value}…' at '{at}' failed to satisfy constraint: Member must have length less than or equal to {max}"
        )
    };
    let (id, value) = (long(&"x".repeat(256), "settingId", 1000), long(&"y".repeat(256), "settingValue", 4096));
    refuses::<UpdateServiceSettingRequest>(
        &json!({"SettingId": "x".repeat(1001), "SettingValue": "y".repeat(4097)}),
        &[&id, &value],
    );
}

#[test]
fn settings_on_the_wire() {
    let wire = json!({"SettingId": "/ssm/x", "SettingValue": "y"});
    let update: UpdateServiceSettingRequest = decode(wire.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&update).unwrap(), wire);
    let setting = ServiceSetting {
        setting_id: "/ssm/x".to_owned(),
        setting_value: "y".to_owned(),
        last_modified_date: None,
        last_modified_user: None,
        arn: "arn:aws:ssm:eu-west-1:123456789012:servicesetting/ssm/x".to_owned(),
        status: "Default".to_owned(),
    };
    let expected = json!({"ServiceSetting": {"SettingId": "/ssm/x", "SettingValue": "y", "Status": "Default",
        "ARN": "arn:aws:ssm:eu-west-1:123456789012:servicesetting/ssm/x"}});
    assert_eq!(serde_json::to_value(GetServiceSettingResponse { service_setting: setting.clone() }).unwrap(), expected);
    let reset: ResetServiceSettingResponse = serde_json::from_value(expected).unwrap();
    assert_eq!(reset.service_setting, setting);
}

#[test]
fn defaults_are_values() {
    for setting in SETTINGS {
        assert_eq!(setting.broken_constraint(setting.default), None, "{}", setting.path);
    }
}
