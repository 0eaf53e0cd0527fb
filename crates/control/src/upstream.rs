//! Services of somebody else's that the operator had requests passed on to: a KMS, a CloudWatch Logs.
//!
//! [`Upstream`] is the port; a program names the adapter. What goes there was authenticated, decoded, validated and
//! decided upon here like every other request, is encoded again from what was understood, and is signed with credentials
//! that no caller sees. What comes back is decoded too, so that neither side can put anything past us. The texts of
//! requests, answers and errors are data keys and what sessions printed: none of them is logged.

mod outage;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use postern_model::{ApiError, ApiRequest, ErrorCode, Operation, Service};

use crate::Control;
use crate::authz::{Act, Action, Authorized};
use crate::provider_keys::WebDocuments;
use outage::Outage;

/// More of an error's sentence is not passed on.
const MAX_MESSAGE_CHARACTERS: usize = 2000;

/// One service of somebody else's.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Sends a request, JSON, signed with the upstream's own credentials, and returns the answer, JSON. It takes no
    /// longer than the operator allows, holds a bounded number of requests, and reads a bounded answer.
    ///
    /// # Errors
    /// [`UpstreamError`]. The request may have been acted on all the same.
    async fn call(&self, operation: Operation, request: Bytes) -> Result<Bytes, UpstreamError>;
}

/// Why there is no answer. The texts are for whoever operates the service: a sentence with the cause and the fix, and
/// nothing of what was sent or received.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It answered with an error.
    #[error("it answered {}", .name.as_deref().map_or_else(|| format!("with HTTP status {status}"), str::to_owned))]
    Answered {
        /// AWS's name of the error, if there was one.
        name: Option<String>,
        /// For the caller.
        message: String,
        /// The HTTP status.
        status: u16,
    },
    /// There are as many requests to it as there may be.
    #[error("it is slow, and as many requests wait for it as may")]
    Busy,
    /// It did not answer in time.
    #[error("{0}")]
    Late(String),
    /// It cannot be reached, or what it says is no answer.
    #[error("{0}")]
    Unusable(String),
    /// There are no credentials to sign with.
    #[error("{0}")]
    Credentials(String),
}

impl UpstreamError {
    /// Whether it refuses whoever signed: our credentials, and not what the caller asked for.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        match self {
            Self::Answered { name: Some(name), .. } => REFUSED_CREDENTIALS.contains(&name.as_str()),
            Self::Answered { name: None, status, .. } => matches!(status, 401 | 403),
            Self::Credentials(_) => true,
            Self::Busy | Self::Late(_) | Self::Unusable(_) => false,
        }
    }

    /// One sentence with the cause and the fix.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Answered { .. } if self.is_about_credentials() => {
                format!(
                    "{self}: it refuses the credentials that requests are signed with; check them, and this machine's clock"
                )
            }
            Self::Answered { name: None, .. } => format!("{self} and no error of AWS's; check its address"),
            other => other.to_string(),
        }
    }
}

/// What AWS's services say to a signature that is no good, and to keys that are unknown, disabled or out of date.
const REFUSED_CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Where requests are passed on to; to nobody unless the operator says so.
#[derive(Clone, Default)]
pub struct Upstreams {
    /// Instead of the embedded keys.
    pub kms: Option<Arc<dyn Upstream>>,
    /// Instead of the embedded logs.
    pub logs: Option<Arc<dyn Upstream>>,
    /// What providers of identities publish; if this is nobody, no provider's word is taken.
    pub providers: Option<Arc<dyn WebDocuments>>,
}

/// [`Upstreams`] in use.
pub(crate) struct Routes {
    kms: Option<Route>,
    logs: Option<Route>,
}

struct Route {
    service: Service,
    upstream: Arc<dyn Upstream>,
    outage: Mutex<Outage>,
    /// While it works, and denies us something.
    denials: Mutex<Outage>,
}

impl From<Upstreams> for Routes {
    fn from(upstreams: Upstreams) -> Self {
        let route = |service, upstream: Option<Arc<dyn Upstream>>| {
            upstream.map(|upstream| Route { service, upstream, outage: Mutex::default(), denials: Mutex::default() })
        };
        Self { kms: route(Service::Kms, upstreams.kms), logs: route(Service::Logs, upstreams.logs) }
    }
}

impl Routes {
    fn of(&self, service: Service) -> Option<&Route> {
        match service {
            Service::Kms => self.kms.as_ref(),
            Service::Logs => self.logs.as_ref(),
            Service::Ssm
            | Service::Ec2Messages
            | Service::Iam
            | Service::Sts
            | Service::CloudTrail
            | Service::Postern => None,
        }
    }
}

