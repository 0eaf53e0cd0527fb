//! Local ends, and the sessions behind them: those that were asked for from the start, those of SOCKS clients when they
//! ask.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use postern_client::{Arrival, Service};
use postern_transport::LocalStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::carry::{Carriage, Ending, Load};
use super::report::Report;
use super::spec::Destination;
use super::{Way, socks};

/// Connections that wait for their session at a time; others wait to be accepted.
const WAITING_ARRIVALS: usize = 32;

/// Sessions of SOCKS clients at a time: each is a process on the node.
const MAX_SOCKS_SESSIONS: usize = 32;

/// SOCKS clients of one local end that have not asked yet.
const MAX_ASKING: usize = 128;

/// SOCKS clients that wait for their sessions to open.
const MAX_WAITING: usize = 1024;

/// How long a SOCKS client's session is kept for the next connection.
const SOCKS_IDLE: Duration = Duration::from_secs(30);

/// How long good-byes may take.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A session of its own for each, even where two local ends lead to one destination.
type Key = (usize, Destination);

/// What runs beside the loop, when it is done.
enum Done {
    Accepted(usize, LocalStream),
    Asked(usize, anyhow::Result<(Destination, Arrival)>),
    /// Taken by its session; or back, because that has ended.
    HandedOver(Key, Option<Arrival>),
    Ended(Key, u64, Ending),
}

struct Running {
    serial: u64,
    arrivals: mpsc::Sender<Arrival>,
    load: Rc<Load>,
    stop: CancellationToken,
}

pub(super) struct Forwarder {
    service: Rc<Service>,
    node_id: String,
    reason: Option<String>,
    ways: Vec<Way>,
    report: Rc<Report>,
    sessions: BTreeMap<Key, Running>,
    work: FuturesUnordered<Pin<Box<dyn Future<Output = Done>>>>,
    /// SOCKS clients that have not asked yet, by local end.
    asking: Vec<usize>,
    /// SOCKS clients that wait for their sessions.
    waiting: usize,
    started: u64,
    /// Also those that say good-bye while another one has taken their place.
    alive: usize,
    stop: CancellationToken,
}

impl Forwarder {
    pub(super) fn new(
        service: Rc<Service>,
        node_id: String,
        reason: Option<String>,
        ways: Vec<Way>,
        report: Rc<Report>,
    ) -> Forwarder {
        let asking = vec![0; ways.len()];
        Forwarder {
            service,
            node_id,
            reason,
            ways,
            report,
            sessions: BTreeMap::new(),
            work: FuturesUnordered::new(),
            asking,
            waiting: 0,
            started: 0,
            alive: 0,
            stop: CancellationToken::new(),
        }
    }

    /// Forwards. It ends only with a failure: something that was asked for cannot be.
    pub(super) async fn run(&mut self) -> anyhow::Error {
        for way in 0..self.ways.len() {
            match self.ways.get(way).and_then(|way| way.destination.clone()) {
                Some(destination) => self.start((way, destination), true),
                None => self.report.open(way),
            }
            self.accept(way);
        }
        loop {
            let Some(done) = self.work.next().await else { return std::future::pending().await };
            match done {
                Done::Accepted(way, stream) => self.on_accepted(way, stream),
                Done::Asked(way, asked) => self.on_asked(way, asked),
                Done::HandedOver(key, back) => {
                    let is_socks = self.is_socks(key.0);
                    self.waiting -= usize::from(is_socks);
                    match back {
                        Some(arrival) => self.hand_over(key, arrival),
                        None if is_socks => {}
                        None => self.accept(key.0),
                    }
                }
                Done::Ended(key, serial, ending) => {
                    if let Err(failure) = self.on_ended(&key, serial, ending) {
                        return failure;
                    }
                }
            }
        }
    }

