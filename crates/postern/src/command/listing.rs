//! Lists that the service gives in pages, kept as the JSON it sent: what AWS adds to a shape is shown, too.

use postern_client::Service;
use postern_model::ApiRequest;
use serde_json::Value;

/// No listing of ours is longer; a service that never stops paging is stopped here.
const MAX_PAGES: usize = 2_000;

/// All items of a listing: `request` makes the request for a page, `member` names the list in the answer.
pub(super) async fn all<R: ApiRequest>(
    service: &Service,
    member: &str,
    request: impl Fn(Option<String>) -> R,
) -> anyhow::Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut next_token = None;
    for _ in 0..MAX_PAGES {
        let mut page = service.call_json(&request(next_token)).await?;
        if let Some(Value::Array(list)) = page.get_mut(member).map(Value::take) {
            items.extend(list);
        }
        next_token = page.get("NextToken").and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned);
        if next_token.is_none() {
            return Ok(items);
        }
    }
    anyhow::bail!("the service does not come to the end of its list; narrow it down")
}

/// A text member of an item; empty when it has none.
pub(super) fn text(item: &Value, member: &str) -> String {
    item.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A time member of an item (seconds since the epoch) in UTC; empty when it has none.
pub(super) fn time(item: &Value, member: &str) -> String {
    item.get(member).and_then(Value::as_f64).map(utc).unwrap_or_default()
}

/// Seconds since the epoch as `2026-11-22 14:03:07Z`.
pub(super) fn utc(seconds: f64) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    #[expect(clippy::cast_possible_truncation, reason = "casts from float saturate, and out of range is no time")]
    let time = time::OffsetDateTime::from_unix_timestamp(seconds as i64);
    time.ok().and_then(|time| time.format(format).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_that_are_missing_are_empty() {
        let item = json!({"Name": "web", "At": 1_795_356_187.5, "Far": 1e300, "Null": null});
        assert_eq!((text(&item, "Name").as_str(), text(&item, "Null").as_str()), ("web", ""));
        assert_eq!(time(&item, "At"), "2026-11-22 14:03:07Z");
        assert_eq!((time(&item, "Far").as_str(), time(&item, "None").as_str()), ("", ""));
    }
}
