//! The sessions of this node, as the agent's main process sees them.
//!
//! Each runs in a process of its own. This process may be gone at any moment, so what it must remember is in the
//! session's folder: the folder itself means "started", a result in it means "ended, and the service may not know".
//! The folder goes when the service has acknowledged the result.

use std::collections::{BTreeMap, VecDeque};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use postern_iam::SessionId;
use postern_protocol::Clock as _;
use postern_transport::tasks::Tasks;
use postern_transport::{SystemClock, sleep_until};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;
use tokio::sync::mpsc;

use crate::local_socket::{Stream, connect, read_message, split, write_message};
use crate::session::SessionResult;
use crate::state::{StateError, StateFolder, private};
use crate::users::Users;
use crate::worker::{Command, Hello, LOG_FILE, Order, RESULT_FILE, SOCKET, store_result};

/// How long a worker may take until its socket is there. Also how long a new main process looks for a worker that
/// may have been starting when the former one died.
const APPEARANCE: Duration = Duration::from_secs(10);
const APPEARANCE_POLL: Duration = Duration::from_millis(25);
/// A worker that was told to end and has not ended after this is killed.
const END_GRACE: Duration = Duration::from_secs(20);
/// Sessions that this process has seen end. A start message for one of them is a repetition.
const REMEMBERED: usize = 256;
/// More sessions at once than any machine has users for; the stock agent has the same limit.
const MAX_SESSIONS: usize = 1000;

/// How session workers are started: a program and its first arguments; the session's folder is appended, so that a
/// process list tells one worker from another. What is secret goes through standard input.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The program: usually this one.
    pub program: PathBuf,
    /// Its arguments, ending with the name of the hidden subcommand.
    pub args: Vec<String>,
}

/// A session that has ended and whose result is stored.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) session_id: SessionId,
    pub(crate) result: SessionResult,
}

/// A running session.
#[derive(Debug)]
struct Running {
    commands: mpsc::Sender<Command>,
}

