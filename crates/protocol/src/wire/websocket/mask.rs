//! Masking, which is its own inverse.

/// Applies `mask` to `bytes`, which begin at the mask's first byte. Eight bytes at a time, which
/// the compiler turns into wider steps still; no `unsafe` is needed for that.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_meets_its_own_part_of_the_mask() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for len in 0..67_usize {
            let plain: Vec<u8> = (0_u8..).take(len).collect();
            let expected: Vec<u8> = plain.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            let mut masked = plain.clone();
            apply(&mut masked, mask);
            assert_eq!(masked, expected, "{len} bytes");
            apply(&mut masked, mask);
            assert_eq!(masked, plain, "{len} bytes");
        }
    }
}
