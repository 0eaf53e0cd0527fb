//! Forbidden addresses in every spelling, through the resolver and the judge that sessions use.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::destination::{LookUp, Resolve, SystemResolver};
use super::{Destination, ForwardPolicy, Host, NotConnected};

/// What no session may reach: metadata and credentials of AWS (spec session-types §6.1), ECS, EKS, Azure, Alibaba,
/// Oracle, Google; link-local, unspecified, multicast, broadcast; the node by an address.
const FORBIDDEN_V4: [[u8; 4]; 20] = [
    [169, 254, 169, 254],
    [169, 254, 169, 253],
    [169, 254, 169, 123],
    [169, 254, 169, 250],
    [169, 254, 169, 251],
    [169, 254, 170, 2],
    [169, 254, 170, 23],
    [169, 254, 0, 1],
    [169, 254, 255, 255],
    [169, 254, 42, 42],
    [168, 63, 129, 16],
    [100, 100, 100, 200],
    [192, 0, 0, 192],
    [127, 0, 0, 1],
    [127, 9, 8, 7],
    [0, 0, 0, 0],
    [0, 0, 0, 1],
    [224, 0, 0, 1],
    [239, 255, 255, 250],
    [255, 255, 255, 255],
];

const FORBIDDEN_V6: [&str; 14] = [
    "fd00:ec2::254",
    "fd00:ec2::253",
    "fd00:ec2::123",
    "fd00:ec2::240",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf:ffff::1",
    "ff02::1",
    "ff05::1:3",
    "::",
    "::1",
];

fn spell_v4(address: [u8; 4], spellings: &mut BTreeSet<String>) {
    let [a, b, c, d] = address.map(u32::from);
    let whole = u32::from_be_bytes(address);
    // One to four numbers, the last of which fills the rest, each in any base.
    let splits = [vec![a, b, c, d], vec![a, b, c << 8 | d], vec![a, b << 16 | c << 8 | d], vec![whole]];
    let bases: [fn(u32) -> String; 6] = [
        |number| number.to_string(),
        |number| format!("0{number:o}"),
        |number| format!("0x{number:x}"),
        |number| format!("0X{number:X}"),
        |number| format!("000{number:o}"),
        |number| format!("0x0000{number:x}"),
    ];
    for numbers in splits {
        let count = u32::try_from(numbers.len()).unwrap();
        // Every mixture of the first three bases, and each of the others throughout.
        let mixtures = (0..3_usize.pow(count))
            .map(|mixture| (0..count).map(|place| mixture / 3_usize.pow(place) % 3).collect::<Vec<_>>());
        for mixture in mixtures.chain((3..6).map(|base| vec![base; numbers.len()])) {
            let parts: Vec<String> = numbers.iter().zip(&mixture).map(|(number, base)| bases[*base](*number)).collect();
            spellings.insert(parts.join("."));
        }
    }
    let dotted = Ipv4Addr::from(address).to_string();
    spellings.insert(format!("{dotted}."));
    spellings.insert(format!("0x{whole:x}."));
    // What some readers make addresses of, and ours makes nothing of.
    spellings.insert(dotted.replace('.', "%2e"));
    spellings.insert(dotted.replace('.', "。"));
    spellings.insert(dotted.chars().map(|digit| digit.to_digit(10).map_or(digit, fullwidth)).collect());
    spellings.insert(dotted.bytes().map(|byte| format!("%{byte:02x}")).collect());
    for odd in ["[{}]", "{}%25", "{}%eth0", "{}..", "user@{}", "{}:80", "{}/", "{}#", "{} ", "\u{200b}{}", "{}\u{0}"] {
        spellings.insert(odd.replace("{}", &dotted));
    }
    spellings.insert(format!("{}.{b}.{c}.{d}", a + 256));
    for wrapped in wrappers(address) {
        spell_v6(wrapped, spellings);
    }
    let last = u128::from(whole);
    for dotted_v6 in
        [format!("::ffff:{dotted}"), format!("::{dotted}"), format!("64:ff9b::{dotted}"), format!("::FFFF:0:{dotted}")]
    {
        spellings.insert(format!("{dotted_v6}%1"));
        spellings.insert(dotted_v6);
    }
    assert_eq!(last, u128::from(Ipv6Addr::from(last)));
}

