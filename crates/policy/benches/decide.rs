//! What a decision costs. Goal: at most 20 µs against 20 policies with 200 statements together, as a user with many
//! groups has; the mean operation asks twice.

use std::sync::Arc;

use divan::{Bencher, black_box};
use postern_policy::{Attached, Context, Layers, Limits, Policy, Principal, Request, Resource, evaluate, verdict};

mod team;

use team::document;

const NODE: &str = "arn:aws:ssm:eu-west-1:123456789012:managed-instance/mi-0c83012b7aac4ccda";

fn main() {
    divan::main();
}

fn layers(policies: usize) -> Layers {
    let attached = |number: usize| Attached {
        name: format!("team{number}").into(),
        policy: Arc::new(Policy::parse(&document(number), Limits::MANAGED).expect("a policy")),
    };
    Layers { identity: (0..policies).map(attached).collect(), ..Layers::default() }
}

fn context() -> Context {
    Context::new()
        .with("aws:username", "ann")
        .with("aws:userid", "AIDAJQABLZS4A3QDU576Q")
        .with("aws:PrincipalArn", "arn:aws:iam::123456789012:user/ann")
        .with("aws:PrincipalAccount", "123456789012")
        .with("aws:PrincipalType", "User")
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:SecureTransport", true)
        .with("aws:CurrentTime", "2026-01-31T12:00:00Z")
        .with("aws:EpochTime", 1_769_860_800_i64)
        .with("aws:UserAgent", "aws-cli/2.22.0")
        .with("aws:RequestedRegion", "eu-west-1")
}

/// Allowed by the last policy: nothing ends early, every condition of a matching action is read.
fn ask<T>(bencher: Bencher<'_, '_>, tag: &str, answer: impl Fn(&Layers, &Request<'_>) -> T + Sync) {
    let (layers, resource, context) = (layers(20), Resource::new(NODE), context());
    let tags = Context::new().with("ssm:resourceTag/Team", tag).with("aws:ResourceTag/Team", tag);
    let request = Request {
        principal: Principal::default(),
        action: "ssm:StartSession",
        resource: &resource,
        context: &context,
        resource_context: &tags,
    };
    assert_eq!(verdict(&layers, &request).is_allowed(), tag == "team19");
    bencher.bench(|| answer(black_box(&layers), black_box(&request)));
}

#[divan::bench]
fn verdict_of_200_statements(bencher: Bencher<'_, '_>) {
    ask(bencher, "team19", verdict);
}

#[divan::bench]
fn refusal_of_200_statements(bencher: Bencher<'_, '_>) {
    ask(bencher, "another", verdict);
}

#[divan::bench]
fn decision_with_reasons_of_200_statements(bencher: Bencher<'_, '_>) {
    ask(bencher, "team19", evaluate);
}

#[divan::bench]
fn parse_10_statements(bencher: Bencher<'_, '_>) {
    let document = document(7);
    bencher.bench(|| Policy::parse(black_box(&document), Limits::MANAGED));
}
