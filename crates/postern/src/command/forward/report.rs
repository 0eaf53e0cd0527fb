//! What a person is told while ports are forwarded, on standard error; with `--json` a program is, on standard output.

use std::cell::RefCell;

use postern_client::Flow;
use serde_json::{Value, json};

use super::Way;
use super::spec::Destination;
use crate::failure::say;
use crate::table::{printable, write_lines};

/// The names of things, and what has flowed.
pub(super) struct Report {
    node: String,
    json: bool,
    totals: RefCell<Vec<Total>>,
}

/// One local end's.
struct Total {
    local: String,
    /// As people are told it.
    leads_to: String,
    has_opened: bool,
    connections: u64,
    flow: Flow,
}

impl Report {
    pub(super) fn new(node: String, json: bool, ways: &[Way]) -> Report {
        let total = |way: &Way| Total {
            local: way.listener.address().to_string(),
            leads_to: way.destination.as_ref().map_or_else(|| "SOCKS 5".to_owned(), Destination::to_string),
            has_opened: false,
            connections: 0,
            flow: Flow::default(),
        };
        Report { node, json, totals: RefCell::new(ways.iter().map(total).collect()) }
    }

    /// The way is open.
    pub(super) fn open(&self, way: usize) {
        let mut totals = self.totals.borrow_mut();
        let Some(Total { local, leads_to, has_opened, .. }) = totals.get_mut(way) else { return };
        *has_opened = true;
        self.say(
            &format!("{local} → {leads_to} via {}", self.node),
            &json!({"event": "open", "local": local, "destination": leads_to, "node": self.node}),
        );
    }

    /// A destination was not reached, or its session could not be.
    pub(super) fn failed(&self, destination: &Destination, cause: &str) {
        self.say(
            &format!("{destination} via {}: {cause}", self.node),
            &json!({"event": "failed", "destination": destination.to_string(), "message": cause}),
        );
    }

    /// Something about a session that goes on.
    pub(super) fn note(&self, destination: &Destination, text: &str) {
        self.say(
            &format!("{destination} via {}: {text}", self.node),
            &json!({"event": "note", "destination": destination.to_string(), "message": text}),
        );
    }

    /// Something else that a person may want to know.
    pub(super) fn remark(&self, text: &str) {
        self.say(text, &json!({"event": "note", "message": text}));
    }

    /// A connection is over.
    pub(super) fn closed(&self, way: usize, flow: Flow) {
        if let Some(total) = self.totals.borrow_mut().get_mut(way) {
            total.connections += 1;
            total.flow.sent_bytes += flow.sent_bytes;
            total.flow.received_bytes += flow.received_bytes;
        }
    }

    /// What flowed altogether, where anything could.
    pub(super) fn finish(&self) {
        for Total { local, leads_to, connections, flow, .. } in self.totals.borrow().iter().filter(|way| way.has_opened)
        {
            let Flow { sent_bytes, received_bytes } = flow;
            let plural = if *connections == 1 { "" } else { "s" };
            self.say(
                &format!(
                    "{local} → {leads_to}: {connections} connection{plural}, {} sent, {} received",
                    amount(*sent_bytes),
                    amount(*received_bytes)
                ),
                &json!({
                    "event": "total", "local": local, "destination": leads_to, "connections": connections,
                    "sentBytes": sent_bytes, "receivedBytes": received_bytes,
                }),
            );
        }
    }

    fn say(&self, text: &str, event: &Value) {
        if self.json {
            // Whoever does not read it any more does not want it.
            let _ = write_lines(std::iter::once(event.to_string()));
        } else {
            say!("{}", printable(text));
        }
    }
}

/// Bytes for people.
fn amount(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut whole = bytes;
    let mut rest = 0;
    let mut unit = "B";
    for next in UNITS {
        if whole < 1000 {
            break;
        }
        rest = whole % 1000 / 100;
        whole /= 1000;
        unit = next;
    }
    format!("{whole}.{rest} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let cases = [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_250_000, "1.2 MB"), (3_000_000_000, "3.0 GB")];
        for (bytes, expected) in cases {
            assert_eq!(amount(bytes), expected);
        }
    }
}
