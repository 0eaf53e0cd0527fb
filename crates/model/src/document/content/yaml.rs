//! Reading YAML 1.2: one document, the core schema, nothing that JSON has not.
//!
//! The parser gives events; the tree is ours, so that it can be bounded before it grows. An alias becomes a copy of what
//! it stands for, and the copy is paid for before it is made: that is all there is to a bomb. Tags other than the core
//! schema's, infinities and names that are lists or objects are refused.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use serde_json::Number;

use super::{Budget, MAX_DEPTH, Member, Node, NodeValue, Position};
use crate::document::{DocumentError, DocumentFormat};

pub(super) fn read(text: &str) -> Result<Node, DocumentError> {
    let mut builder = Builder { budget: Budget::new(), open: Vec::new(), anchors: BTreeMap::new(), root: None };
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => builder.take(event, span)?,
            Some(Err(error)) => return Err(fault(position(*error.marker()), error.info())),
        }
    }
    Ok(builder.root.unwrap_or(Node { value: NodeValue::Null, position: Position::START }))
}

fn position(mark: Marker) -> Position {
    Position { line: mark.line().max(1), column: mark.col() + 1 }
}

fn fault(position: Position, reason: impl Into<String>) -> DocumentError {
    DocumentError::NotWellFormed { format: DocumentFormat::Yaml, position, reason: reason.into() }
}

struct Builder {
    budget: Budget,
    open: Vec<Open>,
    /// What is complete and has a name. One that refers to itself is not complete when it does.
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
}

/// A list or an object whose end has not come.
struct Open {
    anchor: usize,
    position: Position,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Object { members: Vec<Member>, names: BTreeSet<String>, name: Option<(String, Position)> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), DocumentError> {
        let position = position(span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => Err(fault(position, "only one YAML document is allowed")),
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => {
                let Some(named) = self.anchors.get(&anchor) else {
                    return Err(fault(position, "the alias refers to what it is a part of"));
                };
                let (nodes, bytes) = named.size();
                self.budget.take(nodes, bytes, position)?;
                if self.open.len() + named.depth() > MAX_DEPTH {
                    return Err(DocumentError::TooComplex { position });
                }
                let copy = Node { value: named.value.clone(), position };
                self.place(copy)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.budget.take(1, text.len(), position)?;
                let name_is_next = matches!(self.open.last(), Some(Open { kind: Kind::Object { name: None, .. }, .. }));
                if name_is_next && style == ScalarStyle::Plain && text == "<<" {
                    // A member of that name would leave out what its author believes to be there.
                    return Err(fault(position, "merge keys are not a part of YAML 1.2"));
                }
                let value = match (name_is_next, style, &tag) {
                    // Names are texts, whatever they look like.
                    (true, ScalarStyle::Plain, None) if !text.is_empty() => NodeValue::Text(text.into_owned()),
                    _ => scalar(&text, style, tag.as_deref(), position)?,
                };
                self.complete(Node { value, position }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq", position)?;
                self.open(anchor, position, Kind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map", position)?;
                self.open(anchor, position, Kind::Object { members: Vec::new(), names: BTreeSet::new(), name: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, position, kind }) = self.open.pop() else { return Ok(()) };
                let value = match kind {
                    Kind::List(items) => NodeValue::List(items),
                    Kind::Object { members, .. } => NodeValue::Object(members),
                };
                self.complete(Node { value, position }, anchor)
            }
        }
    }

    fn open(&mut self, anchor: usize, position: Position, kind: Kind) -> Result<(), DocumentError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(DocumentError::TooComplex { position });
        }
        self.budget.take(1, 0, position)?;
        self.open.push(Open { anchor, position, kind });
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), DocumentError> {
        if anchor != 0 {
            // What is kept for its name is paid for as well.
            let (nodes, bytes) = node.size();
            self.budget.take(nodes, bytes, node.position)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), DocumentError> {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(node),
            Some(Kind::List(items)) => items.push(node),
            Some(Kind::Object { members, names, name }) => match name.take() {
                Some((name, position)) => {
                    if !names.insert(name.clone()) {
                        return Err(DocumentError::Twice { name, position });
                    }
                    members.push(Member { name, node: Node { position, ..node } });
                }
                None => match node.value {
                    NodeValue::Text(text) => *name = Some((text, node.position)),
                    _ => return Err(fault(node.position, "the name of a member must be a text")),
                },
            },
        }
        Ok(())
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str, position: Position) -> Result<(), DocumentError> {
    match tag {
        None => Ok(()),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == expected => Ok(()),
        Some(_) => Err(unknown_tag(position)),
    }
}

fn unknown_tag(position: Position) -> DocumentError {
    fault(position, "only the tags !!str, !!int, !!float, !!bool, !!null, !!seq and !!map are known")
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, position: Position) -> Result<NodeValue, DocumentError> {
    let plain = || plain(text).ok_or_else(|| fault(position, "a number must be finite"));
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { plain() } else { Ok(NodeValue::Text(text.to_owned())) };
    };
    // The lone `!` means: do not guess.
    if tag.handle.is_empty() && tag.suffix == "!" {
        return Ok(NodeValue::Text(text.to_owned()));
    }
    if !tag.is_yaml_core_schema() {
        return Err(unknown_tag(position));
    }
    let value = match tag.suffix.as_str() {
        "str" => return Ok(NodeValue::Text(text.to_owned())),
        _ => plain()?,
    };
    match (tag.suffix.as_str(), &value) {
        ("null", NodeValue::Null) | ("bool", NodeValue::Bool(_)) | ("int" | "float", NodeValue::Number(_)) => Ok(value),
        ("null" | "bool" | "int" | "float", _) => Err(fault(position, "the value does not fit its tag")),
        _ => Err(unknown_tag(position)),
    }
}

/// What a text without quotes is in the core schema (YAML 1.2.2, 10.3.2). `None`: what JSON cannot say.
pub(super) fn plain(text: &str) -> Option<NodeValue> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(NodeValue::Null),
        "true" | "True" | "TRUE" => return Some(NodeValue::Bool(true)),
        "false" | "False" | "FALSE" => return Some(NodeValue::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return None;
    }
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u64::from_str_radix(digits, radix).ok().map(|number| NodeValue::Number(number.into()))
    };
    if let Some(number) = radix("0o", 8).or_else(|| radix("0x", 16)) {
        return Some(number);
    }
    if !is_number(unsigned) {
        return Some(NodeValue::Text(text.to_owned()));
    }
    let number = text.strip_prefix('+').unwrap_or(text);
    let whole = number.parse::<i64>().map(Number::from);
    if let Ok(number) = whole.or_else(|_| number.parse::<u64>().map(Number::from)) {
        return Some(NodeValue::Number(number));
    }
    Number::from_f64(number.parse().ok()?).map(NodeValue::Number)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}
