//! Devices of one-time codes: what a code proves, and for how long.

use std::time::Duration;

use postern_iam::SecretBytes;
use postern_iam::totp::{Seed, step_at};
use postern_model::ErrorCode;

use super::{ADMIN, Issued, ask, person, signer, trust};
use crate::Caller;
use crate::caller::CredentialFacts;
use crate::tests::world::{World, code};

impl World {
    /// A device of this user's, which is set up.
    pub(in crate::tests) async fn device(&self, user: &str) -> (String, Seed) {
        let admin = self.as_admin().await;
        let request = ask(&[("VirtualMFADeviceName", user)]);
        let made = self.control.create_virtual_mfa_device(&admin, request).await.unwrap().device;
        let text = made.seed.unwrap().0;
        let seed = Seed::new(base32(std::str::from_utf8(text.expose()).unwrap()));
        let step = step_at(self.millis());
        let (first, second) = (digits(&seed, step - 1), digits(&seed, step));
        let request = ask(&[
            ("UserName", user),
            ("SerialNumber", &made.serial_number),
            ("AuthenticationCode1", &first),
            ("AuthenticationCode2", &second),
        ]);
        self.control.enable_mfa_device(&admin, request).await.unwrap();
        (made.serial_number, seed)
    }
}

fn base32(text: &str) -> SecretBytes {
    let (mut bytes, mut pending, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).unwrap();
        pending = (pending << 5) | u32::try_from(value).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((pending >> bits) & 0xff).unwrap());
        }
    }
    SecretBytes::new(bytes)
}

pub(in crate::tests) fn digits(seed: &Seed, step: u64) -> String {
    String::from_utf8(seed.code(step).to_vec()).unwrap()
}

#[tokio::test]
async fn a_second_factor_is_shown_once_and_proves_it_for_a_while() {
    let world = World::new().await;
    let jane = world.user("jane").await;
    let (serial, seed) = world.device("jane").await;
    let hers = world.sign_as(&jane, "sts", "/").await.unwrap();
    let get = async |code: &str| {
        let request = ask(&[("SerialNumber", serial.as_str()), ("TokenCode", code)]);
        world.control.get_session_token(&hers, request).await.map(|answer| answer.credentials)
    };
    let now = || step_at(world.millis());
    assert_eq!(code(get(&digits(&seed, now())).await), ErrorCode::AccessDeniedException, "it was used to set it up");
    let first = get(&digits(&seed, now() + 1)).await.unwrap();
    let caller = world.holds(&first).await.unwrap();
    let CredentialFacts::Temporary(facts) = &person(&caller).credentials else { panic!("{caller:?}") };
    assert_eq!(facts.mfa_at, Some(world.millis()));
    for replayed in [now() + 1, now()] {
        assert_eq!(code(get(&digits(&seed, replayed)).await), ErrorCode::AccessDeniedException);
    }
    assert_eq!(code(get(&digits(&seed, now() + 9)).await), ErrorCode::AccessDeniedException, "not its time");

    // Identities are not managed with what was got without a second factor.
    let without = world.control.get_session_token(&hers, ask(&[])).await.unwrap().credentials;
    let manage = async |issued: &Issued| world.sign_as(&signer(issued), "iam", "/").await;
    assert_eq!(code(manage(&without).await), ErrorCode::UnrecognizedClientException);
    manage(&first).await.unwrap();
    let alone = world.control.get_session_token(&hers, ask(&[("TokenCode", "123456")])).await;
    assert_eq!(code(alone), ErrorCode::ValidationError);
}

#[tokio::test]
async fn a_role_may_want_a_second_factor() {
    let world = World::new().await;
    let condition =
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"60"}}"#;
    world.role("web", &trust(ADMIN, r#""sts:AssumeRole""#, condition)).await;
    let (serial, seed) = world.device("admin").await;
    let admin = world.as_admin().await;
    let attempt = async |caller: &Caller, serial: &str, code: &str| {
        world.assume(caller, "web", &[("SerialNumber", serial), ("TokenCode", code)]).await
    };
    assert_eq!(code(world.assume(&admin, "web", &[]).await), ErrorCode::AccessDeniedException);
    let right = digits(&seed, step_at(world.millis()) + 1);
    attempt(&admin, &serial, &right).await.unwrap();
    assert_eq!(code(attempt(&admin, &serial, &right).await), ErrorCode::AccessDeniedException, "shown before");
    let (johns, seed) = {
        world.user("john").await;
        world.device("john").await
    };
    let his = digits(&seed, step_at(world.millis()) + 1);
    assert_eq!(code(attempt(&admin, &johns, &his).await), ErrorCode::AccessDeniedException, "somebody else's");
}

#[tokio::test]
async fn a_device_whose_clock_is_wrong_is_set_up_and_found_again() {
    let world = World::new().await;
    let jane = world.user("jane").await;
    let (serial, seed) = world.device("jane").await;
    let admin = world.as_admin().await;
    let resync = async |first: u64, second: u64| {
        let request = ask(&[
            ("UserName", "jane"),
            ("SerialNumber", serial.as_str()),
            ("AuthenticationCode1", digits(&seed, first).as_str()),
            ("AuthenticationCode2", digits(&seed, second).as_str()),
        ]);
        world.control.resync_mfa_device(&admin, request).await
    };
    let now = step_at(world.millis());
    let get = async |step: u64| {
        let caller = world.sign_as(&jane, "sts", "/").await.unwrap();
        let request = ask(&[("SerialNumber", serial.as_str()), ("TokenCode", digits(&seed, step).as_str())]);
        world.control.get_session_token(&caller, request).await
    };
    assert_eq!(code(get(now + 21).await), ErrorCode::AccessDeniedException, "ten minutes ahead");
    for (first, second) in [(now + 20, now + 22), (now + 20, now + 20), (now - 1, now), (now + 500, now + 501)] {
        assert_eq!(code(resync(first, second).await), ErrorCode::InvalidAuthenticationCode, "{}", second - now);
    }
    world.clock.advance(Duration::from_secs(150));
    resync(now + 25, now + 26).await.unwrap();
    get(now + 27).await.unwrap();
    let listed = world.control.list_mfa_devices(&admin, ask(&[("UserName", "jane")])).await.unwrap();
    assert_eq!(listed.devices.len(), 1);
    assert_eq!(
        code(world.control.delete_virtual_mfa_device(&admin, ask(&[("SerialNumber", &serial)])).await),
        ErrorCode::DeleteConflict
    );
    let hers = ask(&[("UserName", "jane"), ("SerialNumber", &serial)]);
    world.control.deactivate_mfa_device(&admin, hers).await.unwrap();
    assert_eq!(code(get(now + 28).await), ErrorCode::AccessDeniedException, "it is nobody's");
    world.control.delete_virtual_mfa_device(&admin, ask(&[("SerialNumber", &serial)])).await.unwrap();
}
