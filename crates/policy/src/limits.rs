//! How large a policy may be, and which elements its kind has.

/// What a policy is attached to, which decides the elements that it must and must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// Attached to a user, group or role, a permissions boundary, a session policy, an organisation's limit: has
    /// `Resource` or `NotResource` and no principal.
    Identity,
    /// A role's trust policy: has a principal, only `Action` with actions of `sts`, and no resource.
    Trust,
    /// Attached to a resource: has a principal and a resource.
    Resource,
}

/// What [`crate::Policy::parse`] takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Which elements the document has.
    pub kind: DocumentKind,
    /// Characters that are not white space, as AWS counts.
    pub max_characters: usize,
    /// Statements.
    pub max_statements: usize,
    /// The sentence for who exceeds `max_characters`: AWS has one for each place.
    quota: Quota,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quota {
    Inline(&'static str),
    Named(&'static str),
    Packed,
}

/// The longest text that is looked at, in bytes, white space included. AWS's limit for the parameter.
pub const MAX_DOCUMENT_BYTES: usize = 131_072;

/// The deepest nesting of a document. The language itself needs six.
pub const MAX_DEPTH: usize = 16;

const STATEMENTS: usize = 512;

impl Limits {
    /// The inline policies of a user, together.
    pub const USER_INLINE: Self = Self::identity(2048, Quota::Inline("user"));
    /// The inline policies of a group, together.
    pub const GROUP_INLINE: Self = Self::identity(5120, Quota::Inline("group"));
    /// The inline policies of a role, together.
    pub const ROLE_INLINE: Self = Self::identity(10_240, Quota::Inline("role"));
    /// A version of a managed policy, also where it is used as a permissions boundary.
    pub const MANAGED: Self = Self::identity(6144, Quota::Named("PolicySize"));
    /// A session policy, given with a request for temporary credentials.
    pub const SESSION: Self = Self::identity(2048, Quota::Packed);
    /// An organisation-level limit.
    pub const ORGANISATION: Self = Self::identity(5120, Quota::Named("PolicySize"));
    /// A role's trust policy.
    pub const TRUST: Self = Self {
        kind: DocumentKind::Trust,
        max_characters: 2048,
        max_statements: STATEMENTS,
        quota: Quota::Named("ACLSizePerRole"),
    };
    /// A policy attached to a resource.
    pub const RESOURCE: Self = Self {
        kind: DocumentKind::Resource,
        max_characters: 20_480,
        max_statements: STATEMENTS,
        quota: Quota::Named("PolicySize"),
    };

    /// For what was accepted before and is read again: as large as [`MAX_DOCUMENT_BYTES`] lets it be, so that a smaller
    /// limit of a later version locks nobody out.
    #[must_use]
    pub const fn stored(kind: DocumentKind) -> Self {
        Self {
            kind,
            max_characters: MAX_DOCUMENT_BYTES,
            max_statements: MAX_DOCUMENT_BYTES,
            quota: Quota::Named("PolicySize"),
        }
    }

    /// The same, with another number of characters: what the other inline policies of a principal leave.
    #[must_use]
    pub const fn with_max_characters(self, max_characters: usize) -> Self {
        Self { max_characters, ..self }
    }

    pub(crate) const fn quota(&self) -> Quota {
        self.quota
    }

    const fn identity(max_characters: usize, quota: Quota) -> Self {
        Self { kind: DocumentKind::Identity, max_characters, max_statements: STATEMENTS, quota }
    }
}

/// The size of a document as quotas count it: characters that are not white space.
#[must_use]
pub fn quota_characters(document: &str) -> usize {
    document.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).count()
}
