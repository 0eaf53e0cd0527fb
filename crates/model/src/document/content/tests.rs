//! Documents as texts: what is read, what is refused and where, what is written.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use proptest::prelude::*;
use serde_json::{Number, json};

use super::*;

fn yaml(text: &str) -> Result<Content, DocumentError> {
    Content::parse(text, DocumentFormat::Yaml)
}

fn parse_json(text: &str) -> Result<Content, DocumentError> {
    Content::parse(text, DocumentFormat::Json)
}

/// The tree without its places.
fn value(content: &Content) -> Value {
    Value::Object(content.to_json())
}

#[test]
fn both_formats_are_read_in_order_and_with_places() {
    let in_json = parse_json("{\n  \"b\": {\"x\": [1,\n    true]},\n  \"a\": \"text\\n\"\n}").unwrap();
    let in_yaml = yaml("b:\n  x:\n  - 1\n  - true\na: |\n  text\n").unwrap();
    for content in [&in_json, &in_yaml] {
        assert_eq!(value(content), json!({"a": "text\n", "b": {"x": [1, true]}}));
        let names: Vec<_> = content.members().iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
    }
    for (path, json_at, yaml_at) in [
        ("b", (2, 8), (1, 1)),
        ("b.x", (2, 14), (2, 3)),
        ("b.x[1]", (3, 5), (4, 5)),
        ("a", (4, 8), (5, 1)),
        ("b.x[7]", (2, 14), (2, 3)),
        ("b.missing.more", (2, 8), (1, 1)),
        ("missing", (1, 1), (1, 1)),
    ] {
        let at = |position: Position| (position.line, position.column);
        assert_eq!(at(in_json.position(path)), json_at, "{path} in JSON");
        assert_eq!(at(in_yaml.position(path)), yaml_at, "{path} in YAML");
    }
}

#[test]
fn what_is_not_well_formed_is_said_with_its_place() {
    for (format, text, message) in [
        (DocumentFormat::Json, "", "JSON not well-formed. at Line: 1, Column: 1: EOF while parsing a value"),
        (DocumentFormat::Json, "https://example.org", "JSON not well-formed. at Line: 1, Column: 1: expected value"),
        (
            DocumentFormat::Json,
            "{\n  \"a\": 1,\n}",
            "JSON not well-formed. at Line: 3, Column: 1: key must be a string",
        ),
        (DocumentFormat::Json, "{\"a\": 1,\n \"b\": \"x\\ud800\"}", "JSON not well-formed. at Line: 2, Column: 15: "),
        (DocumentFormat::Json, "{\"a\":\n{\"\\ud800\": 1}}", "JSON not well-formed. at Line: 2, Column: 9: "),
        (DocumentFormat::Json, "{\"a\":\n1e999}", "JSON not well-formed. at Line: 2, Column: 5: number out of range"),
        (DocumentFormat::Json, "{} {}", "JSON not well-formed. at Line: 1, Column: 4: trailing characters"),
        (DocumentFormat::Json, "{\"a\": 1, \n\"a\": 2}", "The member 'a' is there twice at Line: 2, Column: 6"),
        (DocumentFormat::Json, "[1]", "the document is not an object"),
        (DocumentFormat::Yaml, "a: b: c", "YAML not well-formed. at Line: 1, Column: 5: "),
        (DocumentFormat::Yaml, "a: 1\n  b: 2\n", "YAML not well-formed. at Line: 2, Column: 4: "),
        (DocumentFormat::Yaml, "a: 1\na: 2\n", "The member 'a' is there twice at Line: 2, Column: 1"),
        (
            DocumentFormat::Yaml,
            "a: 1\n---\nb: 2\n",
            "YAML not well-formed. at Line: 2, Column: 1: only one YAML document",
        ),
        (
            DocumentFormat::Yaml,
            "a: !!python/object:os.system 1",
            "YAML not well-formed. at Line: 1, Column: 4: only the tags",
        ),
        (DocumentFormat::Yaml, "a: !mine 1", "YAML not well-formed. at Line: 1, Column: 4: only the tags"),
        (DocumentFormat::Yaml, "a: .inf", "YAML not well-formed. at Line: 1, Column: 4: a number must be finite"),
        (
            DocumentFormat::Yaml,
            "[a]: 1",
            "YAML not well-formed. at Line: 1, Column: 1: the name of a member must be a text",
        ),
        (DocumentFormat::Yaml, "a: *b", "YAML not well-formed. at Line: 1, Column: 4: "),
        (
            DocumentFormat::Yaml,
            "a: &x [*x]",
            "YAML not well-formed. at Line: 1, Column: 8: the alias refers to what it is a part of",
        ),
        (
            DocumentFormat::Yaml,
            "a: &x {k: 1}\nb:\n  <<: *x\n",
            "YAML not well-formed. at Line: 3, Column: 3: merge keys are not a part of YAML 1.2",
        ),
        (DocumentFormat::Yaml, "- a", "the document is not an object"),
        (DocumentFormat::Yaml, "", "the document is not an object"),
        (DocumentFormat::Text, "{}", "Invalid document format TEXT"),
    ] {
        let error = Content::parse(text, format).unwrap_err().to_string();
        assert!(error.starts_with(message), "{text:?}: {error}");
    }
}

