//! One-time codes: whether a user has the device. A code is good once, in its own half minute and those beside it, and
//! wrong ones are few.

use std::ops::RangeInclusive;

use postern_iam::totp::{Seed, step_at};
use postern_iam::{Arn, SecretBytes, UniqueId};
use postern_model::{ApiError, ErrorCode};
use postern_store::{DeviceAssignment, DeviceRecord};

use super::refused;
use crate::caller::Caller;
use crate::guesses::Guessed;
use crate::{Control, failure};

/// How far apart a device's clock and ours may be when its first two codes are shown, in steps: an hour.
const REACH: u64 = 120;
/// How many steps before and after the right one a code may come: people type slowly, and clocks drift.
const TOLERANCE: u64 = 1;

/// The sentence for every wrong code, whatever is wrong about it.
const WRONG: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
/// The sentence for every wrong serial number.
const UNKNOWN: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                       number is valid and associated with this user.";

impl Control {
    /// Checks the second factor that a request of this user names, and takes its code. When it was shown, or nothing if
    /// the request names none.
    pub(super) async fn second_factor(
        &self,
        caller: &Caller,
        user: &UniqueId,
        serial: Option<&str>,
        code: Option<&str>,
    ) -> Result<Option<u64>, ApiError> {
        let (serial, code) = match (serial, code) {
            (None, None) => return Ok(None),
            (Some(serial), Some(code)) => (serial, code),
            (Some(_), None) | (None, Some(_)) => {
                return Err(super::invalid("SerialNumber and TokenCode belong together: send both, or neither."));
            }
        };
        self.may_guess(caller, user)?;
        let found = match serial.parse::<Arn>() {
            Ok(serial) => self.store.device(&self.scope().account, &serial).await.map_err(failure::store)?,
            Err(_) => None,
        };
        let assigned = found.and_then(|(device, _)| Some((device.assignment.clone()?, device)));
        let Some((assignment, device)) = assigned.filter(|(assignment, _)| assignment.user_id == *user) else {
            self.wrong_code(caller, user);
            return Err(refused(UNKNOWN));
        };
        let seed = self.seed(&device)?;
        let now = self.unix_millis();
        let step = seed.step_of(code, window(&assignment, step_at(now)));
        let taken = match step {
            None => false,
            Some(step) => {
                let drift = drift(step, step_at(now));
                let taken = self.store.take_step(&self.scope().account, &device.serial, user, step, drift).await;
                taken.map_err(failure::store)?
            }
        };
        if !taken {
            self.wrong_code(caller, user);
            return Err(refused(WRONG));
        }
        Ok(Some(now))
    }

    /// The step and the drift that two codes in a row prove.
    pub(crate) fn proven(
        &self,
        caller: &Caller,
        user: &UniqueId,
        device: &DeviceRecord,
        codes: (&str, &str),
    ) -> Result<(u64, i64), ApiError> {
        self.may_guess(caller, user)?;
        let now = step_at(self.unix_millis());
        let found = self.seed(device)?.step_of_pair(codes.0, codes.1, now.saturating_sub(REACH)..=now + REACH);
        // Both codes may be a little old by the time they are typed: the second one is taken for the current one.
        let Some(step) = found else {
            self.wrong_code(caller, user);
            return Err(self.invalid_code());
        };
        Ok((step, drift(step, now)))
    }

    /// As IAM says that a code is wrong.
    pub(crate) fn invalid_code(&self) -> ApiError {
        let message = "Authentication code for device is not valid. Show two codes that follow one another, which were \
                       not used before.";
        ApiError::new(ErrorCode::InvalidAuthenticationCode, message)
    }

    /// A wrong code is written down, and counted for the user and the address it came from.
    pub(crate) fn wrong_code(&self, caller: &Caller, user: &UniqueId) {
        tracing::warn!(principal = %caller.principal, %user, source = ?caller.source_ip, "a wrong one-time code");
        self.guesses().note_wrong(Guessed::Code(user.clone()), caller.source_ip, self.clock.now().instant);
    }

    fn may_guess(&self, caller: &Caller, user: &UniqueId) -> Result<(), ApiError> {
        let now = self.clock.now().instant;
        match self.guesses().wait(&Guessed::Code(user.clone()), caller.source_ip, now) {
            None => Ok(()),
            Some(wait) => {
                let message = "Too many wrong one-time codes came from this address; wait a minute and show a new one.";
                Err(ApiError::new(ErrorCode::ThrottlingException, message).come_again_after(wait))
            }
        }
    }

    fn seed(&self, device: &DeviceRecord) -> Result<Seed, ApiError> {
        let opened = self.keys.device_seed.unseal(&device.serial.to_string(), &device.sealed_seed);
        let Some(seed) = opened else {
            tracing::error!(serial = %device.serial, "a device's seed does not open with this root key");
            return Err(ApiError::internal());
        };
        Ok(Seed::new(SecretBytes::new(seed.to_vec())))
    }
}

/// The steps whose codes a device may show now.
fn window(assignment: &DeviceAssignment, now: u64) -> RangeInclusive<u64> {
    let expected = now.saturating_add_signed(assignment.drift);
    expected.saturating_sub(TOLERANCE)..=expected.saturating_add(TOLERANCE)
}

fn drift(step: u64, now: u64) -> i64 {
    step.checked_signed_diff(now).unwrap_or(0)
}
