//! The way from a ticket to a tunnel, for a program that wants nothing else.

use std::rc::Rc;

use postern_protocol::channel::data_channel::Event;
use postern_protocol::{Clock as _, Now};
use postern_transport::{Dialer, SystemClock, sleep_until};

use super::{SEND_WINDOW_BYTES, Tunnel};
use crate::access::Access;
use crate::handshake::{self, Answer, Ours, Purpose, SessionType};
use crate::leg::{Leg, LegEvent};
use crate::link::{Link, Target};
use crate::session::{HANDSHAKE_WITHIN, SessionError, Ticket};

/// A port session that was started and is to carry connections.
pub struct TunnelOpener<A> {
    /// The service.
    pub access: Rc<A>,
    /// How sockets are opened.
    pub dialer: Dialer,
    /// What opens the session.
    pub ticket: Ticket,
}

impl<A: Access + 'static> TunnelOpener<A> {
    /// Opens the data channel and shakes hands.
    ///
    /// # Errors
    /// The session cannot be, or ended before it began.
    pub async fn open(self) -> Result<Tunnel<A>, SessionError> {
        let Ticket { session_id, token, stream_url, .. } = self.ticket;
        let link = Link::open(self.access, self.dialer, Target { session_id, token, stream_url })?;
        let leg = Leg::new(link, SEND_WINDOW_BYTES);
        let begin_by = SystemClock.now().instant + HANDSHAKE_WITHIN;
        let opening = Opening { leg, answered: None };
        tokio::select! {
            tunnel = opening.run() => tunnel,
            () = sleep_until(Some(begin_by)) => Err(SessionError::HandshakeTimedOut),
        }
    }
}

struct Opening<A> {
    leg: Leg<A>,
    answered: Option<Answer>,
}

impl<A: Access + 'static> Opening<A> {
    async fn run(mut self) -> Result<Tunnel<A>, SessionError> {
        loop {
            let now = SystemClock.now();
            while let Some(event) = self.leg.channel.poll_event(now) {
                if self.has_begun(event, now)? {
                    let answer = self.answered.ok_or(SessionError::NoSessionType)?;
                    return Ok(Tunnel::new(self.leg, &answer));
                }
            }
            match self.leg.next().await {
                LegEvent::Moved | LegEvent::Missing(_) | LegEvent::Back => {}
                LegEvent::Ended => return Err(SessionError::NotBegun(String::new())),
                LegEvent::Failed(error) => return Err(error.into()),
            }
        }
    }

    fn has_begun(&mut self, event: Event, now: Now) -> Result<bool, SessionError> {
        match event {
            Event::HandshakeRequest(request) => {
                let mut answer = handshake::answer(&request, Ours::without_terminal(Purpose::Tunnel));
                if let Some(failure) = answer.failure.take() {
                    return Err(SessionError::Refused(failure));
                }
                if answer.session_type != Some(SessionType::PortForwarding) {
                    return Err(SessionError::Refused("the document is not one that forwards ports".to_owned()));
                }
                self.leg.channel.respond_handshake(answer.response.clone(), now);
                self.answered = Some(answer);
                Ok(false)
            }
            Event::HandshakeComplete(_) => Ok(true),
            Event::ChannelClosed(closed) => Err(SessionError::NotBegun(closed.output)),
            Event::SessionTypeAssumed => Err(SessionError::NoSessionType),
            _ => Ok(false),
        }
    }
}
