//! `postern audit`: who did what, and what came of it.

use std::collections::{HashSet, VecDeque};
use std::process::ExitCode;
use std::time::Duration;

use postern_client::Service;
use postern_model::Timestamp;
use postern_model::cloudtrail::{LookupAttribute, LookupAttributeKey, LookupEventsRequest};
use postern_protocol::Clock as _;
use postern_transport::SystemClock;
use serde_json::Value;

use super::activation::period;
use super::listing;
use crate::context::ServiceFlags;
use crate::table::{self, printable};

/// Between two looks for what is new.
const LOOK: Duration = Duration::from_secs(2);
/// An event is stored within half a second of the time that it says; as long as a request may take, it may be later.
const LATE: Duration = Duration::from_secs(60);
/// Events that are remembered so that none is shown twice.
const SEEN: usize = 20_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How far back, for example 30m, 12h or 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = period)]
    since: Duration,
    /// Only of this user, session of a role, or node
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only these, for example StartSession
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only about this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only what changed something
    #[arg(long)]
    writes: bool,
    /// Only what was refused or failed
    #[arg(long)]
    errors: bool,
    /// Go on and show what happens
    #[arg(long, short)]
    follow: bool,
    /// Print the whole events, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Prints them, the latest last.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    let mut shown = Shown::default();
    let mut from = now().saturating_sub(arguments.since);
    if !arguments.json {
        table::write_lines(std::iter::once(line(["TIME", "WHO", "EVENT", "OUTCOME", "FROM", "ABOUT"])))?;
    }
    loop {
        let looked_at = now();
        let events = arguments.look(&service, from).await?;
        let mut lines = Vec::new();
        for (text, event) in events {
            if shown.is_new(&event) && arguments.wants(&event) {
                // As it is kept, letter for letter: hashes are over that.
                lines.push(if arguments.json { text } else { row(&event) });
            }
        }
        table::write_lines(lines.into_iter())?;
        if !arguments.follow {
            return Ok(ExitCode::SUCCESS);
        }
        from = from.max(looked_at.saturating_sub(LATE));
        tokio::time::sleep(LOOK).await;
    }
}

impl Arguments {
    /// The events since then, as they are kept and as JSON, the earliest first. The service looks by the narrowest of what was asked for.
    async fn look(&self, service: &Service, from: Duration) -> anyhow::Result<Vec<(String, Value)>> {
        let by = [
            (LookupAttributeKey::ResourceName, &self.node),
            (LookupAttributeKey::Username, &self.user),
            (LookupAttributeKey::EventName, &self.event),
        ];
        let by = by.into_iter().find_map(|(key, value)| Some((key, value.clone()?)));
        let by = by.or_else(|| self.writes.then(|| (LookupAttributeKey::ReadOnly, "false".to_owned())));
        let attribute = by.map(|(attribute_key, attribute_value)| LookupAttribute { attribute_key, attribute_value });
        let millis = u64::try_from(from.as_millis()).unwrap_or(u64::MAX);
        let request = |next_token| LookupEventsRequest {
            lookup_attributes: attribute.clone().into_iter().collect(),
            start_time: Some(Timestamp::from_millis(millis)),
            next_token,
            ..LookupEventsRequest::default()
        };
        let mut events = listing::all(service, "Events", request).await?;
        events.reverse();
        let event = |found: &Value| {
            let text = listing::text(found, "CloudTrailEvent");
            let event = serde_json::from_str(&text)?;
            Ok((text, event))
        };
        events.iter().map(event).collect()
    }

    fn wants(&self, event: &Value) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        is(&self.event, text(&event["eventName"]))
            && is(&self.user, who(event))
            && (!self.writes || event["readOnly"] == false)
            && (!self.errors || event["errorCode"].is_string())
    }
}

/// The events that were shown, by their ids.
#[derive(Default)]
struct Shown {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Shown {
    fn is_new(&mut self, event: &Value) -> bool {
        let id = text(&event["eventID"]).to_owned();
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

fn row(event: &Value) -> String {
    let outcome = match (event["errorCode"].as_str(), event["serviceEventDetails"]["cause"].as_str()) {
        (Some(code), _) => code,
        (None, Some(cause)) => cause,
        (None, None) => "done",
    };
    let about = ["requestParameters", "responseElements", "serviceEventDetails"];
    let names =
        ["sessionId", "target", "nodeId", "instanceId", "documentName", "name", "userName", "roleName", "groupName"];
    let about: Vec<&str> = about
        .iter()
        .flat_map(|member| names.map(|name| text(&event[member][name])))
        .filter(|name| !name.is_empty())
        .collect();
    let cells = [
        text(&event["eventTime"]),
        who(event),
        text(&event["eventName"]),
        outcome,
        text(&event["sourceIPAddress"]),
        &about.join(" "),
    ];
    line(cells)
}

/// Columns as wide as what mostly stands in them: the events are not all known when the first is shown.
fn line([time, who, event, outcome, from, about]: [&str; 6]) -> String {
    let [time, who, event, outcome, from, about] = [time, who, event, outcome, from, about].map(printable);
    format!("{time:<20}  {who:<24}  {event:<28}  {outcome:<24}  {from:<15}  {about}").trim_end().to_owned()
}

/// As the service finds events by.
fn who(event: &Value) -> &str {
    let identity = &event["userIdentity"];
    identity["userName"]
        .as_str()
        .or_else(|| last_part(&identity["arn"]))
        .or_else(|| last_part(&event["serviceEventDetails"]["owner"]))
        .or_else(|| identity["type"].as_str())
        .unwrap_or_default()
}

fn last_part(arn: &Value) -> Option<&str> {
    arn.as_str()?.rsplit('/').next()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn now() -> Duration {
    Duration::from_millis(SystemClock.now().unix_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_who_did_what() {
        let event = json!({
            "eventTime": "2026-11-22T14:03:07Z", "eventName": "StartSession", "sourceIPAddress": "192.0.2.7",
            "userIdentity": {"type": "IAMUser", "userName": "jane\u{1b}[31m"},
            "requestParameters": {"target": "mi-1"}, "errorCode": "TargetNotConnected",
        });
        let line = row(&event);
        assert!(!line.contains('\u{1b}'), "{line:?}");
        assert!(
            line.contains("StartSession") && line.contains("TargetNotConnected") && line.ends_with("mi-1"),
            "{line}"
        );
        let end = json!({"eventName": "SessionEnded", "userIdentity": {"type": "AWSService"},
                         "serviceEventDetails": {"owner": "arn:aws:iam::1:user/jane", "cause": "terminated", "sessionId": "jane-1"}});
        assert!(row(&end).contains("jane ") && row(&end).contains("terminated"), "{}", row(&end));
    }

    #[test]
    fn no_event_is_shown_twice() {
        let mut shown = Shown::default();
        assert!(shown.is_new(&json!({"eventID": "a"})));
        assert!(shown.is_new(&json!({"eventID": "b"})));
        assert!(!shown.is_new(&json!({"eventID": "a"})));
    }
}
