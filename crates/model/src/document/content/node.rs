//! One node of a document's content.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::{Number, Value};

/// A place in a document's text, both counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column: in characters in YAML, in bytes in JSON.
    pub column: usize,
}

impl Position {
    /// The very beginning.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// In AWS's words, as at the end of "JSON not well-formed".
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at Line: {}, Column: {}", self.line, self.column)
    }
}

/// A value and its place. Of a member's value it is the member's place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: NodeValue,
    /// Where it is written; of what an alias stands for, where the alias is.
    pub position: Position,
}

/// What JSON has, members in order.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Named values in order, no name twice.
    Object(Vec<Member>),
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// The members of an object; of anything else, none.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        match &self.value {
            NodeValue::Object(members) => members,
            _ => &[],
        }
    }

    /// A member of an object.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Node> {
        self.members().iter().find(|member| member.name == name).map(|member| &member.node)
    }

    /// The items of a list, if it is one.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            NodeValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Number(number) => Value::Number(number.clone()),
            NodeValue::Text(text) => Value::String(text.clone()),
            NodeValue::List(items) => items.iter().map(Self::to_json).collect(),
            NodeValue::Object(members) => {
                members.iter().map(|member| (member.name.clone(), member.node.to_json())).collect()
            }
        }
    }

    /// How many nodes it has, itself included, and how many bytes of names and texts.
    pub(super) fn size(&self) -> (usize, usize) {
        let sum = |(nodes, bytes): (usize, usize), (more, text): (usize, usize)| (nodes + more, bytes + text);
        match &self.value {
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => (1, 0),
            NodeValue::Text(text) => (1, text.len()),
            NodeValue::List(items) => items.iter().map(Self::size).fold((1, 0), sum),
            NodeValue::Object(members) => {
                let sizes = members.iter().map(|member| sum((0, member.name.len()), member.node.size()));
                sizes.fold((1, 0), sum)
            }
        }
    }

    /// How many levels of lists and objects it has, itself included.
    pub(super) fn depth(&self) -> usize {
        match &self.value {
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) | NodeValue::Text(_) => 0,
            NodeValue::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            NodeValue::Object(members) => 1 + members.iter().map(|member| member.node.depth()).max().unwrap_or(0),
        }
    }

    /// The node that a path leads to, or the last one on the way.
    pub(super) fn find(&self, path: &str) -> &Node {
        let mut node = self;
        for step in path.split('.') {
            let (name, index) = match step.split_once('[') {
                Some((name, index)) => (name, index.strip_suffix(']').and_then(|index| index.parse::<usize>().ok())),
                None => (step, None),
            };
            let Some(member) = node.member(name) else { return node };
            node = member;
            if let Some(index) = index {
                let Some(item) = node.items().and_then(|items| items.get(index)) else { return node };
                node = item;
            }
        }
        node
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            NodeValue::Null => serializer.serialize_unit(),
            NodeValue::Bool(value) => serializer.serialize_bool(*value),
            NodeValue::Number(number) => number.serialize(serializer),
            NodeValue::Text(text) => serializer.serialize_str(text),
            NodeValue::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            NodeValue::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                for member in members {
                    object.serialize_entry(&member.name, &member.node)?;
                }
                object.end()
            }
        }
    }
}
