//! Pages of listings: where the next one begins, in a token that is opaque to whoever carries it.
//!
//! A cursor names the last record shown, so a listing stays stable while records come and go. The token seals it
//! together with what was asked: the operation, its filters, the account and the region. A token that is changed, cut
//! short, or sent with other filters is no token, instead of a page of something else. `MaxResults` may differ from page
//! to page.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern_model::{ApiError, ApiRequest, ErrorCode};
use postern_store::UnixMillis;
use ring::aead::NONCE_LEN;
use serde_json::{Value, json};

use crate::Control;
use crate::keys::SealingKey;

/// Nothing longer is decoded. Ours are made of identifiers and times.
const MAX_TOKEN_BYTES: usize = 4096;

/// One listing, page by page.
pub(crate) struct Listing<'a> {
    control: &'a Control,
    /// Everything a token is bound to.
    context: String,
}

impl Control {
    /// The listing that a request asks for a page of.
    pub(crate) fn listing<R: ApiRequest>(&self, request: &R) -> Listing<'_> {
        let mut asked = serde_json::to_value(request).expect("requests are made to be sent as JSON");
        if let Value::Object(members) = &mut asked {
            // The same two under the name that each service has for them.
            for name in ["NextToken", "MaxResults", "Marker", "Limit", "MaxItems", "nextToken", "limit"] {
                members.remove(name);
            }
        }
        let scope = self.scope();
        let context = json!([R::OPERATION.target(), scope.account.as_str(), scope.region.as_str(), asked]).to_string();
        Listing { control: self, context }
    }
}

impl Listing<'_> {
    /// The cursor of a token, if there is a token.
    ///
    /// # Errors
    /// `InvalidNextToken` for what this listing did not give out.
    pub(crate) fn cursor<T: FromStr>(&self, token: Option<&str>) -> Result<Option<T>, ApiError> {
        let Some(token) = token else { return Ok(None) };
        self.unseal(token).and_then(|cursor| cursor.parse().ok()).map(Some).ok_or_else(invalid)
    }

    /// The moment and the id in the cursor of a listing ordered by both.
    ///
    /// # Errors
    /// `InvalidNextToken` for what this listing did not give out.
    pub(crate) fn moment_and_id<T: FromStr>(&self, token: Option<&str>) -> Result<Option<(UnixMillis, T)>, ApiError> {
        let Some(cursor) = self.cursor::<String>(token)? else { return Ok(None) };
        split(&cursor).map(Some).ok_or_else(invalid)
    }

    /// Cuts a page that was read with one record too many, and says where the next one begins.
    pub(crate) fn cut<T>(&self, records: &mut Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Option<String> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if records.len() <= limit {
            return None;
        }
        records.truncate(limit);
        records.last().map(|last| self.token(&cursor(last)))
    }

    /// The token with which a listing goes on behind this cursor.
    pub(crate) fn token(&self, cursor: &str) -> String {
        seal(&self.control.keys.page_token, &self.context, cursor, self.control.random())
    }

    fn unseal(&self, token: &str) -> Option<String> {
        unseal(&self.control.keys.page_token, &self.context, token)
    }
}

pub(crate) fn seal(key: &SealingKey, context: &str, cursor: &str, nonce: [u8; NONCE_LEN]) -> String {
    URL_SAFE_NO_PAD.encode(key.seal(context, cursor.as_bytes(), nonce))
}

/// The cursor in a token. Nothing if it was not sealed with this key for this context.
pub(crate) fn unseal(key: &SealingKey, context: &str, token: &str) -> Option<String> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
    let cursor = key.unseal(context, &sealed)?;
    String::from_utf8(cursor.to_vec()).ok()
}

/// A cursor of a moment and an id.
pub(crate) fn split<T: FromStr>(cursor: &str) -> Option<(UnixMillis, T)> {
    let (moment, id) = cursor.split_once('/')?;
    Some((moment.parse().ok()?, id.parse().ok()?))
}

fn invalid() -> ApiError {
    let message = "The NextToken is not one that this operation gave out for these filters; start again without it.";
    ApiError::new(ErrorCode::InvalidNextToken, message)
}
