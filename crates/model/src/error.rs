//! The one table from failure to error code, HTTP status and fault.
//!
//! An [`ApiError`] is what the caller is told, so its message names the cause and the fix and holds no secret. What went
//! wrong inside the service is logged where it happened and becomes `InternalServerError` here.

mod code;

use std::fmt;
use std::time::Duration;

use postern_iam::sigv4::SigV4Error;
use serde_json::json;

use crate::operation::Service;

pub use code::{ErrorCode, Fault};

/// The response header that repeats the error's name.
pub const ERROR_TYPE_HEADER: &str = "x-amzn-ErrorType";

/// The response header that says in milliseconds how long to wait before calling again. botocore and AWS's SDK for
/// JavaScript do so, if it is no more than five seconds longer than they would have waited anyway.
pub const RETRY_AFTER_HEADER: &str = "x-amz-retry-after";

/// An error as the caller of an operation sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", self.name(), self.loggable())]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    retry_after: Option<Duration>,
    foreign: Option<Foreign>,
}

/// What another service called an error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Foreign {
    name: String,
    status: u16,
}

/// The longest name of an error that is passed on.
const MAX_NAME_BYTES: usize = 128;

impl ApiError {
    /// An error with a sentence that names the cause and, if the caller can mend it, the fix.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, foreign: None }
    }

    /// An error that another service gave to a request that was passed on to it, under the name and status that it has
    /// there. `None` for what cannot be an error's name or status.
    ///
    /// Its message goes to the caller and nowhere else: what it repeats of the request may be a secret.
    #[must_use]
    pub fn passed_on(name: &str, status: u16, message: impl Into<String>) -> Option<Self> {
        let is_name = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        let nearest = match status {
            400..=499 => ErrorCode::ValidationException,
            500..=599 => ErrorCode::InternalServerError,
            _ => return None,
        };
        let code = ErrorCode::ALL.iter().find(|code| code.as_str() == name).copied().unwrap_or(nearest);
        let foreign = Foreign { name: name.to_owned(), status };
        is_name.then(|| Self { foreign: Some(foreign), ..Self::new(code, message) })
    }

    /// The service failed. The cause is logged by whoever found it; the caller only learns that it may try again.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ErrorCode::InternalServerError, "The service failed to answer; try again, and tell its operator.")
    }

    /// AWS's sentence for a principal that is not allowed to do something. `reason` completes it, such as
    /// "because no identity-based policy allows the action"; it may be empty.
    #[must_use]
    pub fn access_denied(
        principal: &impl fmt::Display,
        action: &str,
        resource: &impl fmt::Display,
        reason: &str,
    ) -> Self {
        let separator = if reason.is_empty() { "" } else { " " };
        let message = format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource}{separator}{reason}"
        );
        Self::new(ErrorCode::AccessDeniedException, message)
    }

    /// The target cannot take a session. AWS says no more than the first sentence; `detail` says why.
    #[must_use]
    pub fn target_not_connected(target: &str, detail: &str) -> Self {
        let separator = if detail.is_empty() { "" } else { " " };
        Self::new(ErrorCode::TargetNotConnected, format!("{target} is not connected.{separator}{detail}"))
    }

    /// No record, no session. Why there is none is for the operator, and in the service's log.
    #[must_use]
    pub fn not_recorded() -> Self {
        let message = "The session must be recorded and cannot be, so it is not started. The service's log says why.";
        Self::new(ErrorCode::RecordingUnavailable, message)
    }

    /// No session with this id.
    #[must_use]
    pub fn session_does_not_exist(session_id: &str) -> Self {
        Self::new(ErrorCode::DoesNotExistException, format!("Session {session_id} does not exist."))
    }

    /// The same error, with the advice not to call again before that long.
    #[must_use]
    pub fn come_again_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// How long the caller should wait before it calls again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn loggable(&self) -> &str {
        if self.foreign.is_some() { "passed on from another service" } else { &self.message }
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        self.foreign.as_ref().map_or(self.code.as_str(), |foreign| &foreign.name)
    }

    /// Which error it is; of one that was passed on and is not in the table, the nearest.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.foreign.as_ref().map_or(self.code.status(), |foreign| foreign.status)
    }

    /// The same error in the words of this service: each has its own name for "it is our fault", and those of the Query
    /// protocol for whatever can happen before an operation is looked at.
    #[must_use]
    pub fn told_by(mut self, service: Service) -> Self {
        if self.foreign.is_some() {
            return self;
        }
        self.code = match (service, self.code) {
            (Service::Kms, ErrorCode::InternalServerError) => ErrorCode::KMSInternalException,
            (Service::Logs, ErrorCode::InternalServerError) => ErrorCode::ServiceUnavailableException,
            (Service::Iam, ErrorCode::InternalServerError) => ErrorCode::ServiceFailure,
            (Service::Sts, ErrorCode::InternalServerError) => ErrorCode::InternalFailure,
            (Service::Iam | Service::Sts, code) => in_query(code),
            (_, code) => code,
        };
        self
    }

    /// The body of the reply of this service: they disagree about one letter.
    #[must_use]
    pub fn body(&self, service: Service) -> String {
        let message = match service {
            Service::Kms | Service::Logs => "message",
            Service::Ssm
            | Service::Ec2Messages
            | Service::Iam
            | Service::Sts
            | Service::CloudTrail
            | Service::Postern => "Message",
        };
        json!({ "__type": self.name(), message: self.message }).to_string()
    }
}

