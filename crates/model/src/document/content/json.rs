//! Reading and writing JSON. The reader is serde's, level by level, because the place of a value is the place of its
//! text in the document's.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Budget, MAX_DEPTH, Member, Node, NodeValue, Position};
use crate::document::DocumentError;

pub(super) fn read(text: &str) -> Result<Node, DocumentError> {
    let root: &RawValue = serde_json::from_str(text).map_err(|error| not_well_formed(&error, Position::START))?;
    let source = Source { text, lines: line_starts(text) };
    source.node(root, 0, &mut Budget::new())
}

pub(super) fn write(root: &Node) -> String {
    let mut text = serde_json::to_string_pretty(root).expect("a tree of texts, numbers and booleans is JSON");
    text.push('\n');
    text
}

/// The parser's sentence without its own idea of how to say where. It names tokens, never content. `start` is where the
/// text begins that it was given.
fn not_well_formed(error: &serde_json::Error, start: Position) -> DocumentError {
    let sentence = error.to_string();
    let reason = sentence.rsplit_once(" at line ").map_or(sentence.as_str(), |(reason, _)| reason).to_owned();
    // The end of an empty text is before its first column.
    let (line, column) = (error.line().max(1), error.column().max(1));
    let position = match line {
        1 => Position { line: start.line, column: start.column - 1 + column },
        _ => Position { line: start.line - 1 + line, column },
    };
    DocumentError::NotWellFormed { format: super::DocumentFormat::Json, position, reason }
}

struct Source<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize, budget: &mut Budget) -> Result<Node, DocumentError> {
        let position = self.position(raw);
        let text = raw.get();
        let read = |error: serde_json::Error| not_well_formed(&error, position);
        if depth >= MAX_DEPTH && text.starts_with(['[', '{']) {
            return Err(DocumentError::TooComplex { position });
        }
        budget.take(1, 0, position)?;
        let value = match text.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text).map_err(read)?;
                let mut names = BTreeSet::new();
                let mut read = Vec::with_capacity(members.len());
                for (name, raw) in members {
                    let node = self.node(raw, depth + 1, budget)?;
                    budget.take(0, name.len(), node.position)?;
                    if !names.insert(name.clone()) {
                        return Err(DocumentError::Twice { name, position: node.position });
                    }
                    read.push(Member { name, node });
                }
                NodeValue::Object(read)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(read)?;
                let items = items.into_iter().map(|raw| self.node(raw, depth + 1, budget));
                NodeValue::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => {
                let text: String = serde_json::from_str(text).map_err(read)?;
                budget.take(0, text.len(), position)?;
                NodeValue::Text(text)
            }
            Some(b't') => NodeValue::Bool(true),
            Some(b'f') => NodeValue::Bool(false),
            Some(b'n') => NodeValue::Null,
            _ => NodeValue::Number(serde_json::from_str(text).map_err(read)?),
        };
        Ok(Node { value, position })
    }

    /// A raw value borrows from the text, so its address says where it is.
    fn position(&self, raw: &RawValue) -> Position {
        let at = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = self.lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or_default();
        Position { line: line.max(1), column: at.saturating_sub(start) + 1 }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
}

/// The members of one object, in order, duplicates included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
