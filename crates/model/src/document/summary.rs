//! What is told of a document without its content.

use serde::{Deserialize, Serialize};

use super::content::{Content, Node};
use super::session::Owner;
use super::{CommandDocument, DocumentError, DocumentType, PlatformType, SessionDocument, SessionType};

/// What a document says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Of its schema.
    pub schema_version: String,
    /// For people.
    pub description: Option<String>,
    /// In the order in which it declares them.
    pub parameters: Vec<ParameterSummary>,
    /// Where it can be used.
    pub platform_types: Vec<PlatformType>,
}

/// A parameter, as `DescribeDocument` tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParameterSummary {
    /// Its name.
    pub name: String,
    /// Its type, as the document names it.
    #[serde(rename = "Type")]
    pub parameter_type: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is if it is not given; a list or an object as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
}

/// Checks a content against what its type demands, and tells of it.
///
/// # Errors
/// [`DocumentError`], to be told with the content: [`DocumentError::refuse`].
pub fn check(content: &Content, document_type: DocumentType) -> Result<Summary, DocumentError> {
    check_as(content, document_type, Owner::Account)
}

pub(super) fn check_as(content: &Content, document_type: DocumentType, owner: Owner) -> Result<Summary, DocumentError> {
    let (schema_version, platform_types) = match document_type {
        DocumentType::Session => {
            let document = SessionDocument::read_as(content, owner)?;
            (super::session::SCHEMA_VERSION.to_owned(), session_platforms(content, document.session_type()))
        }
        DocumentType::Command => {
            let CommandDocument { schema_version, platform_types } = CommandDocument::read(content)?;
            (schema_version, platform_types)
        }
    };
    let description = content.member("description").and_then(Node::text).map(str::to_owned);
    let parameters = content.member("parameters").map(Node::members).unwrap_or_default();
    let parameters = parameters.iter().map(|member| parameter(&member.name, &member.node)).collect();
    Ok(Summary { schema_version, description, parameters, platform_types })
}

fn parameter(name: &str, node: &Node) -> ParameterSummary {
    let text = |member| node.member(member).and_then(Node::text).map(str::to_owned);
    let default = node.member("default").filter(|node| !node.to_json().is_null());
    ParameterSummary {
        name: name.to_owned(),
        parameter_type: text("type").unwrap_or_default(),
        description: text("description"),
        default_value: default.map(|node| node.text().map_or_else(|| node.to_json().to_string(), str::to_owned)),
    }
}

/// Shells and ports are the same everywhere; commands are written for the systems that the document names.
fn session_platforms(content: &Content, session_type: SessionType) -> Vec<PlatformType> {
    let all = [(PlatformType::Windows, "windows"), (PlatformType::Linux, "linux"), (PlatformType::MacOs, "macos")];
    let properties = content.member("properties");
    let has = |system: &str| match session_type {
        SessionType::StandardStream | SessionType::Port | SessionType::FileTransfer => true,
        SessionType::InteractiveCommands | SessionType::NonInteractiveCommands => {
            properties.is_some_and(|properties| properties.member(system).is_some())
        }
    };
    all.into_iter().filter(|(_, system)| has(system)).map(|(platform, _)| platform).collect()
}
