//! Whoever guesses at codes and signatures is slow, and nobody else.

use std::time::Duration;

use postern_iam::sigv4::Credentials;
use postern_iam::totp::step_at;
use postern_model::ErrorCode;

use super::{ask, digits};
use crate::tests::world::{World, code};

/// Wrong codes are few, from one address; from another one the user comes in meanwhile.
#[tokio::test]
async fn guessing_codes_is_slow_for_the_guesser_alone() {
    let world = World::new().await;
    let jane = world.user("jane").await;
    let (serial, seed) = world.device("jane").await;
    let get = async |address: &str, code: &str| {
        let caller = world.from(&jane, "sts", address).await.unwrap();
        let request = ask(&[("SerialNumber", serial.as_str()), ("TokenCode", code)]);
        world.control.get_session_token(&caller, request).await
    };
    let right = digits(&seed, step_at(world.millis()) + 1);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(code(get("192.0.2.1", wrong).await), ErrorCode::AccessDeniedException);
    }
    let error = get("192.0.2.1", &right).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ThrottlingException, "the right one too");
    assert!(error.retry_after().is_some());
    get("192.0.2.2", &right).await.unwrap();
    world.clock.advance(Duration::from_secs(30));
    let later = digits(&seed, step_at(world.millis()) + 1);
    get("192.0.2.1", &later).await.unwrap();
}

#[tokio::test]
async fn wrong_signatures_are_slow_for_the_guesser_alone() {
    let world = World::new().await;
    let wrong = Credentials { secret_access_key: "wrong".into(), ..world.admin.clone() };
    for _ in 0..50 {
        assert_eq!(code(world.from(&wrong, "ssm", "192.0.2.1").await), ErrorCode::InvalidSignatureException);
    }
    assert_eq!(code(world.from(&world.admin, "ssm", "192.0.2.1").await), ErrorCode::ThrottlingException);
    world.from(&world.admin, "ssm", "192.0.2.2").await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    world.from(&world.admin, "ssm", "192.0.2.1").await.unwrap();
}