/// What services of the Query protocol call what the others have longer names for.
fn in_query(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::AccessDeniedException => ErrorCode::AccessDenied,
        ErrorCode::ExpiredTokenException => ErrorCode::ExpiredToken,
        ErrorCode::IncompleteSignatureException => ErrorCode::IncompleteSignature,
        ErrorCode::InvalidSignatureException => ErrorCode::SignatureDoesNotMatch,
        ErrorCode::MissingAuthenticationTokenException => ErrorCode::MissingAuthenticationToken,
        ErrorCode::SerializationException => ErrorCode::MalformedInput,
        ErrorCode::ThrottlingException => ErrorCode::Throttling,
        ErrorCode::UnknownOperationException => ErrorCode::InvalidAction,
        ErrorCode::UnrecognizedClientException => ErrorCode::InvalidClientTokenId,
        ErrorCode::ValidationException => ErrorCode::ValidationError,
        other => other,
    }
}

impl From<SigV4Error> for ApiError {
    fn from(error: SigV4Error) -> Self {
        let code = match error.code() {
            "MissingAuthenticationTokenException" => ErrorCode::MissingAuthenticationTokenException,
            "IncompleteSignatureException" => ErrorCode::IncompleteSignatureException,
            _ => ErrorCode::InvalidSignatureException,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn the_body_is_the_one_clients_read() {
        let error = ApiError::target_not_connected("mi-0c83012b7aac4ccda", "Its agent was last seen at noon.");
        assert_eq!(error.status(), 400);
        assert_eq!(
            error.body(Service::Ssm),
            r#"{"Message":"mi-0c83012b7aac4ccda is not connected. Its agent was last seen at noon.","__type":"TargetNotConnected"}"#
        );
    }

    #[test]
    fn each_service_has_its_own_words() {
        let internal = |service| ApiError::internal().told_by(service).code();
        assert_eq!(internal(Service::Ssm), ErrorCode::InternalServerError);
        assert_eq!(internal(Service::Kms), ErrorCode::KMSInternalException);
        assert_eq!(internal(Service::Logs), ErrorCode::ServiceUnavailableException);
        let error = ApiError::new(ErrorCode::ValidationException, "no").told_by(Service::Kms);
        assert_eq!(error.body(Service::Kms), r#"{"__type":"ValidationException","message":"no"}"#);
    }

    #[test]
    fn what_is_passed_on_keeps_its_name_and_status() {
        for (name, status, nearest) in [
            ("DisabledException", 409, ErrorCode::DisabledException),
            ("InvalidSequenceTokenException", 400, ErrorCode::ValidationException),
            ("InternalFailure", 500, ErrorCode::InternalFailure),
            ("SomethingFailed", 500, ErrorCode::InternalServerError),
            ("InternalServerError", 500, ErrorCode::InternalServerError),
        ] {
            let error = ApiError::passed_on(name, status, "'hunter2' is wrong").unwrap().told_by(Service::Kms);
            assert_eq!((error.name(), error.status(), error.code()), (name, status, nearest));
            assert_eq!(error.body(Service::Logs), format!(r#"{{"__type":"{name}","message":"'hunter2' is wrong"}}"#));
            assert_eq!(error.to_string(), format!("{name}: passed on from another service"));
        }
        for (name, status) in [("", 400), ("two words", 400), ("a\r\nb", 400), (&"x".repeat(129), 400), ("Moved", 301)]
        {
            assert_eq!(ApiError::passed_on(name, status, ""), None, "{name}");
        }
    }

    #[test]
    fn callers_faults_are_4xx_and_ours_are_5xx() {
        for code in ErrorCode::ALL {
            assert_eq!(code.status() >= 500, code.fault() == Fault::Service, "{code}");
        }
    }

    #[test]
    fn signature_errors_keep_their_code_and_sentence() {
        let error = ApiError::from(SigV4Error::NotSigned);
        assert_eq!(error.code(), ErrorCode::MissingAuthenticationTokenException);
        assert!(error.message().contains("carries no signature"));
        assert_eq!(ApiError::from(SigV4Error::Mismatch).code(), ErrorCode::InvalidSignatureException);
        assert_eq!(ApiError::from(SigV4Error::Incomplete("x")).code(), ErrorCode::IncompleteSignatureException);
    }
}
