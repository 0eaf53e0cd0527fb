//! The names of errors, with the HTTP status and the fault of each.

use std::fmt;

/// Who has to do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller: the same request will fail again.
    Caller,
    /// The caller, by waiting: the same request may succeed later.
    Load,
    /// We.
    Service,
}

/// A code's name on the wire: its own, unless two codes have one name there.
macro_rules! wire_name {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $wire:literal) => {
        $wire
    };
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $(as $wire:literal)?: $status:literal $fault:ident,)+) => {
        /// The name of an error, as clients match on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name on the wire (`__type`).
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => wire_name!($name $($wire)?),)+
                }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                }
            }

            /// Who has to do something about it.
            #[must_use]
            pub fn fault(self) -> Fault {
                match self {
                    $(Self::$name => Fault::$fault,)+
                }
            }
        }
    };
}

codes! {
    /// Known, but not allowed, in the words of services of the Query protocol.
    AccessDenied: 403 Caller,
    /// There is one of this name already.
    AlreadyExistsException: 400 Caller,
    /// Known, but not allowed. For a stock agent asking for its role token it means: stay away for half an hour.
    AccessDeniedException: 400 Caller,
    /// The activation is past its date.
    ActivationExpired: 400 Caller,
    /// A document of that name exists.
    DocumentAlreadyExists: 400 Caller,
    /// Too many documents.
    DocumentLimitExceeded: 400 Caller,
    /// Shared with too many accounts.
    DocumentPermissionLimit: 400 Caller,
    /// Too many versions of one document.
    DocumentVersionLimitExceeded: 400 Caller,
    /// No such session.
    DoesNotExistException: 400 Caller,
    /// A new version that says what the latest one says.
    DuplicateDocumentContent: 400 Caller,
    /// A version of that name exists.
    DuplicateDocumentVersionName: 400 Caller,
    /// There is something to be removed first.
    DeleteConflict: 409 Caller,
    /// A session that must be recorded cannot be. AWS has no such error, because it has no such session.
    RecordingUnavailable: 503 Service,
    /// There is one of this name already.
    EntityAlreadyExists: 409 Caller,
    /// What a provider of identities said is past its date. STS has one name for this and another one for credentials.
    ExpiredIdentityToken as "ExpiredTokenException": 400 Caller,
    /// Temporary credentials are past their date; SDKs fetch new ones.
    ExpiredTokenException: 400 Caller,
    /// The same in the words of services of the Query protocol.
    ExpiredToken: 403 Caller,
    /// A provider of identities does not tell its keys; SDKs try again.
    IDPCommunicationError: 400 Load,
    /// What a provider of identities said cannot be meant.
    IDPRejectedClaim: 403 Caller,
    /// A part of the signature is missing or malformed.
    IncompleteSignatureException: 400 Caller,
    /// The same in the words of services of the Query protocol.
    IncompleteSignature: 400 Caller,
    /// The machine is registered already.
    InstanceAlreadyRegistered: 400 Caller,
    /// The key service that requests are passed on to did not answer in time.
    DependencyTimeoutException: 500 Service,
    /// The key is switched off.
    DisabledException: 400 Caller,
    /// It would have been done, had it been asked for in earnest.
    DryRunOperationException: 412 Caller,
    /// The ciphertext was made with another key than the one named.
    IncorrectKeyException: 400 Caller,
    /// Our fault, whatever it is, in the words of STS.
    InternalFailure: 500 Service,
    /// Our fault, whatever it is.
    InternalServerError: 500 Service,
    /// No such operation, in the words of services of the Query protocol.
    InvalidAction: 400 Caller,
    /// No such activation, or its code is wrong, or it is used up.
    InvalidActivation: 400 Caller,
    /// A name that an alias cannot have.
    InvalidAliasNameException: 400 Caller,
    /// An ARN that cannot be meant here.
    InvalidArnException: 400 Caller,
    /// The access key id or the session token is unknown, in the words of services of the Query protocol.
    InvalidClientTokenId: 403 Caller,
    /// A member that makes no sense to IAM.
    InvalidInput: 400 Caller,
    /// Changed, or made with another key or encryption context.
    InvalidCiphertextException: 400 Caller,
    /// A grant token that makes no sense.
    InvalidGrantTokenException: 400 Caller,
    /// A key of another kind than the operation needs.
    InvalidKeyUsageException: 400 Caller,
    /// What a provider of identities is said to have said is not believed.
    InvalidIdentityToken: 400 Caller,
    /// There are no insights.
    InvalidEventCategoryException: 400 Caller,
    /// An attribute that events cannot be looked up by.
    InvalidLookupAttributesException: 400 Caller,
    /// A page size that cannot be.
    InvalidMaxResultsException: 400 Caller,
    /// Not a page token of CloudTrail's.
    InvalidNextTokenException: 400 Caller,
    /// A time that ends before it begins.
    InvalidTimeRangeException: 400 Caller,
    /// Not a page marker of this operation.
    InvalidMarkerException: 400 Caller,
    /// Not the form of an activation's id.
    InvalidActivationId: 400 Caller,
    /// No such document, or not one for sessions.
    InvalidDocument: 400 Caller,
    /// A document's text is not one of its type.
    InvalidDocumentContent: 400 Caller,
    /// The document cannot be changed in this way.
    InvalidDocumentOperation: 400 Caller,
    /// Not a schema version of documents of this type.
    InvalidDocumentSchemaVersion: 400 Caller,
    /// No such version, or not one that can be changed.
    InvalidDocumentVersion: 400 Caller,
    /// A filter of `DescribeActivations` makes no sense.
    InvalidFilter: 400 Caller,
    /// A filter key that the operation does not know.
    InvalidFilterKey: 400 Caller,
    /// No such node, or not one that the operation can act on.
    InvalidInstanceId: 400 Caller,
    /// A filter value that `DescribeInstanceInformation` does not know.
    InvalidInstanceInformationFilterValue: 400 Caller,
    /// A filter value that `DescribeInstanceProperties` does not know.
    InvalidInstancePropertyFilterValue: 400 Caller,
    /// Not a page token of this operation.
    InvalidNextToken: 400 Caller,
    /// A member breaks a constraint of CloudWatch Logs.
    InvalidParameterException: 400 Caller,
    /// A document's parameters, or an activation's settings, are not acceptable.
    InvalidParameters: 400 Caller,
    /// The only way to share is to `Share`.
    InvalidPermissionType: 400 Caller,
    /// Nothing of this id, or of this kind, that could have tags.
    InvalidResourceId: 400 Caller,
    /// The signature does not match, or is out of time or scope.
    InvalidSignatureException: 400 Caller,
    /// Our fault, whatever it is, in the words of the key service.
    KMSInternalException: 500 Service,
    /// The key is in a state in which this cannot be done.
    KMSInvalidStateException: 400 Caller,
    /// The key's store does not answer; SDKs retry.
    KeyUnavailableException: 500 Service,
    /// There are as many as there may be, in IAM's words.
    LimitExceeded: 409 Caller,
    /// There are as many as there may be.
    LimitExceededException: 400 Caller,
    /// The fingerprint is not the one the node registered with.
    MachineFingerprintDoesNotMatch: 400 Caller,
    /// The form is none, or a member has the wrong type.
    MalformedInput: 400 Caller,
    /// The session's policies and tags are longer than a session token has room for.
    PackedPolicyTooLarge: 400 Caller,
    /// A one-time code that is not the device's, or not any more.
    InvalidAuthenticationCode: 403 Caller,
    /// Not a policy.
    MalformedPolicyDocument: 400 Caller,
    /// A document is too large.
    MaxDocumentSizeExceeded: 400 Caller,
    /// A form that names no operation.
    MissingAction: 400 Caller,
    /// Not signed, in the words of services of the Query protocol.
    MissingAuthenticationToken: 403 Caller,
    /// Not signed.
    MissingAuthenticationTokenException: 400 Caller,
    /// No such user, group, role, policy or access key.
    NoSuchEntity: 404 Caller,
    /// No such key or alias.
    NotFoundException: 400 Caller,
    /// There is one of this name already.
    ResourceAlreadyExistsException: 400 Caller,
    /// No such log group or log stream.
    ResourceNotFoundException: 400 Caller,
    /// The body is not JSON, or a member has the wrong JSON type.
    SerializationException: 400 Caller,
    /// There is as much as the service's settings allow.
    ServiceQuotaExceededException: 400 Caller,
    /// No such service setting.
    ServiceSettingNotFound: 400 Caller,
    /// Our fault, whatever it is, in IAM's words.
    ServiceFailure: 500 Service,
    /// Starting, stopping or overloaded; SDKs retry.
    ServiceUnavailable: 503 Service,
    /// Our fault, whatever it is, in the words of CloudWatch Logs.
    ServiceUnavailableException: 503 Service,
    /// The signature does not match, or is out of time or scope, in the words of services of the Query protocol.
    SignatureDoesNotMatch: 403 Caller,
    /// A tag that cannot be.
    TagException: 400 Caller,
    /// The node cannot take a session now.
    TargetNotConnected: 400 Caller,
    /// Too many requests, in the words of services of the Query protocol.
    Throttling: 400 Load,
    /// Too many requests; SDKs back off and retry.
    ThrottlingException: 400 Load,
    /// More tags than a resource may have.
    TooManyTagsError: 400 Caller,
    /// Two changes at once; stock agents retry.
    TooManyUpdates: 400 Load,
    /// No such operation.
    UnknownOperationException: 400 Caller,
    /// The access key id or the session token is unknown.
    UnrecognizedClientException: 400 Caller,
    /// AWS offers it, we do not.
    UnsupportedOperationException: 400 Caller,
    /// What is the service's own cannot be changed.
    UnmodifiableEntity: 400 Caller,
    /// A member breaks a constraint, in the words of services of the Query protocol.
    ValidationError: 400 Caller,
    /// A member breaks a constraint.
    ValidationException: 400 Caller,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
