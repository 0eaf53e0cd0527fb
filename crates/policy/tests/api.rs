//! What callers see beside decisions: limits, messages, context values.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::sync::Arc;

use postern_policy::{
    Attached, Comparison, Context, DocumentKind, Effect, Layer, Layers, Limits, MAX_DOCUMENT_BYTES, Operator, Policy,
    Principal, Request, Resource, Value, ValueKind, Verdict, Version, evaluate, quota_characters,
};

const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

#[test]
fn white_space_does_not_count_and_everything_else_does() {
    assert_eq!(quota_characters(" {\t\"a\":\r\n \"é\u{a0}\"}"), 10);
    let exactly = Limits::MANAGED.with_max_characters(ALL.len());
    let spaced = ALL.replace(',', " ,\n\t ");
    assert!(Policy::parse(&spaced, exactly).is_ok());
    assert!(Policy::parse(ALL, Limits::MANAGED.with_max_characters(ALL.len() - 1)).is_err());
}

#[test]
fn each_place_has_its_quota_and_aws_s_words_for_it() {
    for (limits, max, code, words) in [
        (Limits::USER_INLINE, 2048, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user"),
        (Limits::GROUP_INLINE, 5120, "LimitExceeded", "Maximum policy size of 5120 bytes exceeded for group"),
        (Limits::ROLE_INLINE, 10_240, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role"),
        (Limits::MANAGED, 6144, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144"),
        (Limits::TRUST, 2048, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"),
        (Limits::SESSION, 2048, "PackedPolicyTooLarge", "The session policy may have at most 2048 characters"),
    ] {
        let padded = |length: usize| format!("{{\"Id\":\"{}\"}}", "x".repeat(length - 9));
        assert_eq!(quota_characters(&padded(max)), max);
        assert_eq!(Policy::parse(&padded(max), limits).unwrap_err().code(), "MalformedPolicyDocument");
        let fault = Policy::parse(&padded(max + 1), limits).unwrap_err();
        assert_eq!((fault.code(), fault.summary()), (code, words));
        assert_eq!(fault.detail(), format!("it has {} characters that are not white space", max + 1));
    }
}

#[test]
fn stored_policies_have_only_the_last_bound() {
    let limits = Limits::stored(DocumentKind::Identity);
    let padded = format!("{ALL}{}", " ".repeat(MAX_DOCUMENT_BYTES - ALL.len()));
    assert!(Policy::parse(&padded, limits).is_ok());
    assert!(Policy::parse(&format!("{padded} "), limits).is_err());

    let many = |count: usize| {
        let statement = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
        format!(r#"{{"Statement":[{}]}}"#, vec![statement; count].join(","))
    };
    let large = Limits::MANAGED.with_max_characters(MAX_DOCUMENT_BYTES);
    assert!(Policy::parse(&many(512), large).is_ok());
    assert_eq!(Policy::parse(&many(513), large).unwrap_err().path(), "Statement");
    assert_eq!(Policy::parse(&many(513), limits).unwrap().statements().len(), 513);
}

#[test]
fn faults_say_the_place_and_what_would_be_right() {
    for (document, message) in [
        (
            r#"{"Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]}"#,
            r#"Syntax errors in policy. (at Statement[0].Effect: must be "Allow" or "Deny", not "allow")"#,
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#,
            "Policy statement must contain actions. (at Statement[0].Action)",
        ),
        ("{", "Syntax errors in policy. (not JSON: EOF while parsing an object at line 1 column 1)"),
        (
            "{\"Statement\":[{\"a\\nb\":1}]}",
            "Syntax errors in policy. (at Statement[0].a\u{fffd}b: \"a\u{fffd}b\" is no element here; there are Sid, Effect, \
             Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition)",
        ),
    ] {
        assert_eq!(Policy::parse(document, Limits::MANAGED).unwrap_err().to_string(), message);
    }
    let long = format!("{{\"Statement\":{{\"{}\":1}}}}", "x".repeat(1000));
    let fault = Policy::parse(&long, Limits::MANAGED).unwrap_err();
    assert_eq!(fault.path(), format!("Statement.{}…", "x".repeat(64)));
}

#[test]
fn denials_are_worded_as_aws_words_them() {
    for (verdict, words) in [
        (Verdict::Allowed, ""),
        (Verdict::ImplicitDeny(Layer::Identity), "because no identity-based policy allows the ssm:StartSession action"),
        (Verdict::ImplicitDeny(Layer::Resource), "because no resource-based policy allows the ssm:StartSession action"),
        (Verdict::ImplicitDeny(Layer::Boundary), "because no permissions boundary allows the ssm:StartSession action"),
        (Verdict::ImplicitDeny(Layer::Session), "because no session policy allows the ssm:StartSession action"),
        (
            Verdict::ImplicitDeny(Layer::Organisation),
            "because no service control policy allows the ssm:StartSession action",
        ),
        (Verdict::ExplicitDeny(Layer::Identity), "with an explicit deny in an identity-based policy"),
        (Verdict::ExplicitDeny(Layer::Boundary), "with an explicit deny in a permissions boundary"),
    ] {
        assert_eq!(verdict.reason("ssm:StartSession"), words);
    }
    let names = [Verdict::Allowed, Verdict::ExplicitDeny(Layer::Session), Verdict::ImplicitDeny(Layer::Session)];
    assert_eq!(names.map(Verdict::simulation_name), ["allowed", "explicitDeny", "implicitDeny"]);
}

#[test]
fn an_explanation_has_a_line_for_each_statement() {
    let attached = |name: &str, document: &str| Attached {
        name: name.into(),
        policy: Arc::new(Policy::parse(document, Limits::MANAGED).unwrap()),
    };
    let web = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"Web","Effect":"Allow","Action":"ssm:StartSession","Resource":"*",
         "Condition":{"StringLike":{"ssm:resourceTag/Finance":"Web*"}}},
        {"Effect":"Allow","Action":"ssm:*","Resource":"arn:aws:ssm:*:*:session/${aws:username}-*"},
        {"Effect":"Deny","Action":"ssm:*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":"false"}}}]}"#;
    let mut layers = Layers { identity: vec![attached("web", web)], ..Layers::default() };
    let resource = Resource::new("arn:aws:ssm:r:123456789012:managed-instance/mi-1");
    let context = Context::new().with("aws:SecureTransport", true);
    let explain = |layers: &Layers| {
        let request = Request {
            principal: Principal::default(),
            action: "ssm:StartSession",
            resource: &resource,
            context: &context,
            resource_context: &Context::EMPTY,
        };
        evaluate(layers, &request).to_string()
    };
    assert_eq!(
        explain(&layers),
        "denied: no identity-based policy allows it\n  \
         does not match: Allow in identity-based policy web, statement 0 (Web): its condition StringLike on \
         ssm:resourceTag/Finance asks for \"Web*\", and the request has no such key\n  \
         does not match: Allow in identity-based policy web, statement 1: ${aws:username} in its resource has no value in \
         this request\n  \
         does not match: Deny in identity-based policy web, statement 2: its condition BoolIfExists on \
         aws:SecureTransport asks for \"false\", and the request has \"true\""
    );
    layers.identity = vec![attached("all", ALL)];
    assert_eq!(explain(&layers), "allowed\n  matches: Allow in identity-based policy all, statement 0");
    layers.boundary = Some(vec![attached("no", &ALL.replace("Allow", "Deny"))]);
    assert_eq!(
        explain(&layers),
        "denied: a statement in a permissions boundary denies it\n  matches: Deny in permissions boundary no, statement 0\n  \
         matches, and is outvoted: Allow in identity-based policy all, statement 0"
    );
    let many: Vec<String> = (0..12).map(|n| format!("\"arn:aws:ssm:*:*:session/{n}\"")).collect();
    let narrow =
        ALL.replace(r#""Resource":"*""#, r#""NotResource":"arn:aws:ssm:*","Condition":{"Null":{"a:b":"false"}}"#);
    layers.identity =
        vec![attached("narrow", &narrow), attached("many", &ALL.replace("\"*\"}", &format!("[{}]}}", many.join(","))))];
    layers.boundary = None;
    assert_eq!(
        explain(&layers),
        format!(
            "denied: no identity-based policy allows it\n  \
             does not match: Allow in identity-based policy narrow, statement 0: it is about all but \"arn:aws:ssm:*\"; its \
             condition Null on a:b asks for \"false\", and the request has no such key\n  \
             does not match: Allow in identity-based policy many, statement 0: it is about {} and 2 more",
            many[..10].join(", ")
        ),
        "everything that is otherwise"
    );
}

#[test]
fn context_values_are_written_as_conditions_read_them() {
    assert_eq!(Value::date(1_767_225_600_000).unwrap().text(), "2026-01-01T00:00:00Z");
    assert_eq!(Value::date(i64::MAX), None);
    assert_eq!(Value::binary(b"Binary").text(), "QmluYXJ5");
    assert_eq!([Value::from(true), Value::from(false)].map(|value| value.to_string()), ["true", "false"]);
    assert_eq!(Value::from(-5_i64).text(), "-5");
    assert_eq!(Value::from("::ffff:10.0.0.1".parse::<IpAddr>().unwrap()).text(), "10.0.0.1");

    let mut context = Context::new().with("B:b", "1").with("a:A", "2").with("b:B", "3");
    assert_eq!(context.get("B:B"), [Value::from("3")]);
    assert_eq!(context.get("c:c"), []);
    context.set_all("a:a", []);
    let keys: Vec<(&str, usize)> = context.iter().map(|(key, values)| (key, values.len())).collect();
    assert_eq!(keys, [("a:a", 0), ("b:b", 1)]);
}

#[test]
fn typed_values_are_checked() {
    for (name, right, wrong) in [
        ("numeric", "5.5", "five"),
        ("boolean", "true", "1"),
        ("ip", "10.0.0.1", "10.0.0.0/8"),
        ("binary", "QmluYXJ5", "!"),
        ("date", "2026-01-01T00:00:00Z", "soon"),
    ] {
        let kind = ValueKind::from_name(name).unwrap();
        let mut context = Context::new();
        assert_eq!(context.set_typed("x:y", kind, &[right, wrong]), Err(wrong));
        assert_eq!(context.get("x:y"), []);
        assert_eq!(context.set_typed("x:y", kind, &[right]), Ok(()));
        assert_eq!(context.get("x:y"), [Value::from(right)]);
    }
    assert_eq!(ValueKind::from_name("string"), Some(ValueKind::Text));
    assert_eq!(ValueKind::from_name("text"), None);
}

#[test]
fn a_policy_tells_what_it_has() {
    let document = r#"{"Version":"2012-10-17","Id":"x","Statement":[
        {"Sid":"a","Effect":"Deny","Action":["ssm:A","ssm:B"],"Resource":"arn:aws:ssm:*:*:session/${aws:UserName}-*"},
        {"Effect":"Allow","NotAction":"s3:*","NotResource":"*","Condition":{
            "StringLike":{"aws:PrincipalTag/Team":"${aws:userid}"},"Bool":{"aws:SecureTransport":"${x:y}"},
            "ArnLike":{"aws:PrincipalArn":["${x:z}","arn:aws:iam::${aws:PrincipalAccount}:role/*"]}}}]}"#;
    let policy = Policy::parse(document, Limits::MANAGED).unwrap();
    assert_eq!((policy.version(), policy.id(), policy.kind()), (Version::V2012, Some("x"), DocumentKind::Identity));
    let [first, second] = policy.statements() else { panic!("two statements") };
    assert_eq!((first.sid(), first.effect()), (Some("a"), Effect::Deny));
    assert_eq!((second.sid(), second.effect()), (None, Effect::Allow));
    assert_eq!(first.action_patterns().collect::<Vec<_>>(), ["ssm:A", "ssm:B"]);
    assert_eq!(second.resource_patterns().collect::<Vec<_>>(), ["*"]);
    assert_eq!(first.context_keys().collect::<Vec<_>>(), ["aws:UserName"]);
    let keys: Vec<&str> = second.context_keys().collect();
    assert_eq!(
        keys,
        [
            "aws:PrincipalTag/Team",
            "aws:SecureTransport",
            "aws:PrincipalArn",
            "aws:userid",
            "x:y",
            "x:z",
            "aws:PrincipalAccount"
        ]
    );
    assert!(
        first.is_about("SSM:a") && !first.is_about("ssm:C") && second.is_about("ssm:C") && !second.is_about("s3:Get")
    );
    assert_eq!(
        first.to_string(),
        r#"{"Sid":"a","Effect":"Deny","Action":["ssm:A","ssm:B"],"Resource":"arn:aws:ssm:*:*:session/${aws:UserName}-*"}"#
    );
    assert_eq!(Policy::parse(ALL, Limits::MANAGED).unwrap().version(), Version::V2008);
}

