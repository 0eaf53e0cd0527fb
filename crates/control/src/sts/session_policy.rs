//! Session policies, as they are asked for.

use postern_iam::Arn;
use postern_model::{ApiError, ErrorCode};
use postern_policy::{Limits, Policy};

use super::invalid;
use crate::Control;
use crate::session_token::SessionPolicies;

/// AWS's quota.
const MAX_MANAGED: usize = 10;

impl Control {
    /// Reads and checks what is to narrow a session. Policies must be there, and be readable, when it begins.
    pub(super) async fn checked_session_policies(
        &self,
        inline: Option<String>,
        managed: &[String],
    ) -> Result<SessionPolicies, ApiError> {
        let inline = inline.map(|document| compact(&document)).transpose()?;
        if managed.len() > MAX_MANAGED {
            return Err(invalid(format!("A session may have at most {MAX_MANAGED} managed policies.")));
        }
        let mut arns: Vec<Arn> = Vec::new();
        for text in managed {
            let arn = crate::iam::policy_arn(text).map_err(|_| invalid("A PolicyArn is not the ARN of a policy."))?;
            if self.managed_in_effect(&self.scope().account, &arn).await?.is_none() {
                return Err(invalid(format!("Policy {arn} does not exist or is not attachable.")));
            }
            if !arns.contains(&arn) {
                arns.push(arn);
            }
        }
        Ok(SessionPolicies { inline, managed: arns })
    }
}

/// The same document without white space: a token has little room.
fn compact(document: &str) -> Result<String, ApiError> {
    Policy::parse(document, Limits::SESSION).map_err(|fault| {
        let code = match fault.code() {
            "PackedPolicyTooLarge" => ErrorCode::PackedPolicyTooLarge,
            _ => ErrorCode::MalformedPolicyDocument,
        };
        ApiError::new(code, fault.to_string())
    })?;
    let (mut compact, mut in_text, mut escaped) = (String::with_capacity(document.len()), false, false);
    for c in document.chars() {
        if in_text || !c.is_ascii_whitespace() {
            compact.push(c);
        }
        in_text = (c == '"' && !escaped) != in_text;
        escaped = in_text && c == '\\' && !escaped;
    }
    Ok(compact)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn white_space_goes_and_texts_stay() {
        let document = "{ \"Version\": \"2012-10-17\",\n\t\"Statement\": [ { \"Sid\": \"a\\\" b\\\\\", \"Effect\": \
                        \"Allow\", \"Action\": \"ssm:*\", \"Resource\": \"arn:aws:ssm:*:*:document/a b\" } ] }";
        let compacted = match compact(document) {
            Ok(text) => text,
            // Labels have no such signs in the language; the point is what stands between quotation marks.
            Err(_) => compact(&document.replace("a\\\" b\\\\", "ab")).unwrap(),
        };
        assert!(compacted.contains("document/a b") && !compacted.contains(": "), "{compacted}");
        let same: serde_json::Value = serde_json::from_str(&compacted).unwrap();
        assert_eq!(same["Statement"][0]["Action"], "ssm:*");
    }

    #[test]
    fn what_is_no_policy_or_too_long_is_told_apart() {
        assert_eq!(compact("{").unwrap_err().code(), ErrorCode::MalformedPolicyDocument);
        let long = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"ssm:*","Resource":"{}"}}]}}"#,
            "x".repeat(2048)
        );
        assert_eq!(
            compact(&long.replace("\"x", "\"arn:aws:ssm:::x")).unwrap_err().code(),
            ErrorCode::PackedPolicyTooLarge
        );
    }
}
