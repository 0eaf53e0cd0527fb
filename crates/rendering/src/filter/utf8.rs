//! UTF-8 that comes in pieces.

/// The most bytes of one character.
const MAX_BYTES: usize = 4;

/// Decodes pieces that may break inside a character. What is no UTF-8 is U+FFFD, once for each maximal part of a character.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a character.
    begun: Vec<u8>,
}

impl Decoder {
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(char)) {
        let mut rest = bytes;
        // Byte by byte until the character is whole, or turns out to be none.
        while !self.begun.is_empty() {
            let Some((byte, behind)) = rest.split_first() else { return };
            self.begun.push(*byte);
            rest = behind;
            let begun = std::mem::take(&mut self.begun);
            self.decode(&begun, &mut take);
        }
        self.decode(rest, &mut take);
    }

    pub(super) fn finish(&mut self, mut take: impl FnMut(char)) {
        if !std::mem::take(&mut self.begun).is_empty() {
            take(char::REPLACEMENT_CHARACTER);
        }
    }

    fn decode(&mut self, bytes: &[u8], take: &mut impl FnMut(char)) {
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(&mut *take);
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            if chunks.peek().is_none() && is_beginning(invalid) {
                self.begun = invalid.to_vec();
            } else {
                take(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

/// Whether more bytes could make a character of these, which are none.
fn is_beginning(bytes: &[u8]) -> bool {
    let wanted = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => MAX_BYTES,
        _ => return false,
    };
    bytes.len() < wanted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(pieces: &[&[u8]]) -> String {
        let (mut decoder, mut text) = (Decoder::default(), String::new());
        for piece in pieces {
            decoder.push(piece, |character| text.push(character));
        }
        decoder.finish(|character| text.push(character));
        text
    }

    #[test]
    fn characters_come_whole_however_they_are_cut() {
        let text = "aé€😀z";
        for cut in 0..=text.len() {
            assert_eq!(decoded(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]), text);
        }
        assert_eq!(decoded(&[b"a\xff", b"\xe2\x82", b"b\xf0\x9f"]), "a\u{fffd}\u{fffd}b\u{fffd}");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0_usize..64) {
            let cut = cut.min(bytes.len());
            let whole = String::from_utf8_lossy(&bytes);
            prop_assert_eq!(decoded(&[&bytes[..cut], &bytes[cut..]]), whole.clone());
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(decoded(&single), whole);
        }
    }
}
