//! JSON as it stands in the document: members in their order, repeated ones too, so that they can be refused by name.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::fault::{Fault, Path, shown};
use crate::limits::MAX_DEPTH;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As text: what a condition compares.
    Number(String),
    String(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a document.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let mut reader = serde_json::Deserializer::from_str(text);
        Node { depth: 0 }
            .deserialize(&mut reader)
            .and_then(|json| reader.end().map(|()| json))
            .map_err(|error| Fault::syntax(&Path::DOCUMENT, format!("not JSON: {error}")))
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// The members of an object without repeated names.
    pub(crate) fn object(&self, path: &Path<'_>) -> Result<&[(String, Json)], Fault> {
        let Self::Object(members) = self else {
            return Err(Fault::syntax(path, format!("must be an object, not {}", self.kind())));
        };
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
            return Err(Fault::syntax(
                &path.member(twice[0]),
                "is there more than once; only one of them can be meant",
            ));
        }
        Ok(members)
    }

    pub(crate) fn string(&self, path: &Path<'_>) -> Result<&str, Fault> {
        match self {
            Self::String(text) => Ok(text),
            other => Err(Fault::syntax(path, format!("must be a string, not {}", other.kind()))),
        }
    }

    /// One or several: a list as it is, anything else as a list of one.
    pub(crate) fn items(&self) -> &[Json] {
        match self {
            Self::List(items) => items,
            one => std::slice::from_ref(one),
        }
    }

    /// The place of an item of [`Self::items`].
    pub(crate) fn item_path<'a>(&self, path: &'a Path<'a>, index: usize) -> Path<'a> {
        match self {
            Self::List(_) => path.item(index),
            _ => *path,
        }
    }

    /// A string, or list of strings, with their places.
    pub(crate) fn strings(&self, path: &Path<'_>) -> Result<Vec<&str>, Fault> {
        let wrong = |path: &Path<'_>, item: &Json| {
            Fault::syntax(path, format!("must be a string or a list of strings, not {}", item.kind()))
        };
        self.items()
            .iter()
            .enumerate()
            .map(|(index, item)| match item {
                Self::String(text) => Ok(text.as_str()),
                other => Err(wrong(&self.item_path(path, index), other)),
            })
            .collect()
    }
}

/// A refusal of members that the language does not have.
pub(crate) fn unknown_member(path: &Path<'_>, name: &str, known: &[&str]) -> Fault {
    Fault::syntax(&path.member(name), format!("\"{}\" is no element here; there are {}", shown(name), known.join(", ")))
}

struct Node {
    depth: usize,
}

impl Node {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        match self.depth {
            MAX_DEPTH.. => Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep"))),
            depth => Ok(Self { depth: depth + 1 }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            object.push((name, members.next_value_seed(self.deeper()?)?));
        }
        Ok(Json::Object(object))
    }
}
