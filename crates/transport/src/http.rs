//! A small HTTP/1.1 client: one request at a time over a kept connection, bodies bounded, deadlines everywhere.
//!
//! It refuses to follow redirects, to decompress, to keep cookies and to repeat a request that may have been acted on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HOST, HeaderMap};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::dialer::Dialer;
use crate::endpoint::Endpoint;
use crate::error::TransportError;
use crate::stream::NetStream;

/// Larger than any answer of an AWS API that we call.
const DEFAULT_BODY_LIMIT_BYTES: usize = 8 * 1024 * 1024;
/// Servers and middleboxes drop idle connections after a minute or so; a connection is not used again near that.
const MAX_IDLE: Duration = Duration::from_secs(20);
/// What hyper may hold of an answer's head and of bytes read ahead.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A request with its whole body.
#[derive(Clone)]
pub struct HttpRequest {
    /// GET, POST and so on.
    pub method: Method,
    /// Where it goes.
    pub url: Endpoint,
    /// Sent as they are; `host` is added when missing.
    pub headers: Vec<(String, String)>,
    /// May be empty.
    pub body: Bytes,
}

impl HttpRequest {
    /// Asks for what is there.
    #[must_use]
    pub fn get(url: Endpoint) -> Self {
        Self { method: Method::GET, url, headers: Vec::new(), body: Bytes::new() }
    }
}

/// An answer with its whole body.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status code.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// Complete and within the client's bound.
    pub body: Bytes,
}

/// Neither headers nor body: signatures, tokens and keys travel in them.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.method, self.url, self.body.len())
    }
}

/// Neither headers nor body.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.status, self.body.len())
    }
}

/// Sends requests. Clones share the kept connection; requests made at the same time each get a connection.
#[derive(Clone, Debug)]
pub struct HttpClient {
    dialer: Dialer,
    body_limit_bytes: usize,
    idle: Arc<Mutex<Option<Kept>>>,
}

/// An idle connection, ready for the next request to the same peer.
#[derive(Debug)]
struct Kept {
    connection: Box<Http1>,
    peer: String,
    since: Instant,
}

/// Both halves of hyper's connection. No task drives it: it moves while a request is under way and rests in between.
#[derive(Debug)]
pub(crate) struct Http1 {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    /// Dropped as soon as it has ended: only then does the sender know.
    pub(crate) driver: Option<Driver>,
}

pub(crate) type Driver = Connection<TokioIo<NetStream>, Full<Bytes>>;

impl HttpClient {
    /// A client without a connection yet.
    #[must_use]
    pub fn new(dialer: Dialer) -> Self {
        Self { dialer, body_limit_bytes: DEFAULT_BODY_LIMIT_BYTES, idle: Arc::default() }
    }

    /// The same client with another bound on answers' bodies.
    #[must_use]
    pub fn with_body_limit(mut self, limit_bytes: usize) -> Self {
        self.body_limit_bytes = limit_bytes;
        self
    }

    /// Sends `request` and reads the whole answer. Any status is an answer.
    ///
    /// A request is sent a second time only when the kept connection turned out to be closed before any of it was
    /// written.
    ///
    /// # Errors
    /// No connection, no complete answer within `timeout`, or an answer beyond the bound.
    pub async fn send(&self, request: HttpRequest, timeout: Duration) -> Result<HttpResponse, TransportError> {
        Box::pin(self.send_until(request, Deadline::after(timeout))).await
    }

    async fn send_until(&self, request: HttpRequest, deadline: Deadline) -> Result<HttpResponse, TransportError> {
        let endpoint = request.url.clone();
        let authority = endpoint.host_and_port();
        let peer = format!("{}://{authority}", endpoint.scheme().as_str());
        let mut request = build(request)?;
        loop {
            let mut connection = match self.take_idle(&peer).await {
                Some(kept) => kept,
                None => Box::new(Http1::open(&self.dialer, &endpoint, deadline).await?),
            };
            let step = || format!("waiting for the answer of {authority}");
            match deadline.run(step, connection.exchange(request, &authority, self.body_limit_bytes)).await? {
                Exchange::Answered(response) => {
                    if connection.is_reusable() {
                        self.keep(Kept { connection, peer, since: Instant::now() });
                    }
                    return Ok(response);
                }
                Exchange::NotSent(unsent) => request = *unsent,
                Exchange::Failed(error) => return Err(error),
            }
        }
    }

    async fn take_idle(&self, peer: &str) -> Option<Box<Http1>> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let mut connection = kept.connection;
        (kept.peer == peer && kept.since.elapsed() < MAX_IDLE && connection.is_alive().await).then_some(connection)
    }

    fn keep(&self, kept: Kept) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

