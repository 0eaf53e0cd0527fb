//! Activations: made and listed by administrators, used up by machines that register.

use postern_iam::{ActivationId, SecretString};
use postern_model::activation::{
    Activation, ActivationFilterKey, CreateActivationRequest, CreateActivationResponse, DeleteActivationRequest,
    DescribeActivationsRequest, DescribeActivationsResponse, Tag,
};
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};
use postern_store::{ActivationCursor, ActivationFilter, ActivationRecord, CodeHash, Tag as StoredTag, UnixMillis};
use ring::hmac;

use crate::authz::act::{self, Creation, NewActivation};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::tag::{MAX_TAGS, acceptable, asked_tags};
use crate::{Control, failure, millis};

/// Characters of activation codes: none that are mistaken for another when read from a screen.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789Z";
/// 160 random bits.
const CODE_LENGTH: usize = 32;
/// Activations a page if the caller does not say, AWS's maximum.
const DEFAULT_RESULTS: u32 = 50;

impl Control {
    /// `CreateActivation`: an id and a code with which machines register.
    ///
    /// # Errors
    /// `InvalidParameters` for a date that is past or too far ahead, and for tags that contradict each other or are too
    /// many;
    /// `AccessDeniedException`.
    pub async fn create_activation(
        &self,
        caller: &Caller,
        request: CreateActivationRequest,
    ) -> Result<CreateActivationResponse, ApiError> {
        let of = NewActivation { role: self.role_arn(&request.iam_role).await? };
        let on = Creation { of, tags: asked_tags(&request.tags) };
        self.make_activation(authorize::<act::CreateActivation>(caller, on)?, request).await
    }

    async fn make_activation(
        &self,
        _allowed: Authorized<act::CreateActivation>,
        request: CreateActivationRequest,
    ) -> Result<CreateActivationResponse, ApiError> {
        let now = self.unix_millis();
        let expires_at = self.expiry(request.expiration_date, now)?;
        let activation_id = ActivationId::generate(&self.random());
        let random: [u8; CODE_LENGTH] = self.random();
        let code: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let activation_code = SecretString::new(code);
        let record = ActivationRecord {
            code_hash: self.code_hash(&activation_id, &activation_code),
            activation_id: activation_id.clone(),
            description: request.description.unwrap_or_default(),
            default_instance_name: request.default_instance_name.unwrap_or_default(),
            iam_role: request.iam_role,
            registration_limit: request.registration_limit.unwrap_or(1),
            registrations_count: 0,
            expires_at,
            created_at: now,
            tags: tags(request.tags)?,
        };
        self.store.create_activation(self.scope(), record).await.map_err(failure::store)?;
        Ok(CreateActivationResponse { activation_id, activation_code })
    }

    /// `DescribeActivations`: a page of activations, newest first.
    ///
    /// # Errors
    /// `InvalidNextToken`; `AccessDeniedException`.
    pub async fn describe_activations(
        &self,
        caller: &Caller,
        request: DescribeActivationsRequest,
    ) -> Result<DescribeActivationsResponse, ApiError> {
        self.list_activations(authorize::<act::DescribeActivations>(caller, ())?, request).await
    }