/// Why a session was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// It runs, or has run.
    #[error("the session was started before")]
    Repeated,
    /// There are too many.
    #[error("this node already runs {MAX_SESSIONS} sessions")]
    TooMany,
    /// No folder, no process.
    #[error(transparent)]
    State(#[from] StateError),
    /// No process.
    #[error("the session's process cannot be started")]
    Spawn(#[source] std::io::Error),
}

/// The sessions. Owned by the agent's main task.
pub(crate) struct Sessions {
    state: StateFolder,
    users: Users,
    worker: WorkerCommand,
    tasks: Tasks,
    running: BTreeMap<SessionId, Running>,
    ended: VecDeque<SessionId>,
    events: mpsc::Sender<Ended>,
}

impl Sessions {
    /// No session yet. What ends is told through `events`.
    pub(crate) fn new(state: StateFolder, worker: WorkerCommand, tasks: Tasks, events: mpsc::Sender<Ended>) -> Self {
        let users = Users::new(state.root());
        Self { state, users, worker, tasks, running: BTreeMap::new(), ended: VecDeque::new(), events }
    }

    /// Finds the sessions that a former main process has left: running ones, and ended ones that were not reported. Users
    /// that were made for others are looked after.
    pub(crate) fn adopt(&mut self) -> Result<usize, StateError> {
        let (state, users) = (self.state.clone(), self.users.clone());
        self.tasks.spawn("users of former sessions", async move {
            // Asked when it matters: one that starts meanwhile has its folder before it has its user.
            users.sweep(|session| session.parse().is_ok_and(|id| state.session(&id).exists())).await;
        });
        let found = self.state.sessions()?;
        for session_id in &found {
            let folder = self.state.session(session_id);
            self.watch(session_id, Watch { folder, child: None, order: Vec::new() });
        }
        Ok(found.len())
    }

    /// Starts a session in a process of its own.
    pub(crate) fn start(&mut self, session_id: &SessionId, order: &Order) -> Result<(), StartError> {
        if self.running.contains_key(session_id) || self.ended.contains(session_id) {
            return Err(StartError::Repeated);
        }
        if self.running.len() >= MAX_SESSIONS {
            return Err(StartError::TooMany);
        }
        if !self.state.create_session(session_id)? {
            return Err(StartError::Repeated);
        }
        let folder = self.state.session(session_id);
        match spawn(&self.worker, &folder) {
            Ok(child) => {
                let order = serde_json::to_vec(order).expect("an order has string keys only");
                self.watch(session_id, Watch { folder, child: Some(child), order });
                Ok(())
            }
            Err(error) => {
                self.state.remove_session(session_id)?;
                Err(StartError::Spawn(error))
            }
        }
    }

    /// Asks a session to end. `false`: there is none of that name.
    pub(crate) fn terminate(&self, session_id: &SessionId) -> bool {
        let Some(running) = self.running.get(session_id) else {
            return false;
        };
        // A full mailbox has the same wish in it already.
        let _ = running.commands.try_send(Command::Terminate);
        true
    }

    /// Asks every session to end.
    pub(crate) fn terminate_all(&self) {
        for running in self.running.values() {
            let _ = running.commands.try_send(Command::Terminate);
        }
    }

    /// Notes the end of a session that `events` told of.
    pub(crate) fn note_ended(&mut self, session_id: &SessionId) {
        self.running.remove(session_id);
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(session_id.clone());
    }

    /// The service knows the result: the session may be forgotten.
    pub(crate) fn forget(&self, session_id: &SessionId) {
        if let Err(error) = self.state.remove_session(session_id) {
            tracing::warn!(session.id = %session_id, %error, "a session's folder was left behind");
        }
    }

    /// The running sessions, in order.
    pub(crate) fn running(&self) -> impl Iterator<Item = &SessionId> {
        self.running.keys()
    }

    fn watch(&mut self, session_id: &SessionId, watch: Watch) {
        let (commands, mailbox) = mpsc::channel(1);
        self.running.insert(session_id.clone(), Running { commands });
        let (session_id, events, shutdown) = (session_id.clone(), self.events.clone(), self.tasks.shutdown().clone());
        let users = self.users.clone();
        self.tasks.spawn("session watch", async move {
            let result = tokio::select! {
                result = watch.run(&session_id, mailbox) => result,
                () = shutdown.cancelled() => return,
            };
            // Its process is gone, however it went; whoever hears of the end finds the user gone, too.
            users.leave(session_id.as_str()).await;
            // Without a receiver the agent is ending, and the next one finds the result in the folder.
            let _ = events.send(Ended { session_id, result }).await;
        });
    }
}

fn spawn(worker: &WorkerCommand, folder: &Path) -> std::io::Result<Child> {
    let log = private(OpenOptions::new().create(true).append(true)).open(folder.join(LOG_FILE))?;
    let mut command = std::process::Command::new(&worker.program);
    command
        .args(&worker.args)
        .arg(folder)
        .current_dir(if cfg!(windows) { folder } else { Path::new("/") })
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log);
    postern_pty::detach(&mut command)?;
    tokio::process::Command::from(command).spawn()
}

/// Accompanies one worker until it has ended.
struct Watch {
    folder: PathBuf,
    /// The process, when this is the main process that started it.
    child: Option<Child>,
    /// What it is told on its standard input.
    order: Vec<u8>,
}

impl Watch {
    async fn run(mut self, session_id: &SessionId, mut mailbox: mpsc::Receiver<Command>) -> SessionResult {
        if let Some(stdin) = self.child.as_mut().and_then(|child| child.stdin.take()) {
            let mut stdin = stdin;
            // A worker that ended before it read everything has left its reason, or none.
            let _ = stdin.write_all(&self.order).await;
            let _ = stdin.shutdown().await;
        }
        self.order = Vec::new();
        if let Some(stream) = self.appearance().await {
            self.accompany(session_id, stream, &mut mailbox).await;
        }
        if let Some(child) = &mut self.child {
            let _ = child.wait().await;
        }
        self.result(session_id)
    }

