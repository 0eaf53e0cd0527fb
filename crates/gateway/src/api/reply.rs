//! Answers in the forms that AWS's clients and agents read: JSON 1.1 for the API, XML for channel creation.

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use postern_model::{ApiError, Operation, RETRY_AFTER_HEADER, Service, query};
use serde::Serialize;

use super::body::BodyError;

const AMZ_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const XML: HeaderValue = HeaderValue::from_static("application/xml");
const TEXT_XML: HeaderValue = HeaderValue::from_static("text/xml");
/// Two clients of three look for this one first (public-api 1).
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A successful answer of the JSON API.
pub(crate) fn json(value: &impl Serialize) -> Result<Response<Body>, ApiError> {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "a response could not be written as JSON");
        ApiError::internal()
    })?;
    Ok(with_body(StatusCode::OK, AMZ_JSON, body))
}

/// A failure of the JSON API of this service.
pub(crate) fn json_error(error: ApiError, service: Service) -> Response<Body> {
    let error = error.told_by(service);
    with_error_type(with_body(status_of(&error), AMZ_JSON, error.body(service).into_bytes()), &error)
}

/// A successful answer of the Query protocol.
pub(crate) fn query_answer(
    operation: Operation,
    value: &impl Serialize,
    request_id: &str,
) -> Result<Response<Body>, ApiError> {
    let members = serde_json::to_value(value).map_err(|error| {
        tracing::error!(%error, "a response could not be written as members");
        ApiError::internal()
    })?;
    Ok(with_body(StatusCode::OK, TEXT_XML, query::answer(operation, &members, request_id).into_bytes()))
}

/// A failure of the Query protocol, of the service that has this version.
pub(crate) fn query_error(error: ApiError, version: &str, request_id: &str) -> Response<Body> {
    let error = error.told_by(Service::of_version(version));
    let body = query::failure(&error, version, request_id);
    with_error_type(with_body(status_of(&error), TEXT_XML, body.into_bytes()), &error)
}

/// The answer to a node that asked for a channel's token. The status has to be 201 and the body XML, or the stock agent
/// takes it for a failure (spec agent-control-channel 1.1).
pub(crate) fn channel_created(root: &str, token: &str) -> Response<Body> {
    let token = escape(token);
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{root} xmlns=\"http://ssmmessages.amazonaws.com/doc/2017-10-01/\">\
         <MessageSchemaVersion>1.0</MessageSchemaVersion><TokenValue>{token}</TokenValue></{root}>"
    );
    with_body(StatusCode::CREATED, XML, body.into_bytes())
}

/// A failure of the channel addresses. The element is the error's name: `<AccessDeniedException>` makes a stock agent
/// fall back to polling, so it must not stand for anything else (spec agent-control-channel 1.1).
pub(crate) fn xml_error(error: &ApiError) -> Response<Body> {
    let (code, message) = (error.name(), escape(error.message()));
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{code}><Message>{message}</Message></{code}>");
    with_error_type(with_body(status_of(error), XML, body.into_bytes()), error)
}

/// A body that was not taken. The service model has no operation with such an error, so its form is decided here.
pub(crate) fn body_error(error: BodyError) -> Response<Body> {
    let (code, status) = error.code_and_status();
    let body = serde_json::json!({ "__type": code, "Message": format!("{error}.") });
    let mut response = with_body(status, AMZ_JSON, body.to_string().into_bytes());
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(code));
    // What is left of the body would be taken for the next request.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A sentence for people.
pub(crate) fn text(status: StatusCode, sentence: impl Into<String>) -> Response<Body> {
    let mut sentence = sentence.into();
    sentence.push('\n');
    with_body(status, HeaderValue::from_static("text/plain; charset=utf-8"), sentence.into_bytes())
}

fn status_of(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn with_error_type(mut response: Response<Body>, error: &ApiError) -> Response<Body> {
    let name = HeaderValue::from_str(error.name()).expect("the name of an error is made of letters, digits and dots");
    response.headers_mut().insert(ERROR_TYPE, name);
    if let Some(wait) = error.retry_after() {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(millis));
    }
    response
}

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const RETRY_AFTER: HeaderName = HeaderName::from_static(RETRY_AFTER_HEADER);

fn with_body(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // XML 1.0 has no way to write other control characters.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use axum::body::to_bytes;
    use postern_model::{ERROR_TYPE_HEADER, ErrorCode};

    async fn body_of(response: Response<Body>) -> String {
        String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_error_type_header_is_the_one_the_model_names() {
        assert!(ERROR_TYPE_HEADER.eq_ignore_ascii_case(ERROR_TYPE.as_str()));
    }

    #[tokio::test]
    async fn what_a_channel_error_says_cannot_become_markup() {
        let error = ApiError::new(ErrorCode::ValidationException, "<AccessDeniedException> & \u{1}");
        assert_eq!(
            body_of(xml_error(&error)).await,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ValidationException><Message>&lt;AccessDeniedException&gt; &amp; \
             \u{fffd}</Message></ValidationException>"
        );
    }

    #[tokio::test]
    async fn a_created_channel_is_201_and_xml() {
        let response = channel_created("CreateDataChannelResponse", "t&t");
        assert_eq!(response.status(), 201);
        assert_eq!(
            body_of(response).await,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <CreateDataChannelResponse xmlns=\"http://ssmmessages.amazonaws.com/doc/2017-10-01/\">\
             <MessageSchemaVersion>1.0</MessageSchemaVersion><TokenValue>t&amp;t</TokenValue></CreateDataChannelResponse>"
        );
    }
}
