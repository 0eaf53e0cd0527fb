//! Documents, settings, and tags of nodes and documents.

use postern_iam::{Arn, DocumentName};
use postern_model::document::DocumentType;
use postern_model::tag::TaggedType;
use postern_policy::Context;
use postern_store::Tag;

use super::{Creation, OnNode, Question, Resource, Subject, Tagging, only};

/// A document, which need not exist.
#[derive(Clone, Debug)]
pub struct OnDocument {
    /// Its ARN.
    pub arn: Arn,
    /// Its type, if it is there or about to be.
    pub document_type: Option<DocumentType>,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

impl OnDocument {
    pub(super) fn resource(&self) -> Resource<'_> {
        Resource::Document { arn: &self.arn, document_type: self.document_type, tags: &self.tags }
    }
}

impl Subject for OnDocument {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.resource())
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What acts on tags are about.
#[derive(Clone, Debug)]
pub enum OnTagged {
    /// A managed node, which need not exist.
    Node(OnNode),
    /// A document, which need not exist.
    Document {
        /// The document.
        document: OnDocument,
        /// As the account's own documents are named; none if it is not one of those.
        own: Option<DocumentName>,
    },
    /// Anything else; there is nothing of that kind and name here.
    Other(TaggedType, String),
}

impl Subject for OnTagged {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(match self {
            Self::Node(node) => node.resource(),
            Self::Document { document, .. } => document.resource(),
            Self::Other(_, name) => Resource::Nothing(name),
        })
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What acts on service settings are about.
#[derive(Clone, Debug)]
pub enum OnSetting {
    /// One that there is.
    Known {
        /// Its path.
        path: &'static str,
        /// Its ARN.
        arn: Arn,
    },
    /// What was named instead.
    Unknown(String),
}

impl Subject for OnSetting {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(match self {
            Self::Known { arn, .. } => Resource::ServiceSetting(arn),
            Self::Unknown(name) => Resource::Nothing(name),
        })
    }

    fn request_keys(&self, _: &mut Context) {}
}

acts! {
    /// Put tags on something.
    AddTagsToResource = Api(AddTagsToResource), on Tagging<OnTagged>;
    /// List the tags of something.
    ListTagsForResource = Api(ListTagsForResource), on OnTagged;
    /// Take tags from something.
    RemoveTagsFromResource = Api(RemoveTagsFromResource), on Tagging<OnTagged>;
    /// Read a setting.
    GetServiceSetting = Api(GetServiceSetting), on OnSetting;
    /// Change a setting.
    UpdateServiceSetting = Api(UpdateServiceSetting), on OnSetting;
    /// Return a setting to its default.
    ResetServiceSetting = Api(ResetServiceSetting), on OnSetting;
    /// Keep a document.
    CreateDocument = Api(CreateDocument), on Creation<OnDocument>;
    /// Read a document's text.
    GetDocument = Api(GetDocument), on OnDocument;
    /// Read what a document says about itself.
    DescribeDocument = Api(DescribeDocument), on OnDocument;
    /// Add a version.
    UpdateDocument = Api(UpdateDocument), on OnDocument;
    /// Choose the default version.
    UpdateDocumentDefaultVersion = Api(UpdateDocumentDefaultVersion), on OnDocument;
    /// Remove a document or a version.
    DeleteDocument = Api(DeleteDocument), on OnDocument;
    /// List documents.
    ListDocuments = Api(ListDocuments), on ();
    /// List a document's versions.
    ListDocumentVersions = Api(ListDocumentVersions), on OnDocument;
    /// Share a document.
    ModifyDocumentPermission = Api(ModifyDocumentPermission), on OnDocument;
    /// See with whom a document is shared.
    DescribeDocumentPermission = Api(DescribeDocumentPermission), on OnDocument;
}
