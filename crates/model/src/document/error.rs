//! Why a text is no document, in AWS's words where they are known.

use super::{Content, DocumentFormat, DocumentType, MAX_DOCUMENT_BYTES, Position};
use crate::error::{ApiError, ErrorCode};

/// Why a text is not a document of the type it is meant to be. The fault is that of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// More than [`MAX_DOCUMENT_BYTES`].
    #[error("The size limit of a document is 64 KB.")]
    TooLarge,
    /// A format that documents of this type do not have.
    #[error("Invalid document format {0}")]
    Format(DocumentFormat),
    /// The text is not what its format says. AWS's sentence ends before the reason.
    #[error("{format} not well-formed. {position}: {reason}")]
    NotWellFormed {
        /// What it should be.
        format: DocumentFormat,
        /// Where it is not.
        position: Position,
        /// Why not.
        reason: String,
    },
    /// Nested too deeply, too many values, or aliases that stand for too much.
    #[error("The document is nested too deeply or has too many values {position}")]
    TooComplex {
        /// Where it went beyond.
        position: Position,
    },
    /// A member is there twice, which each reader would understand in its own way.
    #[error("The member '{name}' is there twice {position}")]
    Twice {
        /// Its name.
        name: String,
        /// The second time.
        position: Position,
    },
    /// Well-formed, but a list or a text.
    #[error("the document is not an object")]
    NotAnObject,
    /// A schema version that documents of this type do not have.
    #[error("{version} is not a valid schema version for {document_type} document type")]
    SchemaVersion {
        /// What it says.
        version: String,
        /// What it is meant to be.
        document_type: DocumentType,
    },
    /// A member is missing or of the wrong type or value.
    #[error("'{path}' in the document must be {expected}")]
    Member {
        /// The member, as in `parameters.host.type`.
        path: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A member that documents of this type do not have. Most often it is another one, mistyped.
    #[error("'{0}' is not a member of such a document")]
    UnknownMember(String),
    /// A placeholder without a parameter.
    #[error("Parameter \"{name}\" is not declared.")]
    Undeclared {
        /// The name in the placeholder.
        name: String,
        /// The member in which it stands.
        path: String,
    },
    /// An `allowedPattern` that is no regular expression, uses what linear-time matching has not, or is too large.
    #[error(
        "the allowedPattern of the parameter '{0}' is too large, or not a regular expression without look-around or \
         references"
    )]
    Pattern(String),
    /// Each `allowedPattern` is good, but from this parameter on they are too large together.
    #[error("the allowedPatterns of the document are too large together, from that of the parameter '{0}' on")]
    TooManyPatterns(String),
}

impl DocumentError {
    pub(crate) fn member(path: impl Into<String>, expected: &'static str) -> Self {
        Self::Member { path: path.into(), expected }
    }

    /// What whoever sent the document is told: the code AWS gives, and a sentence that says where to look.
    #[must_use]
    pub fn refuse(self, content: Option<&Content>) -> ApiError {
        let place = |path: &str| content.map_or(Position::START, |content| content.position(path));
        let (code, place) = match &self {
            Self::TooLarge => (ErrorCode::MaxDocumentSizeExceeded, None),
            Self::Format(_) => (ErrorCode::ValidationException, None),
            Self::SchemaVersion { .. } => (ErrorCode::InvalidDocumentSchemaVersion, Some(place("schemaVersion"))),
            Self::NotWellFormed { .. } | Self::TooComplex { .. } | Self::Twice { .. } | Self::NotAnObject => {
                (ErrorCode::InvalidDocumentContent, None)
            }
            Self::Member { path, .. } | Self::UnknownMember(path) | Self::Undeclared { path, .. } => {
                (ErrorCode::InvalidDocumentContent, Some(place(path)))
            }
            Self::Pattern(name) | Self::TooManyPatterns(name) => {
                (ErrorCode::InvalidDocumentContent, Some(place(&format!("parameters.{name}.allowedPattern"))))
            }
        };
        match place {
            Some(position) => ApiError::new(code, format!("{self} {position}")),
            None => ApiError::new(code, self.to_string()),
        }
    }
}

/// What whoever asks for a session with the document is told.
impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        Self::new(ErrorCode::InvalidDocument, format!("The document can not start a session: {error}."))
    }
}

const _: () = assert!(MAX_DOCUMENT_BYTES == 64 * 1024, "the sentence above says 64 KB");
