//! Keys, and log groups and their streams.

use postern_model::ApiError;
use postern_model::kms::KeyName;

use super::{Named, Things};
use crate::authz::act::{AllGroups, InContext, KeyAndAlias, OnCiphertext, OnGroup, OnKey, OnStream, StreamsOfGroup};

const KEY: &str = "a key, key/ID or alias/NAME";
const GROUP: &str = "a log group, log-group:NAME";
const STREAM: &str = "a log stream, log-group:NAME:log-stream:NAME";

impl Things<'_> {
    fn key(&mut self) -> Option<KeyName> {
        let (thing, id) = self.take_named(&["key/"]).or_else(|| {
            let (thing, _) = self.take_named(&["alias/"])?;
            Some((thing.clone(), thing.text))
        })?;
        Some(KeyName::new(if thing.arn.is_some() { thing.text } else { id }))
    }

    fn required_key(&mut self) -> Result<KeyName, ApiError> {
        self.key().ok_or_else(|| self.missing(KEY))
    }
}

impl Named for OnKey {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let named = things.required_key()?;
        things.control.on_key(named).await
    }
}

/// The key is the first.
impl Named for KeyAndAlias {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { key: OnKey::named(things).await?, alias: things.required_key()? })
    }
}

impl Named for OnCiphertext {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let OnKey { named, id, tags } = OnKey::named(things).await?;
        Ok(Self { key: id, named: Some(named), tags, session: None, node: None })
    }
}

/// The encryption context is said by condition keys.
impl<T: Named> Named for InContext<T> {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { on: T::named(things).await?, context: postern_model::kms::EncryptionContext::new() })
    }
}

impl Named for AllGroups {
    async fn named(_: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

impl Named for OnGroup {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let (_, name) = things.take_named(&["log-group:"]).ok_or_else(|| things.missing(GROUP))?;
        let name = name.strip_suffix(":*").unwrap_or(&name);
        things.control.on_own_group(name).await
    }
}

impl Named for OnStream {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let (thing, name) = things.take_named(&["log-group:"]).ok_or_else(|| things.missing(STREAM))?;
        let (group, stream) = name.split_once(":log-stream:").ok_or_else(|| things.no_name(&thing, STREAM))?;
        Ok(things.control.on_own_stream(group, stream))
    }
}

impl Named for StreamsOfGroup {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self(OnStream::named(things).await?))
    }
}