fn fullwidth(digit: u32) -> char {
    char::from_u32(0xff10 + digit).unwrap()
}

/// Every IPv6 address that carries this IPv4 one.
fn wrappers([a, b, c, d]: [u8; 4]) -> Vec<Ipv6Addr> {
    let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    let (ab, cd) = (pair(a, b), pair(c, d));
    [
        [0, 0, 0, 0, 0, 0xffff, ab, cd],
        [0, 0, 0, 0, 0, 0, ab, cd],
        [0, 0, 0, 0, 0xffff, 0, ab, cd],
        [0x64, 0xff9b, 0, 0, 0, 0, ab, cd],
        [0x64, 0xff9b, 1, 0, 0, 0, ab, cd],
        [0x64, 0xff9b, 1, ab, pair(0, c), pair(d, 0), 0, 0],
        [0x64, 0xff9b, 1, pair(7, a), pair(0, b), cd, 0, 0],
        [0x64, 0xff9b, 1, 7, pair(0, a), pair(b, c), pair(d, 0), 0],
        [0x2002, ab, cd, 0, 0, 0, 0, 1],
        [0x2001, 0, ab, cd, 0, 0, 0, 1],
        [0x2001, 0, 0x0808, 0x0808, 0, 0, !ab, !cd],
        [0x2001, 0xdb8, 0, 0, 0, 0x5efe, ab, cd],
        [0x2001, 0xdb8, 0, 0, 0x200, 0x5efe, ab, cd],
    ]
    .map(Ipv6Addr::from)
    .to_vec()
}

fn spell_v6(address: Ipv6Addr, spellings: &mut BTreeSet<String>) {
    let short = address.to_string();
    let full = address.segments().map(|segment| format!("{segment:04x}")).join(":");
    let bare = address.segments().map(|segment| format!("{segment:X}")).join(":");
    for text in [short.clone(), short.to_uppercase(), full.clone(), full.to_uppercase(), bare] {
        for zone in ["", "%1", "%lo"] {
            spellings.insert(format!("{text}{zone}"));
        }
        spellings.insert(format!("[{text}]"));
        spellings.insert(format!("{text}."));
        spellings.insert(text.replace(':', "%3a"));
    }
}

fn all() -> BTreeSet<String> {
    let mut spellings = BTreeSet::new();
    FORBIDDEN_V4.iter().for_each(|address| spell_v4(*address, &mut spellings));
    FORBIDDEN_V6.iter().for_each(|address| spell_v6(address.parse().unwrap(), &mut spellings));
    spellings
}

/// The way of a session: the property is read, the host looked up by the node's own resolver, each address judged.
#[tokio::test]
async fn no_spelling_of_a_forbidden_address_passes() {
    let spellings = all();
    assert!(spellings.len() >= 5000, "{}", spellings.len());
    let (mut forbidden, mut nonsense) = (0, 0);
    for spelling in &spellings {
        match Host::read(spelling) {
            // No name server is asked for any of them.
            Ok(host @ Host::Address(_)) => {
                let destination = Destination::new(host, 80, ForwardPolicy::default());
                match destination.judge().await {
                    Err(NotConnected::Forbidden(_)) => forbidden += 1,
                    passed => panic!("{spelling:?}: {passed:?}"),
                }
                assert!(matches!(destination.connect().await, Err(NotConnected::Forbidden(_))), "{spelling:?}");
            }
            Err(_) => nonsense += 1,
            Ok(host) => panic!("{spelling:?} is {host:?}"),
        }
    }
    assert!(forbidden >= 5000, "{forbidden} forbidden, {nonsense} nonsense");
}