    /// Ends every session and waits for it.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        let sessions = async {
            while self.alive > 0
                && let Some(done) = self.work.next().await
            {
                if matches!(done, Done::Ended(..)) {
                    self.alive -= 1;
                }
            }
        };
        // The service ends what it could not be told of.
        let _ = tokio::time::timeout(STOP_WITHIN, sessions).await;
    }

    fn accept(&self, way: usize) {
        if let Some(listener) = self.ways.get(way).map(|way| Rc::clone(&way.listener)) {
            self.work.push(Box::pin(async move { Done::Accepted(way, listener.accept().await) }));
        }
    }

    fn on_accepted(&mut self, way: usize, stream: LocalStream) {
        match self.ways.get(way).and_then(|way| way.destination.clone()) {
            Some(destination) => self.hand_over((way, destination), Arrival::plain(stream)),
            None => {
                self.work.push(Box::pin(async move { Done::Asked(way, socks::hear(stream).await) }));
                let Some(asking) = self.asking.get_mut(way) else { return };
                *asking += 1;
                if *asking < MAX_ASKING {
                    self.accept(way);
                }
            }
        }
    }

    fn on_asked(&mut self, way: usize, asked: anyhow::Result<(Destination, Arrival)>) {
        if let Some(asking) = self.asking.get_mut(way) {
            *asking -= 1;
            if *asking + 1 == MAX_ASKING {
                self.accept(way);
            }
        }
        match asked {
            Ok((destination, arrival)) => self.hand_over((way, destination), arrival),
            Err(error) => self.report.remark(&format!("a SOCKS client was turned away: {error:#}")),
        }
    }

    /// Gives a connection to its session, which is started if it does not run.
    fn hand_over(&mut self, key: Key, arrival: Arrival) {
        if self.is_socks(key.0) && self.waiting >= MAX_WAITING {
            self.report.failed(&key.1, "too many connections wait for their sessions; close some");
            arrival.refuse(None);
            return;
        }
        // One that says good-bye takes nothing more.
        if self.sessions.get(&key).is_none_or(|session| session.arrivals.is_closed()) {
            if self.is_socks(key.0) && !self.make_room() {
                self.report.failed(&key.1, "too many destinations at a time; close some connections");
                arrival.refuse(None);
                return;
            }
            self.start(key.clone(), false);
        }
        let Some(session) = self.sessions.get(&key) else { return };
        let arrivals = session.arrivals.clone();
        self.waiting += usize::from(self.is_socks(key.0));
        self.work.push(Box::pin(async move {
            let back = arrivals.send(arrival).await.err().map(|refused| refused.0);
            Done::HandedOver(key, back)
        }));
    }

    fn is_socks(&self, way: usize) -> bool {
        self.ways.get(way).is_some_and(|way| way.destination.is_none())
    }

    /// Whether another SOCKS client's session may be started. One that carries nothing makes room.
    fn make_room(&self) -> bool {
        if self.alive < MAX_SOCKS_SESSIONS + self.ways.len() {
            return true;
        }
        let idle = self.sessions.iter().find(|((way, _), session)| {
            let carries_nothing = session.load.is_open.get() && session.load.connections.get() == 0;
            self.is_socks(*way) && carries_nothing && !session.stop.is_cancelled()
        });
        if let Some((_, idle)) = idle {
            idle.stop.cancel();
        }
        // Those that say good-bye are soon gone.
        idle.is_some() && self.alive < 2 * MAX_SOCKS_SESSIONS + self.ways.len()
    }

    fn start(&mut self, key: Key, announces: bool) {
        self.started += 1;
        self.alive += 1;
        let serial = self.started;
        let (arrivals, queue) = mpsc::channel(WAITING_ARRIVALS);
        let load = Rc::new(Load::default());
        let stop = self.stop.child_token();
        let carriage = Carriage {
            service: Rc::clone(&self.service),
            node_id: self.node_id.clone(),
            reason: self.reason.clone(),
            destination: key.1.clone(),
            way: key.0,
            arrivals: queue,
            load: Rc::clone(&load),
            report: Rc::clone(&self.report),
            stop: stop.clone(),
            announces,
            idle_timeout: self.is_socks(key.0).then_some(SOCKS_IDLE),
        };
        self.sessions.insert(key.clone(), Running { serial, arrivals, load, stop });
        self.work.push(Box::pin(async move { Done::Ended(key, serial, carriage.run().await) }));
    }

    fn on_ended(&mut self, key: &Key, serial: u64, ending: Ending) -> anyhow::Result<()> {
        self.alive -= 1;
        if self.sessions.get(key).is_some_and(|session| session.serial == serial) {
            self.sessions.remove(key);
        }
        match ending {
            Ending::Quiet => {}
            Ending::Worked(cause) => {
                self.report.note(&key.1, &format!("{cause}; the next connection starts another session"));
            }
            Ending::Failed(cause) if self.is_socks(key.0) => self.report.failed(&key.1, &cause),
            Ending::Failed(cause) => return Err(anyhow!("cannot forward to {}: {cause}", key.1)),
        }
        Ok(())
    }
}
