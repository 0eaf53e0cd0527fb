//! Reading a request's body: at most so many bytes, within so much time, chunked or not.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// Why a body was not taken. All are the caller's fault or the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request body is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error("the request body did not arrive within {} s", within.as_secs())]
    Late { within: Duration },
    #[error("the request body ended early")]
    Broken,
}

impl BodyError {
    /// The name and status of the error. The service model has no operation with such errors, so its table has none.
    pub(crate) fn code_and_status(self) -> (&'static str, StatusCode) {
        match self {
            Self::TooLarge { .. } => ("RequestEntityTooLargeException", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Late { .. } => ("RequestTimeoutException", StatusCode::REQUEST_TIMEOUT),
            Self::Broken => ("IncompleteBodyException", StatusCode::BAD_REQUEST),
        }
    }
}

/// Reads all of it. An announced length that is too large is refused before a byte is read; a chunked body, as stock
/// agents send with their role-token request, is cut off where it grows too large.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
    within: Duration,
) -> Result<Bytes, BodyError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(BodyError::TooLarge { max_bytes });
    }
    match tokio::time::timeout(within, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge { max_bytes }),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::Late { within }),
    }
}
