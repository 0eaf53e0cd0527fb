//! Chance as an argument. This module says what a source of randomness is; it refuses to be one.

/// A source of random bytes: the operating system in production, a seeded generator in tests.
pub trait Entropy: Send + Sync {
    /// Fills `out` completely. Production sources are cryptographically secure.
    fn fill(&self, out: &mut [u8]);
}