#[test]
fn yaml_is_read_by_its_core_schema() {
    for (text, read) in [
        ("1.0", json!(1.0)),
        ("'1.0'", json!("1.0")),
        ("1", json!(1)),
        ("-7", json!(-7)),
        ("+7", json!(7)),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("0x1F", json!(31)),
        ("0o17", json!(15)),
        ("1e3", json!(1000.0)),
        (".5", json!(0.5)),
        ("1_000", json!("1_000")),
        ("0x", json!("0x")),
        (".", json!(".")),
        ("1.2.3", json!("1.2.3")),
        ("2001-12-14", json!("2001-12-14")),
        ("true", json!(true)),
        ("False", json!(false)),
        ("yes", json!("yes")),
        ("~", json!(null)),
        ("", json!(null)),
        ("!!str 5", json!("5")),
        ("! 5", json!("5")),
        ("!!int '5'", json!(5)),
        ("!!map {a: b}", json!({"a": "b"})),
        ("{a: [b, \"c\"]}", json!({"a": ["b", "c"]})),
        ("&x {k: v}", json!({"k": "v"})),
    ] {
        let content = yaml(&format!("value: {text}\n")).map_err(|error| format!("{text}: {error}")).unwrap();
        assert_eq!(value(&content), json!({"value": read}), "{text}");
    }
    assert_eq!(value(&yaml("1: a\ntrue: b\n").unwrap()), json!({"1": "a", "true": "b"}), "names are texts");
    let content = yaml("a: &x {k: v}\nb: *x\nc: [*x, *x]\n").unwrap();
    assert_eq!(value(&content), json!({"a": {"k": "v"}, "b": {"k": "v"}, "c": [{"k": "v"}, {"k": "v"}]}));
    assert_eq!(content.position("c[1]"), Position { line: 3, column: 9 }, "of what an alias is for, the alias");
}

