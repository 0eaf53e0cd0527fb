//! What belongs to which side.

use super::acknowledgements::Acknowledgements;
use super::direction::Direction;
use super::leg::End;
use super::{Relay, Side};

impl Relay {
    pub(super) const fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Agent => &self.agent,
        }
    }

    pub(super) const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Agent => &mut self.agent,
        }
    }

    /// The direction that begins at this side.
    pub(super) const fn direction(&self, from: Side) -> &Direction {
        match from {
            Side::Client => &self.input,
            Side::Agent => &self.output,
        }
    }

    pub(super) const fn direction_mut(&mut self, from: Side) -> &mut Direction {
        match from {
            Side::Client => &mut self.input,
            Side::Agent => &mut self.output,
        }
    }

    /// The acknowledgements on their way to this side.
    pub(super) const fn acknowledgements(&self, to: Side) -> &Acknowledgements {
        match to {
            Side::Client => &self.input_acknowledgements,
            Side::Agent => &self.output_acknowledgements,
        }
    }

    pub(super) const fn acknowledgements_mut(&mut self, to: Side) -> &mut Acknowledgements {
        match to {
            Side::Client => &mut self.input_acknowledgements,
            Side::Agent => &mut self.output_acknowledgements,
        }
    }
}