/// The system reads many spellings as addresses. Whatever it reads, handed over as a name it is judged all the same,
/// and we have not read another address.
#[tokio::test]
async fn what_the_system_reads_is_judged_too() {
    let mut read_by_system = 0;
    for spelling in all() {
        // Only what is a literal for us is handed on: a name server is none of a test's business.
        let Ok(Host::Address(ours)) = Host::read(&spelling) else { continue };
        let literal = spelling.trim_matches(['[', ']', '.']);
        let Ok(found) = SystemResolver.look_up(literal, 80).await else { continue };
        read_by_system += 1;
        assert!(found.iter().all(|address| address.ip() == ours), "{spelling:?} is {found:?} and {ours}");
        let name = Host::Name(literal.to_owned());
        let judged = Destination::new(name, 80, ForwardPolicy::default()).judge().await;
        assert!(matches!(judged, Err(NotConnected::Forbidden(_))), "{spelling:?}: {judged:?}");
    }
    assert!(read_by_system >= 1000, "{read_by_system}");
}

/// A resolver that gives its answers in turn, and counts.
struct Answers {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Answers {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().rev().map(parse).collect()), asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Answers {
    fn look_up(&self, _: &str, port: u16) -> LookUp {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.lock().unwrap().pop();
        Box::pin(async move {
            let addresses = answer.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
        })
    }
}

fn named(resolver: &Arc<Answers>, port: u16, policy: ForwardPolicy) -> Destination {
    Destination::resolved_by(Arc::clone(resolver) as Arc<dyn Resolve>, Host::Name("db.internal".into()), port, policy)
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_forbidden() {
    let forbidden = FORBIDDEN_V4.iter().map(|address| Ipv4Addr::from(*address).to_string());
    for address in forbidden.chain(FORBIDDEN_V6.iter().map(|address| (*address).to_owned())) {
        let alone = Answers::new(&[&[&address]]);
        let judged = named(&alone, 80, ForwardPolicy::default()).judge().await;
        assert!(matches!(judged, Err(NotConnected::Forbidden(_))), "{address}: {judged:?}");
        // Hidden behind a harmless one.
        let hidden = Answers::new(&[&["10.0.0.1", &address]]);
        let judged = named(&hidden, 80, ForwardPolicy::default()).connect().await;
        assert!(matches!(judged, Err(NotConnected::Forbidden(_))), "{address}: {judged:?}");
    }
}

/// Rebinding: the name is harmless when it is judged, and leads elsewhere a moment later.
#[tokio::test]
async fn what_was_judged_is_what_is_connected_to() {
    let server = tokio::net::TcpListener::bind("127.3.2.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let policy = ForwardPolicy { allow: "127.3.2.1".parse().unwrap(), ..ForwardPolicy::default() };
    let resolver = Answers::new(&[&["127.3.2.1"], &["169.254.169.254"]]);
    let destination = named(&resolver, port, policy.clone());
    destination.judge().await.unwrap();
    for _ in 0..3 {
        let stream = destination.connect().await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), server.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
    }
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1, "looked up once");
    // When the host is looked up again, because it does not answer any more, it is judged again.
    drop(server);
    let error = destination.connect().await.unwrap_err();
    assert!(matches!(error, NotConnected::Refused { .. }), "{error}");
    assert_eq!(error.to_string(), format!("db.internal:{port} refuses connections"));
    assert!(matches!(destination.connect().await, Err(NotConnected::Forbidden(_))));
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 2);
    let error = destination.connect().await.unwrap_err().to_string();
    assert!(error.starts_with("the node knows no address of db.internal: "), "{error}");
}

#[tokio::test]
async fn every_address_is_tried_in_turn() {
    let server = tokio::net::TcpListener::bind("127.3.2.3:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let policy = ForwardPolicy { allow: "127.0.0.0/8".parse().unwrap(), ..ForwardPolicy::default() };
    let resolver = Answers::new(&[&["127.3.2.2", "127.3.2.3"]]);
    let stream = named(&resolver, port, policy).connect().await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), server.local_addr().unwrap());
}