#[test]
fn everything_is_bounded_before_it_grows() {
    let bomb = |names: &[&str], first: &str, times: usize| {
        let mut text = format!("{}: &{} {first}\n", names[0], names[0]);
        for pair in names.windows(2) {
            let aliases = vec![format!("*{}", pair[0]); times].join(", ");
            text.push_str(&format!("{}: &{} [{aliases}]\n", pair[1], pair[1]));
        }
        text
    };
    let laughs = bomb(&["a", "b", "c", "d", "e", "f", "g", "h", "i"], "[lol]", 9);
    let long_text = bomb(&["a", "b", "c"], &"x".repeat(30_000), 2);
    let deep_aliases = bomb(
        &"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ".split("").filter(|name| !name.is_empty()).collect::<Vec<_>>(),
        "[]",
        1,
    );
    let deep_flow = format!("a: {}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let deep_blocks: String = (0..=MAX_DEPTH).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let deep_json = format!("{{\"a\": {}{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let wide_json = format!("{{\"a\": [{}1]}}", "1,".repeat(MAX_NODES));
    let wide_yaml = format!("a: [{}1]", "1,".repeat(MAX_NODES));
    for (format, text) in [
        (DocumentFormat::Yaml, &laughs),
        (DocumentFormat::Yaml, &long_text),
        (DocumentFormat::Yaml, &deep_aliases),
        (DocumentFormat::Yaml, &deep_flow),
        (DocumentFormat::Yaml, &deep_blocks),
        (DocumentFormat::Yaml, &wide_yaml),
        (DocumentFormat::Json, &deep_json),
        (DocumentFormat::Json, &wide_json),
    ] {
        let shown: String = text.chars().take(60).collect();
        let error = Content::parse(text, format).unwrap_err();
        assert!(matches!(error, DocumentError::TooComplex { .. }), "{shown}: {error}");
    }
    let within = format!("a: {}{}", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    assert!(yaml(&within).is_ok());
    let within = format!("{{\"a\": {}{}}}", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    assert!(parse_json(&within).is_ok());
    for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
        let huge = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_DOCUMENT_BYTES));
        assert_eq!(Content::parse(&huge, format), Err(DocumentError::TooLarge));
        for bracket in ["[", "{", "- ", "? ", "{\"a\": ", "{a: ", "&a ", "\"", "\\", "a:\n ", "%TAG ! x\n"] {
            let text = bracket.repeat(MAX_DOCUMENT_BYTES / bracket.len());
            assert!(Content::parse(&text, format).is_err(), "{bracket:?}");
        }
    }
}

#[test]
fn yaml_is_written_as_people_write_it() {
    let content = parse_json(
        r#"{"schemaVersion": "1.0", "description": "Say hello", "sessionType": "InteractiveCommands",
            "parameters": {"name": {"type": "String", "allowedPattern": "^[a-z]+$", "default": ""}},
            "inputs": {"runAsEnabled": false, "idleSessionTimeout": "20", "s3KeyPrefix": "no", "list": [], "map": {}},
            "properties": {"linux": {"commands": "set -e\necho hello\n", "more": ["a", ["b"], {"c": 1, "d": null}]}}}"#,
    )
    .unwrap();
    let text = content.to_text(DocumentFormat::Yaml).unwrap();
    assert_eq!(
        text,
        r#"schemaVersion: "1.0"
description: Say hello
sessionType: InteractiveCommands
parameters:
  name:
    type: String
    allowedPattern: "^[a-z]+$"
    default: ""
inputs:
  runAsEnabled: false
  idleSessionTimeout: "20"
  s3KeyPrefix: "no"
  list: []
  map: {}
properties:
  linux:
    commands: |
      set -e
      echo hello
    more:
      - a
      -
        - b
      - c: 1
        d: null
"#
    );
    assert_eq!(value(&yaml(&text).unwrap()), value(&content));
    assert!(matches!(content.to_text(DocumentFormat::Text), Err(DocumentError::Format(_))));
}

fn node() -> impl Strategy<Value = NodeValue> {
    let text = prop_oneof![
        any::<String>(),
        "[ a-z0-9_.:#'\"\\\\{}\\[\\],&*!|>%@`~?+-]{0,12}",
        "[ a\n\t]{0,8}",
        prop::sample::select(vec![
            "no", "0x1f", "1e5", "1_0", "~", "<<", "12:30:45", ".inf", "null", "=", "- a", "a: b"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(NodeValue::Null),
        any::<bool>().prop_map(NodeValue::Bool),
        any::<i64>().prop_map(|number| NodeValue::Number(number.into())),
        any::<f64>().prop_filter_map("finite", |number| Number::from_f64(number).map(NodeValue::Number)),
        text.clone().prop_map(NodeValue::Text),
    ];
    let node = |value| Node { value, position: Position::START };
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let members = prop::collection::vec((text.clone(), inner.clone()), 0..6);
        let object = members.prop_map(move |members| {
            let mut object: Vec<Member> = Vec::new();
            for (name, value) in members {
                if object.iter().all(|member| member.name != name) {
                    object.push(Member { name, node: node(value) });
                }
            }
            NodeValue::Object(object)
        });
        prop_oneof![
            prop::collection::vec(inner, 0..6)
                .prop_map(move |items| NodeValue::List(items.into_iter().map(node).collect())),
            object,
        ]
    })
}

/// The order and the values of a tree, as text.
fn shape(content: &Content) -> String {
    serde_json::to_string(&content.root).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(value in node()) {
        let member = Member { name: "root".to_owned(), node: Node { value, position: Position::START } };
        let root = Node { value: NodeValue::Object(vec![member]), position: Position::START };
        let content = Content { root };
        for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
            let text = content.to_text(format).unwrap();
            if text.len() > MAX_DOCUMENT_BYTES {
                continue;
            }
            let read = Content::parse(&text, format).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
            prop_assert_eq!(shape(&read), shape(&content), "{}", text);
        }
    }

    #[test]
    fn any_text_is_a_content_within_bounds_or_an_error(text in any::<String>()) {
        for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
            let _ = Content::parse(&text, format);
        }
    }

    /// Whatever is put together from YAML's own signs.
    #[test]
    fn yaml_like_text_is_a_content_within_bounds_or_an_error(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)
    ) {
        if let Ok(content) = yaml(&pieces.concat()) {
            let (nodes, bytes) = content.root.size();
            prop_assert!(nodes <= MAX_NODES && bytes <= MAX_EXPANDED_BYTES && content.root.depth() <= MAX_DEPTH);
            let text = content.to_text(DocumentFormat::Yaml).unwrap();
            prop_assert_eq!(shape(&yaml(&text).unwrap()), shape(&content));
        }
    }
}

const PIECES: [&str; 40] = [
    "a",
    "b: ",
    "- ",
    "\n",
    "  ",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "|",
    ">",
    "\"",
    "'",
    "&x ",
    "*x",
    "!",
    "!!str ",
    "%YAML 1.2\n",
    "---",
    "...",
    "#c",
    "\t",
    "\u{85}",
    "é",
    "\u{feff}",
    "\\x41",
    "\\",
    "0",
    "~",
    "- - ",
    "? ",
    "\r\n",
    "|2\n",
    "|-\n",
    "@",
    "\n  ",
    "\u{10ffff}",
];