    async fn list_activations(
        &self,
        _allowed: Authorized<act::DescribeActivations>,
        request: DescribeActivationsRequest,
    ) -> Result<DescribeActivationsResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.moment_and_id(request.next_token.as_deref())?;
        let after = after.map(|(created_at, activation_id)| ActivationCursor { created_at, activation_id });
        let filters: Vec<_> = request
            .filters
            .into_iter()
            .map(|filter| match filter.key {
                ActivationFilterKey::ActivationIds => ActivationFilter::Ids(filter.values),
                ActivationFilterKey::DefaultInstanceName => ActivationFilter::DefaultInstanceNames(filter.values),
                ActivationFilterKey::IamRole => ActivationFilter::IamRoles(filter.values),
            })
            .collect();
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let mut records = self
            .store
            .activations_page(self.scope(), &filters, after.as_ref(), limit + 1)
            .await
            .map_err(failure::store)?;
        let next_token =
            listing.cut(&mut records, limit, |record| format!("{}/{}", record.created_at, record.activation_id));
        let now = self.unix_millis();
        let activation_list = records.into_iter().map(|record| listed(record, now)).collect();
        Ok(DescribeActivationsResponse { activation_list, next_token })
    }

    /// `DeleteActivation`: nodes that registered with it stay.
    ///
    /// # Errors
    /// `InvalidActivation` if there is none; `AccessDeniedException`.
    pub async fn delete_activation(
        &self,
        caller: &Caller,
        request: DeleteActivationRequest,
    ) -> Result<Empty, ApiError> {
        self.remove_activation(authorize::<act::DeleteActivation>(caller, ())?, &request.activation_id).await
    }

    async fn remove_activation(
        &self,
        _allowed: Authorized<act::DeleteActivation>,
        id: &ActivationId,
    ) -> Result<Empty, ApiError> {
        if self.store.delete_activation(self.scope(), id).await.map_err(failure::store)? {
            return Ok(Empty {});
        }
        Err(ApiError::new(ErrorCode::InvalidActivation, format!("There is no activation {id}.")))
    }

    /// What is stored of a code: a hash under a key of its own, so that a copy of the database opens nothing.
    pub(crate) fn code_hash(&self, id: &ActivationId, code: &SecretString) -> CodeHash {
        let tag = hmac::sign(&self.keys.activation_code, &code_message(id, code));
        tag.as_ref().try_into().expect("a SHA-256 tag has 32 bytes")
    }

    /// Whether a code is the right one, in the same time whatever it is.
    pub(crate) fn is_code(&self, id: &ActivationId, code: &SecretString, hash: &CodeHash) -> bool {
        hmac::verify(&self.keys.activation_code, &code_message(id, code), hash).is_ok()
    }

    fn expiry(&self, wanted: Option<Timestamp>, now: UnixMillis) -> Result<UnixMillis, ApiError> {
        let Some(wanted) = wanted.map(Timestamp::millis) else {
            return Ok(now + millis(self.settings.activation_life));
        };
        let max = self.settings.activation_max_life;
        if wanted <= now {
            let message = "ExpirationDate must be in the future.";
            return Err(ApiError::new(ErrorCode::InvalidParameters, message));
        }
        if wanted > now + millis(max) {
            let days = max.as_secs() / 86_400;
            let message = format!("ExpirationDate must be at most {days} days ahead.");
            return Err(ApiError::new(ErrorCode::InvalidParameters, message));
        }
        Ok(wanted)
    }
}

fn code_message(id: &ActivationId, code: &SecretString) -> Vec<u8> {
    [id.as_str().as_bytes(), b"/", code.expose().as_bytes()].concat()
}

fn tags(tags: Vec<Tag>) -> Result<Vec<StoredTag>, ApiError> {
    if tags.len() > MAX_TAGS {
        let message = format!("There may be at most {MAX_TAGS} tags.");
        return Err(ApiError::new(ErrorCode::InvalidParameters, message));
    }
    acceptable(tags).map_err(|message| ApiError::new(ErrorCode::InvalidParameters, message))
}

fn listed(record: ActivationRecord, now: UnixMillis) -> Activation {
    let shown = |text: String| Some(text).filter(|text| !text.is_empty());
    Activation {
        activation_id: record.activation_id,
        description: shown(record.description),
        default_instance_name: shown(record.default_instance_name),
        iam_role: record.iam_role,
        registration_limit: record.registration_limit,
        registrations_count: record.registrations_count,
        expiration_date: Timestamp::from_millis(record.expires_at),
        expired: now >= record.expires_at,
        created_date: Timestamp::from_millis(record.created_at),
        tags: record.tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect(),
    }
}