    /// Connects as soon as the worker listens. `None`: it has ended, or there is none.
    async fn appearance(&mut self) -> Option<Stream> {
        let attempts = async {
            loop {
                // The result first: a worker that has ended may leave its socket behind.
                if self.folder.join(RESULT_FILE).exists() {
                    return None;
                }
                if let Ok(stream) = connect(&self.folder, SOCKET).await {
                    return Some(stream);
                }
                tokio::time::sleep(APPEARANCE_POLL).await;
            }
        };
        let attempts = tokio::time::timeout(APPEARANCE, attempts);
        match &mut self.child {
            Some(child) => tokio::select! {
                found = attempts => found.ok().flatten(),
                _ = child.wait() => None,
            },
            None => attempts.await.ok().flatten(),
        }
    }

    /// Passes commands on until the worker closes the connection, which is its end.
    async fn accompany(&mut self, session_id: &SessionId, stream: Stream, mailbox: &mut mpsc::Receiver<Command>) {
        let (mut reader, mut writer) = split(stream);
        let mut until_closed = std::pin::pin!(async move {
            while let Ok(Some(hello)) = read_message::<Hello>(&mut reader).await {
                tracing::debug!(session.id = hello.session_id, process.id = hello.process_id, "session process found");
            }
        });
        let mut ends_by = None;
        loop {
            tokio::select! {
                () = &mut until_closed => return,
                Some(command) = mailbox.recv() => {
                    let _ = write_message(&mut writer, &command).await;
                    ends_by.get_or_insert_with(|| SystemClock.now().instant + END_GRACE);
                }
                () = sleep_until(ends_by), if self.child.is_some() => {
                    tracing::warn!(session.id = %session_id, "a session's process does not end; it is killed");
                    if let Some(child) = &mut self.child {
                        let _ = child.start_kill();
                    }
                    ends_by = None;
                }
            }
        }
    }

    /// What the worker left. A worker that left nothing was killed, or the machine restarted under it.
    fn result(&self, session_id: &SessionId) -> SessionResult {
        let stored = std::fs::read(self.folder.join(RESULT_FILE)).ok();
        if let Some(result) = stored.and_then(|content| serde_json::from_slice(&content).ok()) {
            return result;
        }
        let result = SessionResult {
            is_failed: true,
            output: "The session's process on the node ended unexpectedly.".to_owned(),
        };
        tracing::warn!(session.id = %session_id, last_words = last_line(&self.folder), "a session's process is gone");
        if let Err(error) = store_result(&self.folder, &result) {
            tracing::warn!(session.id = %session_id, %error, "the session's result cannot be written");
        }
        result
    }
}

