//! The content of a document as a tree: read from JSON or YAML, written as either, with the place of everything in it.
//!
//! Both readers are total and bounded: by the size of the text before it is looked at, by depth and number of nodes
//! while it is read, and by what an alias would add before it is added. Members keep their order. What means different
//! things to different readers (a member twice, two documents in one text) is refused.

mod json;
mod node;
mod yaml;
mod yaml_writer;

use serde_json::{Map, Value};

use super::{DocumentError, DocumentFormat};

pub use node::{Member, Node, NodeValue, Position};

/// The largest document accepted, in bytes of text: AWS's limit.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// The deepest nesting accepted. The documents that AWS publishes stay below ten.
pub const MAX_DEPTH: usize = 32;
/// The most nodes accepted, counted after aliases are put in.
pub const MAX_NODES: usize = 10_000;
/// The most bytes of names and texts accepted, counted after aliases are put in.
pub const MAX_EXPANDED_BYTES: usize = 2 * MAX_DOCUMENT_BYTES;

/// A document's content. Its root is an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    root: Node,
}

impl Content {
    /// Reads a text of this format.
    ///
    /// # Errors
    /// [`DocumentError`] for what is too large, not well-formed, or not an object.
    pub fn parse(text: &str, format: DocumentFormat) -> Result<Self, DocumentError> {
        if text.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge);
        }
        let root = match format {
            DocumentFormat::Json => json::read(text)?,
            DocumentFormat::Yaml => yaml::read(text)?,
            DocumentFormat::Text => return Err(DocumentError::Format(format)),
        };
        match root.value {
            NodeValue::Object(_) => Ok(Self { root }),
            _ => Err(DocumentError::NotAnObject),
        }
    }

    /// Writes it as a text that people can read. Reading that text gives the same content, places apart.
    ///
    /// # Errors
    /// There is no text form for [`DocumentFormat::Text`].
    pub fn to_text(&self, format: DocumentFormat) -> Result<String, DocumentError> {
        match format {
            DocumentFormat::Json => Ok(json::write(&self.root)),
            DocumentFormat::Yaml => Ok(yaml_writer::write(&self.root)),
            DocumentFormat::Text => Err(DocumentError::Format(format)),
        }
    }

    /// Its members, in the order in which they are written.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        self.root.members()
    }

    /// A member of the root.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Node> {
        self.root.member(name)
    }

    /// The same as JSON values, without order and places.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        self.members().iter().map(|member| (member.name.clone(), member.node.to_json())).collect()
    }

    /// Where a member is, by a path as in `parameters.host.type` or `mainSteps[2].action`. Of a member that is not
    /// there, the place of the innermost one that should have it.
    #[must_use]
    pub fn position(&self, path: &str) -> Position {
        self.root.find(path).position
    }
}

/// What a reader may still add.
struct Budget {
    nodes: usize,
    bytes: usize,
}

impl Budget {
    fn new() -> Self {
        Self { nodes: MAX_NODES, bytes: MAX_EXPANDED_BYTES }
    }

    /// Takes a node with this much text.
    fn take(&mut self, nodes: usize, bytes: usize, position: Position) -> Result<(), DocumentError> {
        let left = self.nodes.checked_sub(nodes).zip(self.bytes.checked_sub(bytes));
        let (nodes, bytes) = left.ok_or(DocumentError::TooComplex { position })?;
        (self.nodes, self.bytes) = (nodes, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
