//! What it costs to know who calls and whether they may, for a user with 20 policies and 200 statements among 10,000
//! users in a store. Goals: at most 20 µs for an authorisation, at most 60 µs with the signature read and verified.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use divan::{Bencher, black_box};
use futures_util::{StreamExt as _, stream};
use postern_archive_files::FileArchive;
use postern_bus::InProcess;
use postern_control::authz::{act, authorize};
use postern_control::{Arrival, Caller, Control, Deps, Origin, Settings, Upstreams};
use postern_iam::sigv4::{self, Credentials, SignableRequest};
use postern_iam::{Arn, UniqueId};
use postern_model::decode_form;
use postern_model::query::Form;
use postern_protocol::{Clock, Entropy, Now};
use postern_store::{
    CreateIdentity, DecisionStore, IdentityKind, IdentityRecord, IdentityStore, InlinePolicy, PolicyStore, Scope, Tag,
};
use postern_store_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[path = "../../policy/benches/team/mod.rs"]
mod team;

use team::document;

const USERS: u32 = 10_000;
const BODY: &[u8] = &[b'x'; 400];

fn main() {
    divan::main();
}

struct StandingClock(Now);

impl Clock for StandingClock {
    fn now(&self) -> Now {
        self.0
    }
}

/// Different every time, and nothing more.
struct Counter(std::sync::atomic::AtomicU64);

impl Entropy for Counter {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, std::sync::atomic::Ordering::Relaxed);
            chunk.copy_from_slice(&next.to_be_bytes()[..chunk.len()]);
        }
    }
}

type Headers = Vec<(String, String)>;

/// One request of the same user with each kind of credentials.
struct Requests {
    with_key: Headers,
    with_token: Headers,
}

struct World {
    runtime: Runtime,
    store: Arc<SqliteStore>,
    control: Control,
    requests: Requests,
    _folder: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let folder = TempDir::new().expect("a folder");
    let (store, control, requests) = runtime.block_on(build(&folder));
    World { runtime, store, control, requests, _folder: folder }
});

/// The service, and requests of the user whose name is last.
async fn build(folder: &TempDir) -> (Arc<SqliteStore>, Control, Requests) {
    let scope =
        Scope { account: "123456789012".parse().expect("an account"), region: "eu-west-1".parse().expect("a region") };
    let store = Arc::new(SqliteStore::open(folder.path()).await.expect("opens"));
    let user = |number: u32| {
        let mut random = [0; 11];
        random[..4].copy_from_slice(&number.to_be_bytes());
        IdentityRecord {
            kind: IdentityKind::User,
            id: UniqueId::of_user(&random),
            name: format!("user{number:05}"),
            path: "/".to_owned(),
            created_at: 0,
            boundary: None,
            tags: Vec::new(),
            role: None,
            lock: None,
        }
    };
    // Those that wait together are committed together.
    let made = stream::iter(0..USERS).map(|number| store.create_identity(&scope.account, user(number), USERS));
    made.buffer_unordered(128).for_each(async |made| assert_eq!(made.expect("is made"), CreateIdentity::Created)).await;
    let now = Now { instant: Instant::now(), unix_millis: 1_795_384_779_000 };
    let control = Control::new(Deps {
        archive: Arc::new(FileArchive::open(&folder.path().join("recordings")).expect("a folder")),
        store: Arc::clone(&store) as _,
        bus: Arc::new(InProcess::new()),
        clock: Arc::new(StandingClock(now)),
        entropy: Arc::new(Counter(1.into())),
        settings: Settings::new(scope.clone(), "wss://ssm.example.org"),
        root_key: [7; 32],
        upstreams: Upstreams::default(),
    });
    // The key is an administrator's first, and then one of a user with policies as many people have them.
    let name = format!("user{:05}", USERS - 1);
    let key = control.create_administrator(&name).await.expect("a key");
    let everything = Arn::managed_policy("AdministratorAccess");
    store.detach_policy(&scope.account, IdentityKind::User, &name, &everything).await.expect("is detached");
    for number in 0..20_usize {
        let policy = InlinePolicy { name: format!("team{number}"), document: document(number) };
        store.put_inline_policy(&scope.account, IdentityKind::User, &name, policy, usize::MAX).await.expect("is kept");
    }
    let credentials = Credentials {
        access_key_id: key.access_key_id.to_string(),
        secret_access_key: key.secret_access_key,
        session_token: None,
    };
    let with_key = sign(&credentials, "sts", now.unix_millis);
    let caller = authenticate(&control, &with_key, "sts").await;
    let nothing = Form::parse(b"").expect("is a form");
    let asked = decode_form(&nothing).expect("needs no members");
    let issued = control.get_session_token(&caller, asked).await.expect("is a user's to have").credentials;
    let temporary = Credentials {
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key.0,
        session_token: Some(issued.session_token.0),
    };
    let requests = Requests {
        with_key: sign(&credentials, "ssm", now.unix_millis),
        with_token: sign(&temporary, "ssm", now.unix_millis),
    };
    (store, control, requests)
}

