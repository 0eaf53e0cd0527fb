//! What goes to a side next.

use super::ending::Ending;
use super::{Relay, Side};
use crate::wire::{MessageType, PayloadType};

/// What goes to a side next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Acknowledgement,
    Stream(i64, PayloadType),
    Publication(MessageType),
    Ending(Ending),
    Closed,
}

impl Relay {
    pub(super) fn next(&self, to: Side) -> Option<Next> {
        let end = self.end(to);
        if end.leg.is_none() || end.told_closed {
            return None;
        }
        match to {
            Side::Client => self.next_for_client(),
            Side::Agent => self.next_for_agent(),
        }
    }

    fn next_for_client(&self) -> Option<Next> {
        if self.order.is_silent() {
            return None;
        }
        let takes_warnings = self.client.leg.as_ref().is_some_and(|leg| leg.takes_warnings);
        if let Some(ending) = self.warnings.first().filter(|_| takes_warnings) {
            return Some(Next::Ending(ending));
        }
        if !self.input_acknowledgements.is_empty() {
            return Some(Next::Acknowledgement);
        }
        let stock = self.client.is_stock();
        match self.output.peek(stock && !self.config.resumed).filter(|_| !self.withheld) {
            Some((_, PayloadType::HANDSHAKE_COMPLETE)) if stock && self.order.holds_complete() => None,
            Some((number, payload_type)) => Some(Next::Stream(number, payload_type)),
            None => self.client.closed.is_some().then_some(Next::Closed),
        }
    }

    /// The end overtakes everything on its way to an agent: it is to stop, not to read on.
    fn next_for_agent(&self) -> Option<Next> {
        if self.agent.closed.is_some() {
            return Some(Next::Closed);
        }
        if let Some(message_type) = self.publication.peek(false) {
            return Some(Next::Publication(message_type));
        }
        if !self.output_acknowledgements.is_empty() {
            return Some(Next::Acknowledgement);
        }
        match self.input.peek(false).filter(|_| !self.withheld) {
            Some((number, payload_type)) => Some(Next::Stream(number, payload_type)),
            None => self.publication.peek(true).map(Next::Publication),
        }
    }
}
