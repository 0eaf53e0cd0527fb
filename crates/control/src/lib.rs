//! The application: who may do what to which session, and what follows.
//!
//! [`Control`] is the only way to data for the faces of the service. Each act takes a [`Caller`], asks [`authz`] once,
//! and does one atomic act of the store; what others should know goes out on the bus as a hint. Inner functions demand
//! the proof of the decision as an argument.
//!
//! There are no sockets here, no clock and no randomness: they are handed in as [`Deps`]. Terminal content never comes
//! this way.
//!
//! - The operations of the API: [`Control::start_session`] and the others, one method each, in `session`, `node`,
//!   `activation`, `document`; those of the key service in `kms`, those of logs in `logs`, and `upstream` for when they
//!   are somebody else's to answer.
//! - For the broker: `control_channel` and `data_channel` decide who opens which channel, `supervise` is how the one
//!   supervisor of a session learns what happens elsewhere and stores what happened here, [`lifecycle`] says what to do.
//! - `audit` writes down what was asked for and what came of it.
//! - `explain` says what would be decided, and why.
//! - `live` ends sessions that would not be allowed any more.
//! - For programs: `identity` makes administrators, [`Control::recover`] goes on after a restart,
//!   [`Control::keep_house`] forgets old history.

mod activation;
mod audit;
mod authenticate;
pub mod authz;
mod caller;
mod command;
mod control_channel;
mod data_channel;
mod displacement;
mod document;
mod explain;
mod failure;
#[doc(hidden)]
pub mod fuzz;
mod guesses;
mod halves;
mod iam;
mod identity;
mod keys;
mod kms;
pub mod lifecycle;
mod live;
mod lock;
mod logs;
mod node;
mod page;
mod people;
mod policies;
mod provider_keys;
mod recording;
mod recover;
mod refusals;
mod role;
mod service_setting;
mod session;
mod session_token;
mod settings;
mod sts;
mod supervise;
mod tag;
mod throttle;
mod token;
mod upstream;

#[cfg(test)]
mod tests;

pub use audit::{AuditBatch, AuditedCall, KeptEvent};
pub use authenticate::{Arrival, Origin};
pub use caller::{Caller, CredentialFacts, LockedIdentity, NodeProof, Person, PersonKind, Principal, TemporaryFacts};
pub use command::{NodeCommand, SessionCommand};
pub use control_channel::{ControlLease, PendingWork};
pub use data_channel::{Admission, DataAdmission, EndedSession};
pub use failure::Refusal;
pub use identity::NewAccessKey;
pub use keys::RootKey;
pub use live::{DecisionWatch, Review};
pub use provider_keys::WebDocuments;
pub use recording::Finish;
pub use session::SessionSnapshot;
pub use settings::{DocumentQuota, SessionDocumentCheck, Settings};
pub use supervise::{SessionCommands, SessionNews, Supervision};
pub use upstream::{Upstream, UpstreamError, Upstreams};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postern_archive::Archive;
use postern_bus::Bus;
use postern_iam::NodeId;
use postern_model::{ApiError, ErrorCode};
use postern_protocol::{Clock, Entropy};
use postern_store::{Scope, Store, UnixMillis};

use crate::audit::{AuditQueue, Strangers};
use crate::displacement::Displacements;
use crate::guesses::Guesses;
use crate::keys::Keys;
use crate::logs::FullNodes;
use crate::people::People;
use crate::policies::Policies;
use crate::recording::SigningKeys;
use crate::refusals::{NodeRefusal, Refusals};
use crate::session::turns::Turns;
use crate::throttle::RegistrationThrottle;
use crate::upstream::Routes;

/// What the application is built from.
pub struct Deps {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Where hints go.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: ids, codes, secrets.
    pub entropy: Arc<dyn Entropy>,
    /// What the operator decided.
    pub settings: Settings,
    /// From which every key is derived. The caller wipes its own copy.
    pub root_key: RootKey,
    /// Where requests are passed on to that are not answered here.
    pub upstreams: Upstreams,
    /// Where recordings lie.
    pub archive: Arc<dyn Archive>,
}

/// The application.
pub struct Control {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: Settings,
    keys: Keys,
    routes: Routes,
    registrations: Mutex<RegistrationThrottle>,
    guesses: Mutex<Guesses>,
    web: Option<Arc<dyn WebDocuments>>,
    provider_keys: provider_keys::ProviderKeys,
    turns: Mutex<Turns>,
    displacements: Mutex<Displacements>,
    refusals: Mutex<Refusals>,
    policies: Policies,
    people: People,
    full_nodes: Mutex<FullNodes>,
    audit: AuditQueue,
    strangers: Mutex<Strangers>,
    archive: Arc<dyn Archive>,
    signing: SigningKeys,
}

impl Control {
    /// Builds the application. Nothing happens until it is asked for something.
    #[must_use]
    pub fn new(deps: Deps) -> Self {
        let Deps { store, bus, clock, entropy, settings, root_key, upstreams, archive } = deps;
        let now = clock.now().instant;
        Self {
            store,
            bus,
            clock,
            entropy,
            settings,
            keys: Keys::derive(&root_key),
            web: upstreams.providers.clone(),
            routes: upstreams.into(),
            registrations: Mutex::new(RegistrationThrottle::new(now)),
            guesses: Mutex::default(),
            provider_keys: Mutex::default(),
            turns: Mutex::default(),
            displacements: Mutex::default(),
            refusals: Mutex::default(),
            policies: Policies::default(),
            people: People::default(),
            full_nodes: Mutex::default(),
            audit: AuditQueue::default(),
            strangers: Mutex::new(Strangers::new(now)),
            archive,
            signing: SigningKeys::default(),
        }
    }

    /// The settings it was built with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn scope(&self) -> &Scope {
        &self.settings.scope
    }

    fn unix_millis(&self) -> UnixMillis {
        self.clock.now().unix_millis
    }

    /// Both are changed by single operations that cannot panic half-way.
    fn displacements(&self) -> MutexGuard<'_, Displacements> {
        self.displacements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full_nodes(&self) -> MutexGuard<'_, FullNodes> {
        self.full_nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers why a node was refused, unless that was our own fault.
    fn note_refusal(&self, node_id: &NodeId, error: &ApiError) {
        if error.code() != ErrorCode::InternalServerError {
            self.refusals().note(node_id.clone(), error.message(), self.unix_millis());
        }
    }

    fn last_refusal(&self, node_id: &NodeId) -> Option<NodeRefusal> {
        self.refusals().of(node_id)
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

/// A duration in whole milliseconds, for adding to moments.
fn millis(duration: std::time::Duration) -> UnixMillis {
    UnixMillis::try_from(duration.as_millis()).unwrap_or(UnixMillis::MAX)
}