fn sign(credentials: &Credentials, service: &str, unix_millis: u64) -> Headers {
    let mut headers = vec![
        ("host".to_owned(), "ssm.eu-west-1.example.org".to_owned()),
        ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target".to_owned(), "AmazonSSM.StartSession".to_owned()),
    ];
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    headers.extend(sigv4::sign(&request, credentials, "eu-west-1", service, unix_millis));
    headers
}

/// Reads a signature and finds out whose it is.
async fn authenticate(control: &Control, headers: &Headers, service: &str) -> Caller {
    let signed = sigv4::parse("POST", "/", headers).expect("is well-formed");
    let origin = Origin {
        source_ip: Some([203, 0, 113, 7].into()),
        is_secure: true,
        user_agent: Some("aws-cli/2.22.0".to_owned()),
        request_id: "request".to_owned(),
    };
    let services = &[service];
    let arrival = Arrival { body: BODY, services, origin, invocation_id: None };
    control.authenticate(&signed, arrival).await.expect("is who it says")
}

/// A session on a node, which the last policy allows, so that nothing ends early: two questions.
fn start() -> act::Start {
    let tags = vec![Tag { key: "Team".to_owned(), value: "team19".to_owned() }];
    let document = "arn:aws:ssm:eu-west-1:123456789012:document/Team19-shell";
    act::Start {
        target: act::Target::Node(act::OnNode {
            id: "mi-0c83012b7aac4ccda".parse().expect("an id"),
            tags,
            is_locked: false,
        }),
        document: act::OnDocument { arn: document.parse().expect("an ARN"), document_type: None, tags: Vec::new() },
        document_check: act::DocumentCheck::Always,
        destination: None,
        run_as_user: None,
    }
}

/// A session of one's own: one question.
fn session() -> act::OnSession {
    let id = format!("user{:05}-0a1b2c3d4e5f6a7b8c9d0e1f2a", USERS - 1).parse().expect("an id");
    act::OnSession { id, node: None, owner_id: None }
}

fn may_start(caller: &Caller) -> bool {
    authorize::<act::StartSession>(caller, start()).is_ok()
}

fn caller(world: &World) -> Caller {
    world.runtime.block_on(authenticate(&world.control, &world.requests.with_key, "ssm"))
}

#[divan::bench]
fn authorisation_of_one_question(bencher: Bencher<'_, '_>) {
    let caller = caller(&WORLD);
    let may = || authorize::<act::ResumeSession>(black_box(&caller), session()).is_ok();
    assert!(may(), "the policies allow it");
    bencher.bench(may);
}

#[divan::bench]
fn authorisation_of_two_questions(bencher: Bencher<'_, '_>) {
    let caller = caller(&WORLD);
    assert!(may_start(&caller), "the last policy allows it");
    bencher.bench(|| may_start(black_box(&caller)));
}

/// What every authentication asks the store, whatever is remembered.
#[divan::bench]
fn number_of_decisions(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    bencher.bench(|| world.runtime.block_on(world.store.known_generation()));
}

mod with_an_access_key {
    use super::*;

    #[divan::bench]
    fn authentication(bencher: Bencher<'_, '_>) {
        authenticating(bencher, &WORLD.requests.with_key);
    }

    #[divan::bench]
    fn authentication_and_authorisation(bencher: Bencher<'_, '_>) {
        resuming(bencher, &WORLD.requests.with_key);
    }
}

mod with_a_session_token {
    use super::*;

    #[divan::bench]
    fn authentication(bencher: Bencher<'_, '_>) {
        authenticating(bencher, &WORLD.requests.with_token);
    }

    #[divan::bench]
    fn authentication_and_authorisation(bencher: Bencher<'_, '_>) {
        resuming(bencher, &WORLD.requests.with_token);
    }
}

fn authenticating(bencher: Bencher<'_, '_>, headers: &Headers) {
    let World { runtime, control, .. } = &*WORLD;
    bencher.bench(|| runtime.block_on(authenticate(control, black_box(headers), "ssm")));
}

fn resuming(bencher: Bencher<'_, '_>, headers: &Headers) {
    let World { runtime, control, .. } = &*WORLD;
    let may = async || {
        let caller = authenticate(control, black_box(headers), "ssm").await;
        authorize::<act::ResumeSession>(&caller, session()).is_ok()
    };
    assert!(runtime.block_on(may()), "the policies allow it");
    bencher.bench(|| runtime.block_on(may()));
}
