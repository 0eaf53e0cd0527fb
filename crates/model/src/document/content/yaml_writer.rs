//! Writing YAML, as people write it: blocks, one space after a name, scripts as they are.
//!
//! Whatever another reader could take for something else is quoted, the words and numbers of YAML 1.1 included. There
//! are few libraries that write YAML, and none that keeps the order of members without a tree of its own; what is left
//! to do is this page.

use std::fmt::Write as _;

use super::node::{Node, NodeValue};
use super::yaml::plain;

const STEP: usize = 2;

pub(super) fn write(root: &Node) -> String {
    let mut out = String::new();
    block(&mut out, root, 0);
    out
}

/// Writes what follows a name's colon or an item's dash, up to the end of its last line. `indent` is that of what is
/// inside.
fn block(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        NodeValue::Object(members) if !members.is_empty() => {
            for (at, member) in members.iter().enumerate() {
                if at > 0 || indent == 0 {
                    pad(out, indent);
                }
                name(out, &member.name, indent);
                out.push(':');
                value(out, &member.node, indent);
            }
        }
        NodeValue::List(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 || indent == 0 {
                    pad(out, indent);
                }
                out.push('-');
                match &item.value {
                    NodeValue::Object(members) if !members.is_empty() => {
                        out.push(' ');
                        block(out, item, indent + STEP);
                    }
                    _ => value(out, item, indent),
                }
            }
        }
        _ => {
            leaf(out, node);
            out.push('\n');
        }
    }
}

/// Writes a member's name, as far as its colon. A reader looks only so far for a colon; what is longer is announced.
fn name(out: &mut String, name: &str, indent: usize) {
    const MAX_CHARACTERS: usize = 1000;
    let from = out.len();
    scalar(out, name);
    if out.len() - from > MAX_CHARACTERS {
        out.insert_str(from, "? ");
        out.push('\n');
        pad(out, indent);
    }
}

/// Writes the value of a member or item whose own line is indented so much.
fn value(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        NodeValue::Object(members) if !members.is_empty() => nested(out, node, indent),
        NodeValue::List(items) if !items.is_empty() => nested(out, node, indent),
        NodeValue::Text(text) if is_script(text) => script(out, text, indent + STEP),
        _ => {
            out.push(' ');
            leaf(out, node);
            out.push('\n');
        }
    }
}

fn nested(out: &mut String, node: &Node, indent: usize) {
    out.push('\n');
    pad(out, indent + STEP);
    block(out, node, indent + STEP);
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn leaf(out: &mut String, node: &Node) {
    match &node.value {
        NodeValue::Null => out.push_str("null"),
        NodeValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        NodeValue::Number(number) => out.push_str(&number.to_string()),
        NodeValue::Text(text) => scalar(out, text),
        NodeValue::List(_) => out.push_str("[]"),
        NodeValue::Object(_) => out.push_str("{}"),
    }
}

/// Lines that can stand as they are behind `|`.
fn is_script(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !lines.ends_with('\n')
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && lines.split('\n').all(|line| !line.ends_with([' ', '\t']))
}

fn script(out: &mut String, text: &str, indent: usize) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn scalar(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => write!(out, "\\U{:08x}", u32::from(c)).expect("a text grows"),
        }
    }
    out.push('"');
}

/// What no reader can mistake: words of letters, digits and a few signs, one space between them, none of YAML's words.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    begins
        && text.split(' ').all(|word| !word.is_empty() && word.bytes().all(is_inner))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        && matches!(plain(text), Some(NodeValue::Text(_)))
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