#[test]
fn every_operator_has_one_name() {
    for comparison in Comparison::ALL {
        for quantifier in ["", "ForAllValues:", "ForAnyValue:"] {
            for if_exists in ["", "IfExists"] {
                let name = format!("{quantifier}{}{if_exists}", comparison.name());
                let plain = quantifier.is_empty() && if_exists.is_empty();
                let read = Operator::from_name(&name).map(|operator| operator.to_string());
                let expected = (plain || *comparison != Comparison::Null).then_some(name);
                assert_eq!(read, expected);
            }
        }
    }
}

#[test]
fn what_is_printed_has_one_form() {
    let document = r#" {"Statement":{"Resource":["*"],"Condition":{"StringEquals":{"a:b":5},"Bool":{"a:c":[true,"false"]}},
        "Action":["ssm:A"],"Effect":"Allow"},"Version":"2012-10-17"} "#;
    assert_eq!(
        Policy::parse(document, Limits::MANAGED).unwrap().to_string(),
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:A","Resource":"*","Condition":{"StringEquals":{"a:b":"5"},"Bool":{"a:c":["true","false"]}}}]}"#
    );
    let trust = r#"{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":["123456789012"],"Service":["a.b","c.d"]},"Action":"sts:AssumeRole"}]}"#;
    assert_eq!(
        Policy::parse(trust, Limits::TRUST).unwrap().to_string(),
        r#"{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012","Service":["a.b","c.d"]},"Action":"sts:AssumeRole"}]}"#
    );
}
