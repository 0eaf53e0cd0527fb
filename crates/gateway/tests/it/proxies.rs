//! Requests behind proxies: whose word counts about where they come from, for policies and for those who guess.

use postern_gateway::TrustedProxies;
use postern_iam::SecretString;
use postern_iam::sigv4::Credentials;
use serde_json::json;

use crate::decisions::user;
use crate::harness::{Options, Service};
use crate::routes::form_by_way_of;

const LIST: &str = "Action=ListUsers&Version=2010-05-08";

async fn behind(proxies: &[&str]) -> Service {
    let trusted_proxies = TrustedProxies::new(proxies.iter().map(|network| network.parse().unwrap()).collect());
    Service::with(Options { trusted_proxies, ..Options::default() }).await
}

/// Somebody who may do one thing under this condition.
async fn somebody(service: &Service, condition: serde_json::Value) -> Credentials {
    let statement = json!({"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition});
    user(service, "ann", &[statement]).await
}

async fn lists(service: &Service, user: &Credentials, added_on_the_way: &[(&str, &str)]) -> bool {
    let (status, answer) = form_by_way_of(service, LIST, Some((user, "iam")), added_on_the_way).await;
    assert!(status == 200 || answer.contains("<Code>AccessDenied</Code>"), "{status} {answer}");
    status == 200
}

fn office() -> serde_json::Value {
    json!({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}})
}

#[tokio::test]
async fn policies_see_the_address_that_a_trusted_proxy_names() {
    let service = behind(&["127.0.0.0/8", "10.0.0.0/8"]).await;
    let ann = somebody(&service, office()).await;
    for (lines, expected) in [
        (&["198.51.100.7"][..], true),
        (&["203.0.113.9"], false),
        (&["198.51.100.7, 203.0.113.9"], false),
        (&["203.0.113.9, 198.51.100.7, 10.1.2.3"], true),
        (&["203.0.113.9, 198.51.100.7", "10.1.2.3"], true),
        (&["198.51.100.7", "unknown"], false),
        (&[], false),
    ] {
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        assert_eq!(lists(&service, &ann, &headers).await, expected, "{lines:?}");
    }
}

#[tokio::test]
async fn nobody_else_says_where_they_come_from() {
    let service = behind(&["192.0.2.0/24"]).await;
    let ann = somebody(&service, office()).await;
    for header in ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip"] {
        for value in ["198.51.100.7", "for=198.51.100.7", "198.51.100.7, 192.0.2.1"] {
            assert!(!lists(&service, &ann, &[(header, value)]).await, "{header}: {value}");
        }
    }
    // A trusted one's word is its X-Forwarded-For alone.
    let service = behind(&["127.0.0.1/32"]).await;
    let ann = somebody(&service, office()).await;
    for (header, value) in [("forwarded", "for=198.51.100.7"), ("x-real-ip", "198.51.100.7")] {
        assert!(!lists(&service, &ann, &[(header, value)]).await, "{header}");
    }
}

#[tokio::test]
async fn policies_see_whether_the_way_to_a_trusted_proxy_is_encrypted() {
    let condition = || json!({"Bool": {"aws:SecureTransport": "true"}});
    for (proxies, expected) in [(&["127.0.0.1/32"][..], true), (&[], false)] {
        let service = behind(proxies).await;
        let ann = somebody(&service, condition()).await;
        assert_eq!(lists(&service, &ann, &[("x-forwarded-proto", "https")]).await, expected, "{proxies:?}");
        assert!(!lists(&service, &ann, &[("x-forwarded-proto", "http")]).await);
        assert!(!lists(&service, &ann, &[]).await);
    }
}

/// Who guesses is slowed down by the address that somebody trusted has seen, and nobody else is.
#[tokio::test]
async fn guessing_is_counted_for_the_client_behind_the_proxy() {
    let service = behind(&["127.0.0.1/32"]).await;
    let wrong = Credentials { secret_access_key: SecretString::new("wrong"), ..service.administrator.clone() };
    let answer = async |who: &Credentials, from: &str| {
        form_by_way_of(&service, LIST, Some((who, "iam")), &[("x-forwarded-for", from)]).await.1
    };
    let mut throttled = false;
    for guess in 0..1000 {
        // Each time it claims to be somebody else.
        let claimed = format!("192.0.2.{}, 203.0.113.9", guess % 250);
        throttled = answer(&wrong, &claimed).await.contains("Throttling");
        if throttled {
            break;
        }
    }
    assert!(throttled);
    assert!(answer(&service.administrator, "198.51.100.7").await.contains("<Users>"), "others are not kept out");
    assert!(answer(&service.administrator, "192.0.2.1").await.contains("<Users>"), "nor whom it claimed to be");
}