impl Control {
    /// Whether the requests of a service are passed on.
    pub(crate) fn passes_on(&self, service: Service) -> bool {
        self.routes.of(service).is_some()
    }

    /// Passes a request on, if its service's are; it must be what the decision was about. The proof of a decision about
    /// another operation does not compile.
    pub(crate) async fn pass_on<A: Act, R: ApiRequest>(
        &self,
        _allowed: &Authorized<A>,
        request: &R,
    ) -> Option<Result<R::Response, ApiError>> {
        const { assert!(is_for(A::ACTION, R::OPERATION), "the decision is about another operation") };
        let route = self.routes.of(R::OPERATION.service())?;
        let body = serde_json::to_vec(request).expect("requests are made to be sent as JSON");
        let answered = route.upstream.call(R::OPERATION, body.into()).await;
        let answer = answered.and_then(|body| {
            // AWS answers with nothing at all where there is nothing to say.
            let body = if matches!(body.trim_ascii(), b"" | b"null") { b"{}" } else { &body[..] };
            // What serde says about it repeats parts of it.
            serde_json::from_slice(body).map_err(|error| {
                let (line, column) = (error.line(), error.column());
                let operation = R::OPERATION;
                UpstreamError::Unusable(format!(
                    "its answer to {operation} cannot be read (line {line}, column {column}); it may be another service \
                     or another version"
                ))
            })
        });
        Some(match answer {
            Ok(answer) => {
                self.works(route);
                Ok(answer)
            }
            Err(error) => Err(self.told(route, R::OPERATION, &error)),
        })
    }

    /// What the caller is told of a failure, which is logged here. An error that is the upstream's answer to the caller
    /// goes through; one that only the operator can do something about is a 5xx, so that clients come again.
    fn told(&self, route: &Route, operation: Operation, error: &UpstreamError) -> ApiError {
        let name = route.name();
        if !error.is_about_credentials()
            && let UpstreamError::Answered { name: Some(code), message, status } = error
            && let message = message.chars().take(MAX_MESSAGE_CHARACTERS).collect::<String>()
            && let Some(passed_on) = ApiError::passed_on(code, *status, message)
        {
            self.works(route);
            if passed_on.code() == ErrorCode::AccessDeniedException
                && let Some(unlogged) = self.is_worth_a_line(&route.denials)
            {
                tracing::warn!(%operation, unlogged, "the {name} that requests are passed on to denies this to the service");
            }
            return passed_on;
        }
        if let Some(unlogged) = self.is_worth_a_line(&route.outage) {
            let sentence = error.sentence();
            tracing::error!(upstream = name, unlogged, "requests that are passed on to {name} fail: {sentence}");
        }
        let (code, why) = match (error, route.service) {
            (UpstreamError::Busy, _) => (ErrorCode::ThrottlingException, "is slow, and too many requests wait for it"),
            (UpstreamError::Late(_), Service::Kms) => {
                (ErrorCode::DependencyTimeoutException, "did not answer in time; try again")
            }
            (UpstreamError::Late(_), _) => (ErrorCode::InternalServerError, "did not answer in time; try again"),
            _ if error.is_about_credentials() => {
                (ErrorCode::InternalServerError, "refuses the service's own credentials; tell the service's operator")
            }
            _ => (ErrorCode::InternalServerError, "cannot be used now; try again, and tell the service's operator"),
        };
        ApiError::new(code, format!("The {name} that requests are passed on to {why}."))
    }

    fn is_worth_a_line(&self, outage: &Mutex<Outage>) -> Option<u64> {
        outage.lock().unwrap_or_else(PoisonError::into_inner).failed(self.clock.now().instant)
    }

    fn works(&self, route: &Route) {
        if route.outage.lock().unwrap_or_else(PoisonError::into_inner).ended() {
            tracing::info!(upstream = route.name(), "{} answers again", route.name());
        }
    }
}

impl Route {
    fn name(&self) -> &'static str {
        match self.service {
            Service::Kms => "KMS",
            Service::Logs => "CloudWatch Logs",
            Service::Ssm | Service::Ec2Messages | Service::CloudTrail | Service::Postern => "Systems Manager",
            Service::Iam | Service::Sts => "Identity and Access Management",
        }
    }
}

const fn is_for(action: Action, operation: Operation) -> bool {
    match action {
        Action::Api(of) => of as usize == operation as usize,
        _ => false,
    }
}
