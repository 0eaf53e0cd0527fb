//! Who guesses too often: wrong activation codes, one-time codes and signatures.
//!
//! Wrong guesses are counted for what was guessed at together with where they came from. So somebody at another address
//! can neither guess on nor keep the one who is meant from coming in. State is bounded, and forgotten with time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use postern_iam::{AccessKeyId, UniqueId};

/// Guesses at different things that are remembered at once. When there are more, the quieter half is forgotten.
const REMEMBERED: usize = 4096;

/// How many in a row, and how many in the long run.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    /// One more is allowed every so often.
    pub(crate) every: Duration,
}

/// A bucket of permits that fills with time (the generic cell rate algorithm: one instant is the whole state).
#[derive(Clone, Copy)]
pub(crate) struct Bucket {
    /// When it would be full again.
    full_at: Instant,
}

impl Bucket {
    pub(crate) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// How long until there is a permit. Nothing if there is one.
    pub(crate) fn wait(self, rate: Rate, now: Instant) -> Option<Duration> {
        let missing = self.full_at.saturating_duration_since(now) + rate.every;
        missing.checked_sub(rate.every * rate.burst).filter(|wait| !wait.is_zero())
    }

    pub(crate) fn take(&mut self, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now) + rate.every;
    }
}

/// What is guessed at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guessed {
    /// The code of an activation.
    Activation,
    /// The word of a provider of identities.
    IdentityToken,
    /// A one-time code of this user's.
    Code(UniqueId),
    /// The secret that belongs to this access key.
    Signature(AccessKeyId),
}

impl Guessed {
    /// A secret access key has far too many values to be guessed: that bound is for the work that trying makes.
    fn rate(&self) -> Rate {
        let (burst, seconds) = match self {
            Self::Activation => (20, 3),
            // A guess is right once in 333,333 times, since three steps are accepted: at this rate after months.
            Self::Code(_) => (5, 30),
            Self::Signature(_) | Self::IdentityToken => (50, 1),
        };
        Rate { burst, every: Duration::from_secs(seconds) }
    }
}

/// Wrong guesses.
#[derive(Default)]
pub(crate) struct Guesses(BTreeMap<(Guessed, Option<IpAddr>), Bucket>);

impl Guesses {
    /// How long somebody there has to wait before the next guess at this. Nothing if not at all.
    pub(crate) fn wait(&self, at: &Guessed, from: Option<IpAddr>, now: Instant) -> Option<Duration> {
        self.0.get(&(at.clone(), from.map(network)))?.wait(at.rate(), now)
    }

    /// A guess was wrong.
    pub(crate) fn note_wrong(&mut self, at: Guessed, from: Option<IpAddr>, now: Instant) {
        let rate = at.rate();
        let key = (at, from.map(network));
        if !self.0.contains_key(&key) && self.0.len() >= REMEMBERED {
            self.forget(now);
        }
        self.0.entry(key).or_insert(Bucket::full(now)).take(rate, now);
    }

    /// Makes room: for those who are quiet by now, or else the quieter half. So making room is rare.
    fn forget(&mut self, now: Instant) {
        self.0.retain(|_, bucket| bucket.full_at > now);
        if self.0.len() > REMEMBERED / 2 {
            let mut moments: Vec<Instant> = self.0.values().map(|bucket| bucket.full_at).collect();
            let middle = moments.len() / 2;
            let (_, median, _) = moments.select_nth_unstable(middle);
            let median = *median;
            let mut room = middle;
            self.0.retain(|_, bucket| {
                let quieter = bucket.full_at <= median && room > 0;
                room -= usize::from(quieter);
                !quieter
            });
        }
    }
}

/// An address, or for IPv6 its network: whoever has one address there has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn jane() -> Guessed {
        Guessed::Code(UniqueId::of_user(&[1; 11]))
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn guessing_is_slow_and_only_for_the_guesser() {
        let start = Instant::now();
        let mut guesses = Guesses::default();
        for _ in 0..5 {
            assert_eq!(guesses.wait(&jane(), address("192.0.2.1"), start), None);
            guesses.note_wrong(jane(), address("192.0.2.1"), start);
        }
        let every = Duration::from_secs(30);
        assert_eq!(guesses.wait(&jane(), address("192.0.2.1"), start), Some(every));
        assert_eq!(guesses.wait(&jane(), address("::ffff:192.0.2.1"), start), Some(every), "the same address");
        assert_eq!(guesses.wait(&jane(), address("192.0.2.2"), start), None, "from elsewhere she comes in");
        let john = Guessed::Code(UniqueId::of_user(&[2; 11]));
        assert_eq!(guesses.wait(&john, address("192.0.2.1"), start), None);
        assert_eq!(guesses.wait(&jane(), address("192.0.2.1"), start + every), None, "one more");
        guesses.note_wrong(jane(), address("192.0.2.1"), start + every);
        assert_eq!(guesses.wait(&jane(), address("192.0.2.1"), start + every), Some(every));
    }

    #[test]
    fn a_network_is_one_guesser() {
        let start = Instant::now();
        let mut guesses = Guesses::default();
        for number in 0..5 {
            guesses.note_wrong(jane(), address(&format!("2001:db8::{number}")), start);
        }
        assert!(guesses.wait(&jane(), address("2001:db8::abcd:1"), start).is_some());
        assert!(guesses.wait(&jane(), address("2001:db8:0:1::1"), start).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut guesses = Guesses::default();
        for number in 0..20_000_u32 {
            guesses.note_wrong(jane(), Some(std::net::Ipv4Addr::from(number).into()), start);
        }
        assert!(guesses.0.len() <= REMEMBERED);
    }
}
