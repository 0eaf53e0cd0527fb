//! The picture of a new device's seed, which authenticator programs read with a camera.

use std::fmt::Write as _;

use postern_iam::{AccountId, SecretBytes, SecretString};
use postern_model::ApiError;
use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// Who has issued the seed, in the words that an authenticator program shows.
const ISSUER: &str = "Postern";
/// Points of a module on each side.
const SCALE: usize = 6;
/// Modules that stay white around the code: ISO/IEC 18004 wants four.
const MARGIN: usize = 4;

/// A QR code as PNG, with what the Key URI format of authenticator programs says of a seed.
///
/// # Errors
/// `InternalServerError`: it cannot be drawn, which no name within AWS's limits brings about.
pub(super) fn picture(device: &str, account: &AccountId, seed: &SecretString) -> Result<SecretBytes, ApiError> {
    let text = address(device, account, seed);
    let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M).map_err(|_| ApiError::internal())?;
    png(&code).map(|png| SecretBytes::new(png.as_slice())).map_err(|_| ApiError::internal())
}

fn address(device: &str, account: &AccountId, seed: &SecretString) -> Zeroizing<String> {
    let mut label = String::new();
    for byte in device.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => label.push(char::from(byte)),
            _ => write!(label, "%{byte:02X}").expect("a string takes everything"),
        }
    }
    Zeroizing::new(format!("otpauth://totp/{ISSUER}:{label}@{account}?secret={}&issuer={ISSUER}", seed.expose()))
}

fn png(code: &QrCode) -> Result<Zeroizing<Vec<u8>>, png::EncodingError> {
    let side = (code.width() + 2 * MARGIN) * SCALE;
    let is_dark = |x: usize, y: usize| {
        let module = |point: usize| (point / SCALE).checked_sub(MARGIN).filter(|module| *module < code.width());
        matches!((module(x), module(y)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark)
    };
    let points: Zeroizing<Vec<u8>> =
        Zeroizing::new((0..side).flat_map(|y| (0..side).map(move |x| if is_dark(x, y) { 0 } else { 255 })).collect());
    let side = u32::try_from(side).expect("the largest code has 177 modules a side");
    let mut file = Zeroizing::new(Vec::new());
    let mut encoder = png::Encoder::new(&mut *file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&points)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    /// What another program's eyes see in a picture.
    fn read(picture: &[u8]) -> String {
        let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
        let mut points = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut points).unwrap();
        let (width, height) = (info.width as usize, info.height as usize);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| points[y * width + x]);
        let grids = image.detect_grids();
        grids[0].decode().unwrap().1
    }

    #[test]
    fn an_authenticator_reads_name_and_seed() {
        let account: AccountId = "000000000000".parse().unwrap();
        let seed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        for (name, shown) in [("jane", "jane"), ("a+b=c,d", "a%2Bb%3Dc%2Cd"), (&*"x".repeat(128), &*"x".repeat(128))] {
            let picture = picture(name, &account, &SecretString::new(seed.to_owned())).unwrap();
            assert_eq!(
                read(picture.expose()),
                format!("otpauth://totp/Postern:{shown}@000000000000?secret={seed}&issuer=Postern")
            );
        }
    }
}
