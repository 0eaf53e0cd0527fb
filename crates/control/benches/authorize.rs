//! What it costs to know who calls and whether they may, for a user with 20 policies and 200 statements among 10,000
//! users in a store. Goals: at most 20 µs for an authorisation, at most 60 µs with the signature's verification.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use divan::{Bencher, black_box};
use postern_bus::InProcess;
use postern_control::authz::{act, authorize};
use postern_control::{Arrival, Caller, Control, Deps, Origin, Settings, Upstreams};
use postern_iam::sigv4::{self, Credentials, SignableRequest, SignedRequest};
use postern_iam::{Arn, UniqueId};
use postern_protocol::{Clock, Entropy, Now};
use postern_store::{IdentityKind, IdentityRecord, IdentityStore, InlinePolicy, PolicyStore, Scope, Tag};
use postern_store_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

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

/// A policy of ten statements as people write them: documents, nodes by tag, own sessions, logs, keys, a deny or two.
fn document(number: u32) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Effect":"Allow","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*:*:document/Team{number}-*"}},
        {{"Effect":"Allow","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*:123456789012:managed-instance/*",
          "Condition":{{"StringLike":{{"ssm:resourceTag/Team":"team{number}"}}}}}},
        {{"Effect":"Allow","Action":["ssm:TerminateSession","ssm:ResumeSession"],
          "Resource":"arn:aws:ssm:*:*:session/${{aws:username}}-*"}},
        {{"Effect":"Allow","Action":["ssm:Describe*","ssm:Get*","ssm:List*"],"Resource":"*"}},
        {{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents","logs:DescribeLogGroups"],"Resource":"*"}},
        {{"Effect":"Allow","Action":"kms:GenerateDataKey","Resource":"arn:aws:kms:eu-west-1:123456789012:key/{number}"}},
        {{"Effect":"Deny","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*:*:document/AWS-StartSSHSession"}},
        {{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}},
        {{"Effect":"Deny","Action":"ssm:*","Resource":"*",
          "Condition":{{"NotIpAddress":{{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}}}}},
        {{"Effect":"Allow","Action":["s3:Get*","s3:List*"],
          "Resource":["arn:aws:s3:::team{number}","arn:aws:s3:::team{number}/*"]}}]}}"#
    )
}

struct World {
    runtime: Runtime,
    control: Control,
    signed: SignedRequest,
    _folder: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let folder = TempDir::new().expect("a folder");
    let (control, signed) = runtime.block_on(build(&folder));
    World { runtime, control, signed, _folder: folder }
});

/// The service, and a request of the user whose name is last.
async fn build(folder: &TempDir) -> (Control, SignedRequest) {
    let scope =
        Scope { account: "123456789012".parse().expect("an account"), region: "eu-west-1".parse().expect("a region") };
    let store = Arc::new(SqliteStore::open(folder.path()).await.expect("opens"));
    for number in 0..USERS {
        let mut random = [0; 11];
        random[..4].copy_from_slice(&number.to_be_bytes());
        let user = IdentityRecord {
            kind: IdentityKind::User,
            id: UniqueId::of_user(&random),
            name: format!("user{number:05}"),
            path: "/".to_owned(),
            created_at: 0,
            boundary: None,
            tags: Vec::new(),
            role: None,
            lock: None,
        };
        store.create_identity(&scope.account, user, USERS).await.expect("is made");
    }
    let now = Now { instant: Instant::now(), unix_millis: 1_795_384_779_000 };
    let control = Control::new(Deps {
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
    for number in 0..20 {
        let policy = InlinePolicy { name: format!("team{number}"), document: document(number) };
        store.put_inline_policy(&scope.account, IdentityKind::User, &name, policy, usize::MAX).await.expect("is kept");
    }
    let credentials = Credentials {
        access_key_id: key.access_key_id.to_string(),
        secret_access_key: key.secret_access_key,
        session_token: None,
    };
    let mut headers = vec![
        ("host".to_owned(), "ssm.eu-west-1.example.org".to_owned()),
        ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target".to_owned(), "AmazonSSM.StartSession".to_owned()),
    ];
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    headers.extend(sigv4::sign(&request, &credentials, "eu-west-1", "ssm", now.unix_millis));
    (control, sigv4::parse("POST", "/", &headers).expect("is well-formed"))
}

async fn authenticate(world: &World) -> Caller {
    let origin = Origin {
        source_ip: Some([203, 0, 113, 7].into()),
        is_secure: true,
        user_agent: Some("aws-cli/2.22.0".to_owned()),
        request_id: "request".to_owned(),
    };
    let arrival = Arrival { body: BODY, services: &["ssm"], origin, invocation_id: None };
    world.control.authenticate(&world.signed, arrival).await.expect("is who it says")
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

#[divan::bench]
fn authorisation_of_one_question(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let caller = world.runtime.block_on(authenticate(world));
    let may = || authorize::<act::ResumeSession>(black_box(&caller), session()).is_ok();
    assert!(may(), "the policies allow it");
    bencher.bench(may);
}

#[divan::bench]
fn authorisation_of_two_questions(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let caller = world.runtime.block_on(authenticate(world));
    assert!(may_start(&caller), "the last policy allows it");
    bencher.bench(|| may_start(black_box(&caller)));
}

#[divan::bench]
fn authentication_among_10000_users(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    bencher.bench(|| world.runtime.block_on(authenticate(black_box(world))));
}

#[divan::bench]
fn authentication_and_authorisation_among_10000_users(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    bencher.bench(|| world.runtime.block_on(async { may_start(&authenticate(black_box(world)).await) }));
}
