//! What whoever sends a document is told, and command documents row by row.

use serde_json::{Value, json};

use super::super::*;
use crate::error::ErrorCode;

/// The codes and sentences for whoever sends a document, with the place to look at.
#[test]
fn a_refused_document_says_where() {
    for (document_type, text, code, message) in [
        (
            DocumentType::Session,
            "schemaVersion: '2.0'\n",
            ErrorCode::InvalidDocumentSchemaVersion,
            "2.0 is not a valid schema version for Session document type at Line: 1, Column: 1",
        ),
        (
            DocumentType::Session,
            "schemaVersion: '1.0'\nsessionType: Standard_Stream\ninputs:\n  idleSessionTimeout: 99\n",
            ErrorCode::InvalidDocumentContent,
            "'inputs.idleSessionTimeout' in the document must be a number of minutes from 1 to 60 at Line: 4, Column: 3",
        ),
        (
            DocumentType::Session,
            "schemaVersion: '1.0'\nsessionType: Standard_Stream\nparameters:\n  p: {type: String, allowedPattern: '('}\n",
            ErrorCode::InvalidDocumentContent,
            "the allowedPattern of the parameter 'p' is too large, or not a regular expression without look-around or references at \
             Line: 4, Column: 21",
        ),
        (
            DocumentType::Command,
            "schemaVersion: '1.0'\n",
            ErrorCode::InvalidDocumentSchemaVersion,
            "1.0 is not a valid schema version for Command document type at Line: 1, Column: 1",
        ),
        (
            DocumentType::Command,
            "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: a b\n",
            ErrorCode::InvalidDocumentContent,
            "'mainSteps[0].name' in the document must be 1 to 128 letters, digits or any of _ - . : at Line: 4, Column: 3",
        ),
    ] {
        let content = Content::parse(text, DocumentFormat::Yaml).unwrap();
        let error = check(&content, document_type).unwrap_err().refuse(Some(&content));
        assert_eq!((error.code(), error.message()), (code, message), "{text}");
    }
    let error = DocumentError::TooLarge.refuse(None);
    assert_eq!(error.code(), ErrorCode::MaxDocumentSizeExceeded);
    assert_eq!(DocumentError::Format(DocumentFormat::Text).refuse(None).code(), ErrorCode::ValidationException);
}

#[test]
fn command_documents_are_checked() {
    let step = json!({"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["{{ commands }}"]}});
    let good = |schema: &str, steps: &Value| json!({"schemaVersion": schema, "mainSteps": steps});
    let with =
        |definition: Value| json!({"schemaVersion": "2.2", "parameters": {"p": definition}, "mainSteps": [step]});
    let read = |document: &Value| {
        let content = Content::parse(&document.to_string(), DocumentFormat::Json).unwrap();
        check(&content, DocumentType::Command).map_err(|error| error.to_string())
    };
    for schema in ["2.0", "2.2"] {
        let summary = read(&good(schema, &json!([step]))).unwrap();
        assert_eq!((summary.schema_version.as_str(), summary.platform_types.len()), (schema, 2), "no shell on Windows");
    }
    let both = json!([step, {"action": "aws:runPowerShellScript", "name": "other"}]);
    assert_eq!(read(&good("2.2", &both)).unwrap().platform_types.len(), 3);
    let old = json!({"schemaVersion": "1.2", "description": "d", "parameters": {},
                     "runtimeConfig": {"aws:runShellScript": {"properties": [{"id": "0", "runCommand": ["id"]}]}}});
    assert_eq!(read(&old).unwrap().description.as_deref(), Some("d"));
    for definition in [
        json!({"type": "StringList", "default": ["a"]}),
        json!({"type": "StringList", "default": "a"}),
        json!({"type": "Boolean", "default": "true", "allowedValues": ["true", "false"]}),
        json!({"type": "Integer", "default": 3}),
        json!({"type": "MapList", "default": [{}]}),
        json!({"type": "StringMap", "default": {}}),
        json!({"type": "String", "allowedPattern": "(?!x)", "default": null}),
    ] {
        assert!(read(&with(definition.clone())).is_ok(), "{definition}");
    }
    let summary = read(&with(json!({"type": "StringList", "description": "d", "default": ["a", "b"]}))).unwrap();
    let parameter = ParameterSummary {
        name: "p".to_owned(),
        parameter_type: "StringList".to_owned(),
        description: Some("d".to_owned()),
        default_value: Some(r#"["a","b"]"#.to_owned()),
    };
    assert_eq!(summary.parameters, [parameter]);
    let twice = json!([step, step]);
    for (document, message) in [
        (json!({}), "'schemaVersion' in the document must be the text 1.2, 2.0 or 2.2"),
        (json!({"schemaVersion": "2.2"}), "'mainSteps' in the document must be a list of at least one step"),
        (good("2.2", &json!([])), "'mainSteps' in the document must be a list of at least one step"),
        (good("2.2", &json!({})), "'mainSteps' in the document must be a list of at least one step"),
        (good("1.2", &json!([step])), "'mainSteps' is not a member of such a document"),
        (json!({"schemaVersion": "1.2"}), "'runtimeConfig' in the document must be an object of at least one plugin"),
        (
            json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {}}}),
            "'runtimeConfig.aws:runShellScript' in the document must be an object with properties",
        ),
        (
            json!({"schemaVersion": "1.2", "runtimeConfig": {"x": {}}}),
            "'runtimeConfig' in the document must be an object whose names are those of plugins",
        ),
        (good("2.2", &json!([1])), "'mainSteps[0]' in the document must be an object"),
        (
            good("2.2", &json!([{"name": "x", "action": "run"}])),
            "'mainSteps[0].action' in the document must be the name of a plugin, as in aws:runShellScript",
        ),
        (good("2.2", &twice), "'mainSteps[1].name' in the document must be the name of no other step"),
        (
            good("2.2", &json!([{"name": "x", "action": "aws:a", "inputs": []}])),
            "'mainSteps[0].inputs' in the document must be an object",
        ),
        (with(json!(1)), "'parameters.p' in the document must be an object"),
        (
            with(json!({"type": "Text"})),
            "'parameters.p.type' in the document must be String, StringList, Boolean, Integer, MapList or StringMap",
        ),
        (
            with(json!({"type": "Integer", "default": "x"})),
            "'parameters.p.default' in the document must be of the parameter's type",
        ),
        (
            with(json!({"type": "String", "allowedValues": "x"})),
            "'parameters.p.allowedValues' in the document must be a list",
        ),
        (
            with(json!({"type": "String", "description": 1})),
            "'parameters.p.description' in the document must be a text",
        ),
        (json!({"schemaVersion": "2.2", "steps": []}), "'steps' is not a member of such a document"),
    ] {
        assert_eq!(read(&document), Err(message.to_owned()), "{document}");
    }
}
