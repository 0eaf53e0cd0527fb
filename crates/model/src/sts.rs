//! Security Token Service: temporary credentials. Requests are forms and answers XML, as IAM's are.

use postern_iam::Arn;

use crate::activation::Tag;
use crate::constraint::{LABEL, Pattern, Text};
use crate::decode::Input;
use crate::error::ApiError;
use crate::iam::{Moment, ShownOnce};

/// A session policy is bounded by what it may be when it is packed, with the tags; AWS leaves this open, we do not.
const POLICY: Text = Text::length(1, 16_384)
    .matching(Pattern {
        text: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
        matches: |text| !text.is_empty() && text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')),
    })
    .sensitive();
const ARN: Text = Text::length(20, 2048);
const SESSION_NAME: Text = Text::length(2, 64).matching(Pattern {
    text: r"[\w+=,.@-]*",
    matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)),
});
/// Whoever knows it may be somebody whom a role trusts, so it is not repeated.
const EXTERNAL_ID: Text = Text::length(2, 1224)
    .matching(Pattern {
        text: r"[\w+=,.@:\/-]*",
        matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte)),
    })
    .sensitive();
const SERIAL: Text = Text::length(9, 256).matching(Pattern {
    text: r"[\w+=/:,.@-]*",
    matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&byte)),
});
const CODE: Text = Text::length(6, 6)
    .matching(Pattern { text: r"[\d]*", matches: |text| text.bytes().all(|byte| byte.is_ascii_digit()) })
    .sensitive();
const TAG_KEY: Text = Text::length(1, 128).matching(LABEL);
const KEY_ID: Text = Text::length(16, 128).matching(Pattern {
    text: r"[\w]*",
    matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
});

shapes! {
    /// What requests are signed with for a while.
    Credentials {
        access_key_id: String,
        secret_access_key: ShownOnce,
        session_token: ShownOnce,
        expiration: Moment,
    }
    /// The session of a role.
    AssumedRoleUser { assumed_role_id: String, arn: Arn, }
    /// Who somebody is as a role.
    AssumeRoleResponse {
        credentials: Credentials,
        assumed_role_user: AssumedRoleUser,
        packed_policy_size: Option<u32>,
        source_identity: Option<String>,
    }
    /// Who somebody is as a role, by the word of a provider of identities.
    AssumeRoleWithWebIdentityResponse {
        credentials: Credentials,
        subject_from_web_identity_token: String,
        assumed_role_user: AssumedRoleUser,
        packed_policy_size: Option<u32>,
        provider: String,
        audience: String,
        source_identity: Option<String>,
    }
    /// A user for a while.
    GetSessionTokenResponse { credentials: Credentials, }
    /// Whose key it is.
    GetAccessKeyInfoResponse { account: String, }
}

requests! {
    /// Acts as a role for a while.
    AssumeRoleRequest for AssumeRole -> AssumeRoleResponse {
        role_arn: String = required_text("RoleArn", ARN),
        role_session_name: String = required_text("RoleSessionName", SESSION_NAME),
        policy_arns: Vec<String> = policy_arns(),
        policy: Option<String> = text("Policy", POLICY),
        duration_seconds: Option<u32> = duration(43_200),
        tags: Vec<Tag> = session_tags(),
        transitive_tag_keys: Vec<String> = transitive_tag_keys(),
        external_id: Option<String> = text("ExternalId", EXTERNAL_ID),
        serial_number: Option<String> = text("SerialNumber", SERIAL),
        token_code: Option<String> = text("TokenCode", CODE),
        source_identity: Option<String> = text("SourceIdentity", SESSION_NAME),
    }
    /// Acts as a role for a while, by the word of a provider of identities.
    AssumeRoleWithWebIdentityRequest for AssumeRoleWithWebIdentity -> AssumeRoleWithWebIdentityResponse {
        role_arn: String = required_text("RoleArn", ARN),
        role_session_name: String = required_text("RoleSessionName", SESSION_NAME),
        web_identity_token: ShownOnce = web_identity_token(),
        provider_id: Option<String> = text("ProviderId", Text::length(4, 2048)),
        policy_arns: Vec<String> = policy_arns(),
        policy: Option<String> = text("Policy", POLICY),
        duration_seconds: Option<u32> = duration(43_200),
    }
    /// Credentials of the caller's own that are good for a while, perhaps with a second factor.
    GetSessionTokenRequest for GetSessionToken -> GetSessionTokenResponse {
        duration_seconds: Option<u32> = duration(129_600),
        serial_number: Option<String> = text("SerialNumber", SERIAL),
        token_code: Option<String> = text("TokenCode", CODE),
    }
    /// Whose key this is.
    GetAccessKeyInfoRequest for GetAccessKeyInfo -> GetAccessKeyInfoResponse {
        access_key_id: String = required_text("AccessKeyId", KEY_ID),
    }
}

impl Input<'_> {
    fn policy_arns(&mut self) -> Result<Vec<String>, ApiError> {
        // Its only member begins with a small letter in AWS's model.
        self.objects("PolicyArns", 0..=10, |input| Ok(Some(input.required_text("arn", ARN)?)))
    }

    fn session_tags(&mut self) -> Result<Vec<Tag>, ApiError> {
        self.objects("Tags", 0..=50, Tag::read)
    }

    fn transitive_tag_keys(&mut self) -> Result<Vec<String>, ApiError> {
        Ok(self.texts("TransitiveTagKeys", 0..=50, TAG_KEY)?.unwrap_or_default())
    }

    fn duration(&mut self, max: i64) -> Result<Option<u32>, ApiError> {
        let seconds = self.integer("DurationSeconds", 900, max)?;
        Ok(seconds.and_then(|seconds| u32::try_from(seconds).ok()))
    }

    fn web_identity_token(&mut self) -> Result<ShownOnce, ApiError> {
        let token = self.required_text("WebIdentityToken", Text::length(4, 20_000).sensitive())?;
        Ok(ShownOnce(token.into()))
    }
}