/// The end of the worker's log: where a panic is.
fn last_line(folder: &Path) -> String {
    let log = std::fs::read(folder.join(LOG_FILE)).unwrap_or_default();
    let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(1024)..]).into_owned();
    let line = tail.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.chars().filter(|shown| !shown.is_control()).take(300).collect()
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use std::io::Read as _;

    use postern_protocol::wire::payload::SessionStart;

    use super::*;
    use crate::identity::TrustSource;
    use crate::session::{AccountPolicy, End};
    use crate::worker::attend;

    const PATIENCE: Duration = Duration::from_secs(30);
    const ID: &str = "tester-0123456789abcdef0";

    /// A main process, up to its death.
    struct MainProcess {
        sessions: Sessions,
        ended: mpsc::Receiver<Ended>,
        tasks: Tasks,
    }

    fn main_process(state: &StateFolder) -> MainProcess {
        let (events, ended) = mpsc::channel(8);
        let tasks = Tasks::new();
        let worker = WorkerCommand {
            program: std::env::current_exe().unwrap(),
            args: ["--exact", "sessions::tests::worker_process", "--nocapture"].map(String::from).into(),
        };
        MainProcess { sessions: Sessions::new(state.clone(), worker, tasks.clone(), events), ended, tasks }
    }

    impl MainProcess {
        async fn next_end(&mut self) -> Ended {
            let ended = tokio::time::timeout(PATIENCE, self.ended.recv()).await.unwrap().unwrap();
            self.sessions.note_ended(&ended.session_id);
            ended
        }

        /// Its tasks are gone at once, its children live on: what `kill -9` leaves.
        async fn die(self) {
            self.tasks.stop(PATIENCE).await.unwrap();
        }
    }

    fn order(state: &StateFolder, id: &SessionId) -> Order {
        Order {
            start: SessionStart { session_id: id.to_string(), ..SessionStart::default() },
            folder: state.session(id),
            state_dir: state.root().to_path_buf(),
            endpoint: "http://127.0.0.1:1".into(),
            region: "us-east-1".into(),
            trust: TrustSource::WebPki,
            accounts: AccountPolicy::default(),
            forwarding: crate::forward::ForwardPolicy::default(),
            log: "info".into(),
            credentials: None,
        }
    }

    /// Not a test: what the tests below start as their session's process. It runs until it is told to end.
    #[tokio::test]
    async fn worker_process() {
        if !std::env::args().next_back().unwrap().contains("/sessions/") {
            return;
        }
        let mut order = Vec::new();
        std::io::stdin().read_to_end(&mut order).unwrap();
        let order: Order = serde_json::from_slice(&order).unwrap();
        let result = attend(&order, async |mailbox| match mailbox.recv().await {
            Some(_) => End::Failed("told to end".into()),
            None => End::Finished,
        })
        .await;
        store_result(&order.folder, &result).unwrap();
    }

    async fn process_id(state: &StateFolder, id: &SessionId) -> u32 {
        let found = async {
            loop {
                if let Ok(stream) = connect(&state.session(id), SOCKET).await {
                    let (mut reader, _writer) = split(stream);
                    return read_message::<Hello>(&mut reader).await.unwrap().unwrap().process_id;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap()
    }

    #[tokio::test]
    async fn a_session_outlives_its_main_process_and_is_adopted_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let id: SessionId = ID.parse().unwrap();
        let mut first = main_process(&state);
        first.sessions.start(&id, &order(&state, &id)).unwrap();
        let worker = process_id(&state, &id).await;
        first.die().await;

        let mut second = main_process(&state);
        assert_eq!(second.sessions.adopt().unwrap(), 1);
        assert_eq!(process_id(&state, &id).await, worker, "the same process");
        assert!(matches!(second.sessions.start(&id, &order(&state, &id)), Err(StartError::Repeated)));
        assert!(second.sessions.terminate(&id));
        let ended = second.next_end().await;
        assert_eq!(ended.result, SessionResult { is_failed: true, output: "told to end".into() });

        // The service may not have heard: the folder stays, and so does the memory of a start.
        assert!(matches!(second.sessions.start(&id, &order(&state, &id)), Err(StartError::Repeated)));
        second.die().await;
        let mut third = main_process(&state);
        assert_eq!(third.sessions.adopt().unwrap(), 1);
        assert_eq!(third.next_end().await.result, ended.result, "reported again");
        third.sessions.forget(&id);
        assert!(state.sessions().unwrap().is_empty());
        assert!(!third.sessions.terminate(&id));
    }

    #[tokio::test]
    async fn a_process_that_dies_without_a_word_is_a_failed_session() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let id: SessionId = ID.parse().unwrap();
        let mut main = main_process(&state);
        main.sessions.start(&id, &order(&state, &id)).unwrap();
        let worker = process_id(&state, &id).await;
        let killed = std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap();
        assert!(killed.success());
        let ended = main.next_end().await;
        assert!(ended.result.is_failed && ended.result.output.contains("unexpectedly"), "{:?}", ended.result);
    }

    #[tokio::test]
    async fn a_worker_that_cannot_be_started_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let id: SessionId = ID.parse().unwrap();
        let mut main = main_process(&state);
        main.sessions.worker.program = "/no/such/program".into();
        assert!(matches!(main.sessions.start(&id, &order(&state, &id)), Err(StartError::Spawn(_))));
        assert!(state.sessions().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_order_does_not_show_in_the_process_list() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let id: SessionId = ID.parse().unwrap();
        let mut main = main_process(&state);
        let mut secret = order(&state, &id);
        secret.start.session_owner = "hunter2".into();
        main.sessions.start(&id, &secret).unwrap();
        let worker = process_id(&state, &id).await;
        let of_process = |name: &str| std::fs::read(format!("/proc/{worker}/{name}")).unwrap_or_default();
        for shown in [of_process("cmdline"), of_process("environ")] {
            assert!(!shown.windows(7).any(|window| window == b"hunter2"));
        }
        main.sessions.terminate_all();
        main.next_end().await;
    }
}
