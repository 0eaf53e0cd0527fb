//! One session and the connections it carries, from StartSession to its end.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use postern_client::{Arrival, Cause, Service, SessionError, Ticket, Tunnel, TunnelEvent, TunnelOpener, sentence};
use postern_model::session::StartSessionRequest;
use postern_protocol::Clock as _;
use postern_protocol::wire::open::Token;
use postern_transport::{SystemClock, sleep_until};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::report::Report;
use super::spec::Destination;

const TO_NODE: &str = "AWS-StartPortForwardingSession";
const TO_HOST: &str = "AWS-StartPortForwardingSessionToRemoteHost";

/// A session that fails within this time never worked.
const WORKS_AFTER: Duration = Duration::from_secs(10);

/// How long telling the service of an end may take.
const TERMINATE_WITHIN: Duration = Duration::from_secs(2);

/// A session to be carried.
pub(super) struct Carriage {
    pub(super) service: Rc<Service>,
    pub(super) node_id: String,
    pub(super) reason: Option<String>,
    pub(super) destination: Destination,
    /// The local end that its flow counts for.
    pub(super) way: usize,
    /// Connections to carry.
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    pub(super) load: Rc<Load>,
    pub(super) report: Rc<Report>,
    pub(super) stop: CancellationToken,
    /// Says when it is open.
    pub(super) announces: bool,
    /// Ends when it has carried nothing for this long.
    pub(super) idle_timeout: Option<Duration>,
}

/// What others may know of a session that is carried.
#[derive(Default)]
pub(super) struct Load {
    pub(super) connections: Cell<usize>,
    pub(super) is_open: Cell<bool>,
}

/// How a session ended.
pub(super) enum Ending {
    /// It was told to stop, or had nothing to do.
    Quiet,
    /// It did work, and another one may.
    Worked(String),
    /// It never worked.
    Failed(String),
}

impl Carriage {
    /// Carries connections until the session ends. Nothing of it is left on the node.
    pub(super) async fn run(mut self) -> Ending {
        let stop = self.stop.clone();
        let session_id = Cell::new(None);
        let opened = tokio::select! {
            () = stop.cancelled() => None,
            opened = self.open(&session_id) => Some(opened),
        };
        let mut is_over = false;
        let ending = match opened {
            None => Ending::Quiet,
            Some(Err(cause)) => Ending::Failed(cause),
            Some(Ok(mut tunnel)) => {
                if self.announces {
                    self.report.open(self.way);
                }
                self.load.is_open.set(true);
                match self.carry(&mut tunnel).await {
                    Some((ending, over)) => {
                        is_over = over;
                        ending
                    }
                    None => {
                        // Whoever comes from here on gets another session.
                        self.arrivals.close();
                        // The agent closes its connections at once; the service hears the rest from us, since an agent
                        // that has lost its control channel tells it late.
                        tunnel.terminate().await;
                        tunnel.flows().for_each(|flow| self.report.closed(self.way, flow));
                        Ending::Quiet
                    }
                }
            }
        };
        self.arrivals.close();
        while let Ok(arrival) = self.arrivals.try_recv() {
            arrival.refuse(None);
        }
        if !is_over && let Some(session_id) = session_id.take() {
            // The service ends it by itself if it cannot be told.
            let _ = tokio::time::timeout(TERMINATE_WITHIN, self.service.terminate(&session_id)).await;
        }
        ending
    }

    async fn open(&self, session_id: &Cell<Option<String>>) -> Result<Tunnel<Service>, String> {
        let started = self.service.call(&self.request()).await.map_err(|error| sentence(&error))?;
        session_id.set(Some(started.session_id.clone()));
        let ticket = Ticket {
            session_id: started.session_id,
            token: Token::from(started.token_value.expose()),
            stream_url: started.stream_url,
            target: self.node_id.clone(),
        };
        let dialer = self.service.dialer().clone();
        let opener = TunnelOpener { access: Rc::clone(&self.service), dialer, ticket };
        opener.open().await.map_err(|error| sentence(&error))
    }

    fn request(&self) -> StartSessionRequest {
        let mut parameters = BTreeMap::from([("portNumber".to_owned(), vec![self.destination.port.to_string()])]);
        let document = match &self.destination.host {
            None => TO_NODE,
            Some(host) => {
                parameters.insert("host".to_owned(), vec![host.clone()]);
                TO_HOST
            }
        };
        StartSessionRequest {
            target: self.node_id.clone(),
            document_name: Some(document.parse().expect("the names of AWS's own documents are documents' names")),
            reason: self.reason.clone(),
            parameters,
        }
    }

    /// How the session ended, and whether it is over on the node, too; none if it has not, and is to.
    async fn carry(&mut self, tunnel: &mut Tunnel<Service>) -> Option<(Ending, bool)> {
        let works_at = now() + WORKS_AFTER;
        let mut carried = false;
        let mut idle_since = now();
        loop {
            self.load.connections.set(tunnel.connections());
            let idle_at = self.idle_timeout.filter(|_| tunnel.connections() == 0).map(|idle| idle_since + idle);
            let can_open = tunnel.can_open();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                event = tunnel.next() => match event {
                    TunnelEvent::NotConnected(reset) => {
                        let said = reset.map(|reset| reset.sentence).filter(|sentence| !sentence.is_empty());
                        let cause = said.unwrap_or_else(|| "the node cannot connect; its agent's log says why".to_owned());
                        self.report.failed(&self.destination, &cause);
                    }
                    TunnelEvent::Closed(flow) => {
                        idle_since = now();
                        self.report.closed(self.way, flow);
                    }
                    TunnelEvent::Missing(cause) => {
                        self.report.note(&self.destination, &format!("no connection to the session, trying again: {cause}"));
                    }
                    TunnelEvent::Back => self.report.note(&self.destination, "connected to the session again"),
                    TunnelEvent::Ending(warning) => self.report.note(&self.destination, &warning),
                    TunnelEvent::Room => {}
                    TunnelEvent::Ended(ending) => {
                        let (cause, is_over) = told(ending);
                        let worked = carried || now() >= works_at;
                        return Some((if worked { Ending::Worked(cause) } else { Ending::Failed(cause) }, is_over));
                    }
                },
                arrival = self.arrivals.recv(), if can_open => match arrival {
                    Some(arrival) => {
                        carried = true;
                        tunnel.open(arrival);
                    }
                    None => return None,
                },
                () = sleep_until(idle_at) => return None,
            }
        }
    }
}

/// A session's end in words, and whether it is over on the node, too.
fn told(ending: Result<Cause, SessionError>) -> (String, bool) {
    match ending {
        Ok(Cause::Closed { output }) if !output.is_empty() => (output, true),
        Ok(Cause::TimedOut) => ("the session ended while there was no connection to it".to_owned(), true),
        Ok(_) => ("the session was ended".to_owned(), true),
        Err(error) => (sentence(&error), false),
    }
}

fn now() -> Instant {
    SystemClock.now().instant
}
