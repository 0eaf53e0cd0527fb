//! Many connections: each stream that the client opens is one to the destination.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postern_protocol::Clock as _;
use postern_protocol::channel::data_channel::Event as ChannelEvent;
use postern_protocol::mux::{Config, Dialect, Event, Multiplexer, Role, StreamId};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::StreamFlag;
use postern_transport::tasks::Tasks;
use postern_transport::{SystemClock, sleep_until};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::channel::SessionChannel;
use super::super::{End, Terminate};
use super::connection::{Connection, Shared, Signals};
use crate::forward::Destination;
use crate::link::Connect;

/// How often an old stock client wants a sign of life (spec session-types §6.5).
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Runs the session. It ends when somebody ends it.
pub(super) async fn run<C: Connect>(
    channel: &mut SessionChannel<C>,
    destination: Destination,
    dialect: Dialect,
    keeps_alive: bool,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    // The usual limit of 1,024 open files is less than the connections that a session may have. Nothing inherits it here.
    postern_transport::raise_file_limit();
    let mux = Multiplexer::new(Config::new(Role::Acceptor, dialect));
    let mut session = Session {
        channel,
        destination: Arc::new(destination),
        shared: Arc::new(Shared::new(mux)),
        tasks: Tasks::new(),
        connections: BTreeMap::new(),
        tells_failures: dialect == Dialect::Smux1,
        keep_alive_at: keeps_alive.then(|| SystemClock.now().instant),
    };
    match session.serve(mailbox).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

enum Never {}

struct Session<'a, C: Connect> {
    channel: &'a mut SessionChannel<C>,
    destination: Arc<Destination>,
    shared: Arc<Shared>,
    tasks: Tasks,
    connections: BTreeMap<StreamId, Running>,
    /// A stock client prints that a connection failed when it is told by a flag.
    tells_failures: bool,
    keep_alive_at: Option<Instant>,
}

/// A connection's task, which ends with its owner.
struct Running {
    signals: Arc<Signals>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<C: Connect> Session<'_, C> {
    async fn serve(&mut self, mailbox: &mut mpsc::Receiver<Terminate>) -> Result<Never, End> {
        loop {
            let has_taken = self.take_input()?;
            self.handle_news();
            self.give_output();
            if has_taken {
                // What comes in bulk is always ready: the connections must have their turn to pass it on.
                tokio::task::yield_now().await;
            }
            tokio::select! {
                driven = self.channel.drive() => driven?,
                () = self.shared.wake.notified() => {}
                _ = mailbox.recv() => return Err(End::Terminated),
                () = sleep_until(self.keep_alive_at), if self.keep_alive_at.is_some() => {
                    self.shared.lock().mux.keep_alive();
                    self.keep_alive_at = Some(SystemClock.now().instant + KEEP_ALIVE);
                }
            }
        }
    }

    /// Takes what the client sent. Without windows, what too many connections have not read stays in the channel.
    /// Says whether there was any.
    fn take_input(&mut self) -> Result<bool, End> {
        let mut has_taken = false;
        while (self.shared.lock().mux.wants_data() || self.channel.is_closing())
            && let Some(event) = self.channel.poll_event()
        {
            has_taken = true;
            match event {
                ChannelEvent::ChannelClosed(_) => return Err(End::Terminated),
                ChannelEvent::Data { payload_type: PayloadType::OUTPUT, payload } => {
                    let handled = self.shared.lock().mux.handle_data(payload);
                    handled.map_err(|error| End::Failed(error.to_string()))?;
                }
                ChannelEvent::Data { payload_type: PayloadType::FLAG, payload }
                    if StreamFlag::decode(&payload) == Ok(StreamFlag::TerminateSession) =>
                {
                    return Err(End::Terminated);
                }
                _ => {}
            }
        }
        Ok(has_taken)
    }

    fn handle_news(&mut self) {
        let ended = std::mem::take(&mut self.shared.lock().ended);
        for id in ended {
            self.connections.remove(&id);
        }
        loop {
            let Some(event) = self.shared.lock().mux.poll_event() else { return };
            let (id, signal): (_, fn(&Signals)) = match event {
                Event::Opened(id) => {
                    self.open(id);
                    continue;
                }
                Event::Readable(id) => (id, |signals| signals.readable.notify_one()),
                Event::Writable(id) => (id, |signals| signals.writable.notify_one()),
                Event::Reset(id, _) => (id, |signals| signals.dropped.notify_one()),
                Event::Connected(_) => continue,
            };
            if let Some(connection) = self.connections.get(&id) {
                signal(&connection.signals);
            }
        }
    }

    fn open(&mut self, id: StreamId) {
        let signals = Arc::new(Signals::default());
        let connection = Connection { shared: Arc::clone(&self.shared), signals: Arc::clone(&signals), id };
        let task = self.tasks.spawn("forwarded connection", connection.run(Arc::clone(&self.destination)));
        self.connections.insert(id, Running { signals, task });
    }

    /// Gives the channel a payload whenever one can leave at once: what waits in the channel waits in front of
    /// everything that is decided later.
    fn give_output(&mut self) {
        if self.tells_failures {
            let failures = std::mem::take(&mut self.shared.lock().not_connected);
            for _ in 0..failures {
                self.channel.write(PayloadType::FLAG, &StreamFlag::ConnectToPortError.encode());
            }
        }
        self.channel.share_window(self.shared.lock().mux.has_sparse());
        loop {
            let room = self.channel.payload_room();
            let Some(payload) = self.shared.lock().mux.poll_transmit(room) else { return };
            self.channel.write_bytes(PayloadType::OUTPUT, payload);
        }
    }
}
