//! People and their programs: users with an access key, and whoever holds a session token.

use std::sync::Arc;
use std::time::Duration;

use postern_iam::sigv4::{self, SigV4Error, SignedRequest};
use postern_iam::{AccessKeyId, SecretString};
use postern_model::{ApiError, ErrorCode, Service};
use postern_store::{AccessKeyRecord, IdentityRecord, KeyUse};

use super::{Arrival, Proven, unknown_key, unknown_token};
use crate::caller::{Credential, CredentialFacts, Person};
use crate::guesses::Guessed;
use crate::people::{Found, KnownKey, Uses, digest_of};
use crate::session_token::{Holder, SessionToken};
use crate::{Control, failure, identity, millis};

/// A use of an access key is noted no more often than this; each costs a write.
const USE_NOTED_EVERY: Duration = Duration::from_secs(15 * 60);

impl Control {
    pub(super) async fn authenticate_user(
        &self,
        signed: &SignedRequest,
        arrival: &Arrival<'_>,
    ) -> Result<Proven, ApiError> {
        let id: AccessKeyId = signed.access_key_id().parse().map_err(|_| unknown_key())?;
        let generation = self.store.known_generation().await.map_err(failure::store)?;
        let verify = |secret: &SecretString| self.verify_guess(signed, arrival, &id, secret);
        let key = match self.people.key(generation, &id) {
            Some(key) => {
                verify(&key.secret)?;
                key
            }
            None => {
                let (key, bytes) = self.read_key(&id, verify).await?;
                let key = Arc::new(key);
                self.people.keep_key(generation, id.clone(), Arc::clone(&key), bytes);
                key
            }
        };
        self.note_use(&id, &key.uses, arrival.services).await;
        Ok(Proven::person(Arc::clone(&key.person), Credential::Key(id)))
    }

    /// A key that is good and whose secret is what `verify` expects, and what it takes in memory.
    async fn read_key(
        &self,
        id: &AccessKeyId,
        verify: impl FnOnce(&SecretString) -> Result<(), ApiError>,
    ) -> Result<(KnownKey, usize), ApiError> {
        let found = self.store.access_key(id).await.map_err(failure::store)?;
        let (key, user) = found.ok_or_else(unknown_key)?;
        let secret = self.keys.unseal(&identity::sealing_context(id), &key.sealed_secret).ok_or_else(|| {
            tracing::error!(access_key_id = %id, "a stored access key does not open with this root key");
            ApiError::internal()
        })?;
        verify(&secret)?;
        // Only who holds its secret learns that a key is not accepted any more.
        if !key.active || key.account != self.scope().account {
            return Err(unknown_key());
        }
        let uses = Uses::new(key.last_used.as_ref());
        let Found { person, bytes } = self.user_of_key(&key, user).await?;
        Ok((KnownKey { secret, person, uses }, bytes))
    }

    /// The user who signs with an access key, as it is now.
    pub(crate) async fn user_of_key(&self, key: &AccessKeyRecord, user: IdentityRecord) -> Result<Found, ApiError> {
        let policies = self.store.policies_in_effect(&key.account, &user.id).await.map_err(failure::store)?;
        let deciding = self.deciding(&policies, None);
        let person = Person::user(user, &key.account, CredentialFacts::LongLived, deciding.layers);
        Ok(Found::new(person, deciding.bytes))
    }

    /// Notes now and then what a key is good for: so often that people can tell which keys nobody needs. A request is
    /// good without the note, and no caller can make every one of its requests a write.
    async fn note_use(&self, id: &AccessKeyId, uses: &Uses, services: &[&str]) {
        let now = self.unix_millis();
        let Some(noting) = uses.begin(now, millis(USE_NOTED_EVERY)) else { return };
        let service = services.first().copied().unwrap_or_default().to_owned();
        let used = KeyUse { at: now, service, region: self.scope().region.to_string() };
        match self.store.note_access_key_use(id, used).await {
            Ok(()) => noting.stored(),
            Err(error) => tracing::warn!(access_key_id = %id, %error, "the use of an access key was not noted"),
        }
    }

    /// Temporary credentials of a user or of whoever acts as a role.
    pub(super) async fn authenticate_session(
        &self,
        signed: &SignedRequest,
        session_token: &SecretString,
        arrival: &Arrival<'_>,
    ) -> Result<Proven, ApiError> {
        let (token, credentials) = SessionToken::verify(session_token, &self.keys).ok_or_else(unknown_token)?;
        if credentials.access_key_id.as_str() != signed.access_key_id() || token.account != self.scope().account {
            return Err(unknown_token());
        }
        if self.unix_millis() >= token.expires_at {
            let message = "The security token included in the request is expired";
            return Err(ApiError::new(ErrorCode::ExpiredTokenException, message));
        }
        self.verify_guess(signed, arrival, &credentials.access_key_id, &credentials.secret_access_key)?;
        // As at AWS: what a user got without a second factor manages no identities.
        let is_for_identities = arrival.services == [Service::Iam.name()];
        if is_for_identities && matches!(token.holder, Holder::User(_)) && token.mfa_at.is_none() {
            return Err(unknown_token());
        }
        let generation = self.store.known_generation().await.map_err(failure::store)?;
        let digest = digest_of(session_token);
        let person = match self.people.holder(generation, &digest) {
            Some(person) => person,
            None => {
                let found = self.holder(&token).await?.ok_or_else(unknown_token)?;
                self.people.keep_holder(generation, digest, &found);
                found.person
            }
        };
        Ok(Proven::person(person, Credential::Token(Arc::new(token))))
    }

    /// Verifies a signature that whoever does not know the secret may be guessing at.
    fn verify_guess(
        &self,
        signed: &SignedRequest,
        arrival: &Arrival<'_>,
        id: &AccessKeyId,
        secret: &SecretString,
    ) -> Result<(), ApiError> {
        let (guessed, from) = (Guessed::Signature(id.clone()), arrival.origin.source_ip);
        let now = self.clock.now().instant;
        if let Some(wait) = self.guesses().wait(&guessed, from, now) {
            let message = "Too many requests with this access key and a wrong signature came from this address; correct \
                           the secret access key, and wait.";
            return Err(ApiError::new(ErrorCode::ThrottlingException, message).come_again_after(wait));
        }
        let policy = self.policy(signed, arrival);
        sigv4::verify(signed, arrival.body, secret, self.unix_millis(), &policy).map_err(|error| {
            if error == SigV4Error::Mismatch {
                tracing::info!(access_key_id = %id, source = ?from, "a wrong signature");
                self.guesses().note_wrong(guessed, from, now);
            }
            error.into()
        })
    }
}
