//! Data channels whose upgrade is signed: by the owner, by somebody else, by nobody.

use postern_protocol::wire::open::{ClientOpen, DataOpen};
use serde_json::json;

use super::*;
use crate::{Admission, Refusal};

/// Opens the client's side of a session with its token, signed by this caller or by nobody.
async fn open(world: &World, session: &StartSessionResponse, signed: Option<&Caller>) -> Result<(), Refusal> {
    let open = ClientOpen {
        token_value: session.token_value.expose().into(),
        client_id: "client".to_owned(),
        ..ClientOpen::default()
    };
    match world.control.admit_data_channel(&session.session_id, &DataOpen::Client(open), signed).await? {
        Admission::Open(_) => Ok(()),
        Admission::Ended(ended) => panic!("{ended:?}"),
    }
}

fn reason(refused: Result<(), Refusal>) -> String {
    match refused {
        Err(Refusal::Denied(error)) => error.message().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_signed_upgrade_is_the_owners_or_allowed_and_denied_by_nothing() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let start = || allow("ssm:StartSession", json!([NODES, document_arn(SHELL)]));
    let owner = world.person("ann", &[start()]).await;
    let other = world.person("bob", &[start()]).await;

    let session = owner.start(&node).await;
    let refused = reason(open(&world, &session, Some(&other.call("ssmmessages").await)).await);
    let arn = format!("arn:aws:ssm:eu-west-1:123456789012:session/{}", session.session_id);
    assert_eq!(
        refused,
        format!(
            "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: ssmmessages:OpenDataChannel on \
             resource: {arn} because no identity-based policy allows the ssmmessages:OpenDataChannel action"
        )
    );
    open(&world, &session, Some(&owner.call("ssmmessages").await)).await.unwrap();

    let session = owner.start(&node).await;
    let channels = |pattern: &str| allow("ssmmessages:OpenDataChannel", pattern);
    other.may(&[channels("arn:aws:ssm:*:*:session/${aws:userid}-*")]).await;
    reason(open(&world, &session, Some(&other.call("ssmmessages").await)).await);
    other.may(&[channels("arn:aws:ssm:*:*:session/ann-*")]).await;
    open(&world, &session, Some(&other.call("ssmmessages").await)).await.unwrap();

    let session = owner.start(&node).await;
    let denied = deny("ssmmessages:*", "*");
    owner.may(&[start(), channels("*"), denied.clone()]).await;
    other.may(&[channels("*"), denied]).await;
    for user in [&owner, &other] {
        let refused = reason(open(&world, &session, Some(&user.call("ssmmessages").await)).await);
        assert!(refused.ends_with("with an explicit deny in an identity-based policy"), "{refused}");
    }
    // The token is all there is to judge an unsigned one by.
    open(&world, &session, None).await.unwrap();
}

#[tokio::test]
async fn an_unsigned_upgrade_is_refused_where_the_operator_wants_signatures() {
    let mut world = World::new().await;
    world.configure(|settings| settings.require_signed_data_channels = true);
    let (node, _lease) = world.online(1).await;
    let session = world.start(&node).await;
    assert_eq!(open(&world, &session, None).await.unwrap_err(), Refusal::Unsigned);
    let admin = world.sign_as(&world.admin, "ssmmessages", "/?open").await.unwrap();
    open(&world, &session, Some(&admin)).await.unwrap();
}
