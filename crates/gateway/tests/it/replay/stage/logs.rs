//! The calls with which an agent logs a session, and what became of them.

use postern_protocol::Clock as _;
use postern_transport::SystemClock;
use serde_json::{Value, json};

use super::super::capture::Http;
use super::Stage;

impl Stage {
    /// The group that was there is there, with a key if it had one.
    pub(super) async fn describe_log_groups(&mut self, http: &Http) {
        let recorded: Value = serde_json::from_str(&http.answer).unwrap();
        let group = &recorded["logGroups"][0];
        let mut made = json!({"logGroupName": group["logGroupName"]});
        if group["kmsKeyId"].is_string() {
            made["kmsKeyId"] = json!("alias/aws/ssm");
        }
        self.service.call_service("logs", "Logs_20140328.CreateLogGroup", made).await.unwrap();
        let answer = self.exchange_json(http).await;
        assert_eq!(answer["logGroups"].as_array().map(Vec::len), Some(1));
        let found = &answer["logGroups"][0];
        assert_eq!(found["logGroupName"], group["logGroupName"]);
        // The agent looks at nothing else when it has to be encrypted.
        assert_eq!(found["kmsKeyId"].is_string(), group["kmsKeyId"].is_string());
    }

    pub(super) async fn create_log_stream(&mut self, http: &Http) {
        assert_eq!(self.exchange_json(http).await, json!({}));
    }

    pub(super) async fn describe_log_streams(&mut self, http: &Http) {
        let recorded: Value = serde_json::from_str(&http.answer).unwrap();
        let answer = self.exchange_json(http).await;
        assert_eq!(answer["logStreams"].as_array().map(Vec::len), Some(1));
        let name = recorded["logStreams"][0]["logStreamName"].as_str().unwrap();
        assert_eq!(answer["logStreams"][0]["logStreamName"], self.ours(name));
    }

    /// Everything but the time is as it was recorded: what is older than two weeks is left out, here as at AWS.
    pub(super) async fn put_log_events(&mut self, http: &Http) {
        let recorded: Value = serde_json::from_str(&http.body).unwrap();
        let [event] = &recorded["logEvents"].as_array().unwrap()[..] else { panic!("agents send one at a time") };
        let (now, then) = (SystemClock.now().unix_millis.to_string(), event["timestamp"].to_string());
        let body = self.ours(&http.body).replace(&format!("\"timestamp\":{then}"), &format!("\"timestamp\":{now}"));
        let answer = self.exchange_with(http, &http.url, &body, self.key).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(answer["rejectedLogEventsInfo"].is_null(), "{answer}");
        // The agent sends it with its next events.
        let token: Value = serde_json::from_str(&http.answer).unwrap();
        self.call(token["nextSequenceToken"].as_str().unwrap(), answer["nextSequenceToken"].as_str().unwrap());

        let stream = self.ours(recorded["logStreamName"].as_str().unwrap());
        let request = json!({"logGroupName": recorded["logGroupName"], "logStreamName": stream, "limit": 1});
        let read = self.service.call_service("logs", "Logs_20140328.GetLogEvents", request).await.unwrap();
        assert_eq!(read["events"][0]["message"], self.ours(event["message"].as_str().unwrap()));
    }
}
