//! Members of kinds that few operations have: bytes, choices that may be absent, maps of texts.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_iam::SecretBytes;
use serde_json::Value;

use super::Input;
use crate::constraint::Text;
use crate::error::ApiError;

impl Input<'_> {
    /// Optional bytes: base64 in JSON, between `min` and `max` of them. They are never shown in a message.
    pub(crate) fn bytes(&mut self, name: &str, min: usize, max: usize) -> Result<Option<SecretBytes>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let text = self.expect_text(value, name)?;
        let Ok(bytes) = STANDARD.decode(text) else { return Err(self.wrong_type(value, name, "a Blob (base64)")) };
        let bytes = SecretBytes::new(bytes);
        let length = bytes.len();
        self.at(name, |path, violations| {
            if length > max {
                let constraint = format_args!("Member must have length less than or equal to {max}");
                violations.report(None, path, &constraint);
            }
            if length < min {
                let constraint = format_args!("Member must have length greater than or equal to {min}");
                violations.report(None, path, &constraint);
            }
        });
        Ok(Some(bytes))
    }

    /// Required bytes. When they are missing the request fails as a whole, so what is given back does not matter.
    pub(crate) fn required_bytes(&mut self, name: &str, min: usize, max: usize) -> Result<SecretBytes, ApiError> {
        let bytes = self.bytes(name, min, max)?;
        if bytes.is_none() {
            self.report_missing(name);
        }
        Ok(bytes.unwrap_or_default())
    }

    /// An optional member of a closed set of names. An unknown one is reported.
    pub(crate) fn choice<T: Copy>(&mut self, name: &str, all: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        if self.has(name) { self.required_choice(name, all) } else { Ok(None) }
    }

    /// How many items a list has, if it is there and is one.
    pub(crate) fn list_length(&self, name: &str) -> Option<usize> {
        self.member(name)?.as_array().map(Vec::len)
    }

    /// Reports a constraint on a member whose value must not be repeated.
    pub(crate) fn report_unshown(&mut self, name: &str, constraint: &str) {
        self.at(name, |path, violations| violations.report(None, path, &constraint));
    }

    /// A map from text to text. Absent is empty.
    pub(crate) fn map_of_text(
        &mut self,
        name: &str,
        key: Text,
        item: Text,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(BTreeMap::new()) };
        let Value::Object(entries) = value else { return Err(self.wrong_type(value, name, "a Map")) };
        let mut map = BTreeMap::new();
        for (entry, value) in entries {
            map.insert(entry.clone(), self.expect_text(value, name)?.to_owned());
        }
        self.at(name, |path, violations| {
            if map.keys().any(|entry| !key.accepts(entry)) {
                violations.report(None, path, &format_args!("Map keys must satisfy constraint: [{}]", key.describe()));
            }
            if map.values().any(|text| !item.accepts(text)) {
                let constraint = format_args!("Map value must satisfy constraint: [{}]", item.describe());
                violations.report(None, path, &constraint);
            }
        });
        Ok(map)
    }
}
