//! What a request says about itself: keys and their values.

use std::fmt;
use std::net::IpAddr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::value;

/// The value of a context key, as text. The constructors write each type the way conditions read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(Box<str>);

impl Value {
    /// A moment, in milliseconds since 1970, as `aws:CurrentTime` has it. None if it is not in the years that ISO 8601 has.
    #[must_use]
    pub fn date(millis: i64) -> Option<Self> {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()?;
        moment.format(&Rfc3339).ok().map(Self::from)
    }

    /// Bytes, for `BinaryEquals`.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> Self {
        use base64::Engine as _;
        Self(base64::engine::general_purpose::STANDARD.encode(bytes).into())
    }

    /// As conditions compare it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(if value { "true" } else { "false" }.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self(value.to_string().into())
    }
}

impl From<IpAddr> for Value {
    fn from(value: IpAddr) -> Self {
        Self(value.to_canonical().to_string().into())
    }
}

/// Context keys with their values. Names are compared without regard to the case of ASCII letters. A key without values
/// is as good as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// By name in lower case, sorted.
    entries: Vec<(Box<str>, Box<[Value]>)>,
}

impl Context {
    /// No keys.
    pub const EMPTY: Self = Self { entries: Vec::new() };

    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::EMPTY
    }

    /// Sets a key that has one value. A value that was there is replaced.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.set_all(key, [value.into()]);
    }

    /// Sets a key that may have several values, such as `aws:TagKeys`. What was there is replaced.
    pub fn set_all(&mut self, key: &str, values: impl IntoIterator<Item = Value>) {
        let key = key.to_ascii_lowercase();
        let values = values.into_iter().collect();
        match self.entries.binary_search_by(|(known, _)| (**known).cmp(&key)) {
            Ok(at) => self.entries[at].1 = values,
            Err(at) => self.entries.insert(at, (key.into(), values)),
        }
    }

    /// The same with a key that has one value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a key of a type that somebody else named: what a simulation is given.
    ///
    /// # Errors
    /// The first text that is not of the type.
    pub fn set_typed<'a>(&mut self, key: &str, kind: ValueKind, texts: &[&'a str]) -> Result<(), &'a str> {
        if let Some(wrong) = texts.iter().find(|text| !kind.has(text)) {
            return Err(wrong);
        }
        self.set_all(key, texts.iter().map(|text| Value::from(*text)));
        Ok(())
    }

    /// The values of a key; empty if it is absent.
    #[must_use]
    pub fn get(&self, key: &str) -> &[Value] {
        self.find(&key.to_ascii_lowercase())
    }

    /// The keys in lower case and their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.entries.iter().map(|(key, values)| (&**key, &**values))
    }

    fn find(&self, key: &str) -> &[Value] {
        match self.entries.binary_search_by(|(known, _)| (**known).cmp(key)) {
            Ok(at) => &self.entries[at].1,
            Err(_) => &[],
        }
    }
}

/// The types of context values, with the names that `SimulatePrincipalPolicy` gives them (`…List` for several values).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// `string`
    Text,
    /// `numeric`
    Number,
    /// `boolean`
    Boolean,
    /// `ip`
    Address,
    /// `binary`
    Binary,
    /// `date`
    Date,
}

impl ValueKind {
    /// Reads AWS's name, without `List`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::Text,
            "numeric" => Self::Number,
            "boolean" => Self::Boolean,
            "ip" => Self::Address,
            "binary" => Self::Binary,
            "date" => Self::Date,
            _ => return None,
        })
    }

    fn has(self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Number => value::number(text).is_some(),
            Self::Boolean => value::boolean(text).is_some(),
            Self::Address => value::address(text).is_some(),
            Self::Binary => value::binary(text).is_some(),
            Self::Date => value::date(text).is_some(),
        }
    }
}

/// The context of one decision: what is so for the caller and the request, and what is so for the resource in question.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'a> {
    pub(crate) request: &'a Context,
    pub(crate) resource: &'a Context,
}

impl<'a> Environment<'a> {
    pub(crate) const EMPTY: Environment<'static> = Environment { request: &Context::EMPTY, resource: &Context::EMPTY };

    /// The values of a key in lower case; none if it is absent.
    pub(crate) fn get(&self, key: &str) -> &'a [Value] {
        match self.resource.find(key) {
            [] => self.request.find(key),
            values => values,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
