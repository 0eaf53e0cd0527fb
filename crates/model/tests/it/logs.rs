//! Requests and answers of logs: bytes of stock agents, constraints, what is refused and in which words.

use postern_model::logs::{
    CreateLogGroupRequest, CreateLogStreamRequest, DescribeLogGroupsRequest, DescribeLogStreamsRequest,
    FilterLogEventsRequest, GetLogEventsRequest, GetLogEventsResponse, GroupReference, PutLogEventsRequest,
    PutLogEventsResponse, PutRetentionPolicyRequest, RejectedLogEventsInfo,
};
use postern_model::{ApiRequest, ErrorCode, decode};
use serde_json::{Value, json};

fn fails<R: ApiRequest + std::fmt::Debug>(body: Value) -> (ErrorCode, String) {
    let error = decode::<R>(body.to_string().as_bytes()).unwrap_err();
    (error.code(), error.message().to_owned())
}

/// What a body means is what it is written as.
fn again<R: ApiRequest>(body: &str) -> R {
    let request: R = decode(body.as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&request).unwrap(), serde_json::from_str::<Value>(body).unwrap());
    request
}

/// The bodies that the stock agent sent (captures 08 and 09).
#[test]
fn the_requests_of_stock_agents_are_read_and_written() {
    let groups: DescribeLogGroupsRequest = again(r#"{"logGroupNamePrefix":"/ssm/sessions"}"#);
    assert_eq!(groups.log_group_name_prefix.as_deref(), Some("/ssm/sessions"));
    again::<CreateLogStreamRequest>(r#"{"logGroupName":"/ssm/sessions","logStreamName":"tester-030d96e47c854f0d9"}"#);
    let streams: DescribeLogStreamsRequest =
        again(r#"{"logGroupName":"/ssm/sessions","logStreamNamePrefix":"tester-030d96e47c854f0d9"}"#);
    assert_eq!(streams.log_group, GroupReference::Name("/ssm/sessions".to_owned()));
    let put: PutLogEventsRequest = again(
        r#"{"logEvents":[{"message":"{\"sessionData\":[\"$ exit\"]}","timestamp":1795385217750}],"logGroupName":"/ssm/sessions","logStreamName":"tester-175ab60e3677481a8","sequenceToken":"seq-30595a36f663443db1b8b4d16319bd25"}"#,
    );
    assert_eq!(put.log_events[0].timestamp, 1_795_385_217_750);
    assert!(!format!("{put:?}").contains("exit"), "the text of a session cannot print itself");
}

#[test]
fn answers_have_the_names_of_the_model() {
    let info = RejectedLogEventsInfo { too_new_log_event_start_index: Some(3), ..Default::default() };
    let put = PutLogEventsResponse { next_sequence_token: Some("1".to_owned()), rejected_log_events_info: Some(info) };
    let wire = json!({"nextSequenceToken": "1", "rejectedLogEventsInfo": {"tooNewLogEventStartIndex": 3}});
    assert_eq!(serde_json::to_value(&put).unwrap(), wire);
    let wire = json!({"events": [{"timestamp": 1, "message": "m", "ingestionTime": 2}],
                      "nextForwardToken": "f", "nextBackwardToken": "b"});
    let read: GetLogEventsResponse = serde_json::from_value(wire.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), wire);
}

#[test]
fn a_group_is_named_in_one_way() {
    let name = |identifier: &str| GroupReference::Identifier(identifier.to_owned()).name();
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ssm/sessions";
    for (identifier, named_by_arn) in [("/ssm/sessions", false), (arn, true), (&format!("{arn}:*"), true)] {
        let (found, arn) = name(identifier).unwrap();
        assert_eq!((found.as_str(), arn.is_some()), ("/ssm/sessions", named_by_arn));
    }
    for wrong in
        ["a b", "arn:aws:logs:us-east-1:1:log-group:", "arn:aws:s3:::log-group:x", &format!("{arn}:log-stream:x")]
    {
        assert_eq!(name(wrong).unwrap_err().code(), ErrorCode::InvalidParameterException, "{wrong}");
    }
}

#[test]
fn what_is_wrong_is_named_and_the_text_of_sessions_is_not_repeated() {
    use ErrorCode::*;
    let event = json!({"timestamp": 1, "message": "hunter2"});
    let put = |events: Value| json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events});
    let many: Vec<Value> = std::iter::repeat_n(event.clone(), 10_001).collect();
    for (found, code, words) in [
        (
            fails::<PutLogEventsRequest>(put(json!([]))),
            InvalidParameterException,
            "Value at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            fails::<PutLogEventsRequest>(put(many.into())),
            InvalidParameterException,
            "Value at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to 10000",
        ),
        (fails::<PutLogEventsRequest>(put(json!(null))), InvalidParameterException, "Value null at 'logEvents'"),
        (
            fails::<PutLogEventsRequest>(put(json!([{"timestamp": 1, "message": ""}]))),
            InvalidParameterException,
            "Value at 'logEvents.1.member.message'",
        ),
        (
            fails::<PutLogEventsRequest>(put(json!([{"message": "hunter2"}]))),
            InvalidParameterException,
            "Value null at 'logEvents.1.member.timestamp'",
        ),
        (
            fails::<PutLogEventsRequest>(put(json!([{"timestamp": -1, "message": "hunter2"}]))),
            InvalidParameterException,
            "greater than or equal to 0",
        ),
        (
            fails::<PutLogEventsRequest>(put(json!([{"timestamp": 1.5, "message": "hunter2"}]))),
            SerializationException,
            "a Number at 'logEvents.1.member.timestamp'",
        ),
        (fails::<PutLogEventsRequest>(put(json!(["hunter2"]))), SerializationException, "a String at 'logEvents'"),
        (
            fails::<CreateLogGroupRequest>(json!({"logGroupName": "a b"})),
            InvalidParameterException,
            r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+",
        ),
        (
            fails::<CreateLogStreamRequest>(json!({"logGroupName": "g", "logStreamName": "a:b"})),
            InvalidParameterException,
            "[^:*]*",
        ),
        (
            fails::<PutRetentionPolicyRequest>(json!({"logGroupName": "g", "retentionInDays": 2})),
            InvalidParameterException,
            "Value '2' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14,",
        ),
        (
            fails::<PutRetentionPolicyRequest>(json!({"logGroupName": "g"})),
            InvalidParameterException,
            "Value null at 'retentionInDays'",
        ),
        (fails::<GetLogEventsRequest>(json!({"logStreamName": "s"})), InvalidParameterException, "must be specified"),
        (
            fails::<FilterLogEventsRequest>(json!({"logGroupName": "g", "limit": 10_001})),
            InvalidParameterException,
            "less than or equal to 10000",
        ),
    ] {
        assert_eq!(found.0, code, "{}", found.1);
        assert!(found.1.contains(words), "{words:?} in {:?}", found.1);
        assert!(!found.1.contains("hunter2"), "{}", found.1);
    }
}
