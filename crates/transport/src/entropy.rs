//! Randomness from the operating system, behind the port that the pure crates name.
//!
//! Small requests (a websocket mask is four bytes) are served from a buffer of the thread, so that masking does not
//! cost a system call a message. Bytes are erased as they are handed out.

use std::cell::RefCell;

use postern_protocol::Entropy;

const BUFFER_BYTES: usize = 512;
/// Larger requests go straight to the operating system.
const SMALL_BYTES: usize = 64;

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

struct Buffer {
    bytes: [u8; BUFFER_BYTES],
    /// Bytes before this index are used up.
    used: usize,
}

thread_local! {
    static BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer { bytes: [0; BUFFER_BYTES], used: BUFFER_BYTES }) };
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        if out.len() > SMALL_BYTES {
            return fill_from_system(out);
        }
        BUFFER.with_borrow_mut(|buffer| {
            if BUFFER_BYTES - buffer.used < out.len() {
                fill_from_system(&mut buffer.bytes);
                buffer.used = 0;
            }
            let taken = &mut buffer.bytes[buffer.used..buffer.used + out.len()];
            out.copy_from_slice(taken);
            taken.fill(0);
            buffer.used += out.len();
        });
    }
}

fn fill_from_system(out: &mut [u8]) {
    // Every supported system answers once it has booted; going on without randomness would be worse than stopping.
    getrandom::fill(out).expect("the operating system gives random bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_every_size_differ_from_each_other() {
        let mut seen = std::collections::BTreeSet::new();
        for length in [16, 17, 63, 64, 65, 511, 512, 513, 4096] {
            for _ in 0..40 {
                let mut out = vec![0; length];
                SystemEntropy.fill(&mut out);
                assert!(seen.insert(out[..16].to_vec()), "the same 16 bytes came twice");
            }
        }
    }

    #[test]
    fn an_empty_request_is_answered() {
        SystemEntropy.fill(&mut []);
    }
}