/// How one attempt ended.
enum Exchange {
    Answered(HttpResponse),
    /// The connection was closed before any byte of the request was written.
    NotSent(Box<Request<Full<Bytes>>>),
    Failed(TransportError),
}

impl Http1 {
    pub(crate) async fn open(dialer: &Dialer, endpoint: &Endpoint, deadline: Deadline) -> Result<Self, TransportError> {
        let stream = dialer.dial_until(endpoint, deadline).await?;
        let (sender, driver) = Builder::new()
            .max_buf_size(READ_BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| TransportError::Exchange { authority: endpoint.host_and_port(), source })?;
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Looks once whether the peer has closed the connection while it was idle.
    async fn is_alive(&mut self) -> bool {
        std::future::poll_fn(|cx| {
            if poll_driver(&mut self.driver, cx).is_ready() {
                self.driver = None;
            }
            Poll::Ready(self.driver.is_some() && self.sender.is_ready())
        })
        .await
    }

    fn is_reusable(&self) -> bool {
        self.driver.is_some() && !self.sender.is_closed()
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>, authority: &str, limit_bytes: usize) -> Exchange {
        let failed = |source| Exchange::Failed(TransportError::Exchange { authority: authority.to_owned(), source });
        let sender = &mut self.sender;
        let answer = async {
            let response = match sender.try_send_request(request).await {
                Ok(response) => response,
                Err(mut error) => {
                    return match error.take_message() {
                        Some(unsent) => Exchange::NotSent(Box::new(unsent)),
                        None => failed(error.into_error()),
                    };
                }
            };
            let answered = match collect(response, limit_bytes).await {
                Ok(Some(response)) => response,
                Ok(None) => {
                    let authority = authority.to_owned();
                    return Exchange::Failed(TransportError::BodyTooLarge { authority, limit_bytes });
                }
                Err(source) => return failed(source),
            };
            // Only now does the connection know whether it can take another request.
            let _ = sender.ready().await;
            Exchange::Answered(answered)
        };
        drive(&mut self.driver, answer).await
    }
}

/// Runs `work`, which waits for what `driver` delivers. The driver may end first: what it delivered is still there, and
/// dropping it tells `work` that nothing else will come.
pub(crate) async fn drive<T>(driver: &mut Option<impl Future + Unpin>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        ready!(poll_driver(driver, cx));
        *driver = None;
        work.as_mut().poll(cx)
    })
    .await
}

/// Ready when the driver has ended; never again after it was dropped. How it ended is told to the request.
fn poll_driver(driver: &mut Option<impl Future + Unpin>, cx: &mut Context<'_>) -> Poll<()> {
    match driver {
        Some(driver) => Pin::new(driver).poll(cx).map(drop),
        None => Poll::Pending,
    }
}

fn build(request: HttpRequest) -> Result<Request<Full<Bytes>>, TransportError> {
    let HttpRequest { method, url, headers, body } = request;
    build_head(method, &url, &headers)
        .body(Full::new(body))
        .map_err(|source| TransportError::Request { authority: url.host_and_port(), source })
}

pub(crate) fn build_head(method: Method, url: &Endpoint, headers: &[(String, String)]) -> http::request::Builder {
    let mut builder = Request::builder().method(method).uri(url.path_and_query());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(HOST.as_str())) {
        builder = builder.header(HOST, url.authority());
    }
    headers.iter().fold(builder, |builder, (name, value)| builder.header(name.as_str(), value.as_str()))
}

/// The whole answer, or nothing when its body is larger than the bound.
async fn collect(response: Response<Incoming>, limit_bytes: usize) -> Result<Option<HttpResponse>, hyper::Error> {
    let (head, mut incoming) = response.into_parts();
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        if let Ok(data) = frame?.into_data() {
            if data.len() > limit_bytes - body.len() {
                return Ok(None);
            }
            body.extend_from_slice(&data);
        }
    }
    Ok(Some(HttpResponse { status: head.status, headers: head.headers, body: body.freeze() }))
}

/// The beginning of a body as text, for errors.
pub(crate) async fn excerpt(incoming: Incoming) -> String {
    const EXCERPT_BYTES: usize = 1024;
    let mut incoming = incoming;
    let mut body = Vec::new();
    while let Some(Ok(frame)) = incoming.frame().await {
        if let Ok(data) = frame.into_data() {
            body.extend_from_slice(&data[..data.len().min(EXCERPT_BYTES - body.len())]);
            if body.len() == EXCERPT_BYTES {
                break;
            }
        }
    }
    String::from_utf8_lossy(&body).chars().map(|shown| if shown.is_control() { ' ' } else { shown }).collect()
}
