//! Bytes in JSON: base64. For `#[serde(with = "…")]`.

/// Bytes that are no secret.
pub(crate) mod plain {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(|_| serde::de::Error::custom("not base64"))
    }
}

/// Bytes that are one, in a message that is meant to carry them.
pub(crate) mod secret {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use postern_iam::{SecretBytes, SecretString};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &SecretBytes, serializer: S) -> Result<S::Ok, S::Error> {
        // Held in a type of its own so that the text is wiped too.
        let text = SecretString::new(STANDARD.encode(bytes.expose()));
        serializer.serialize_str(text.expose())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretBytes, D::Error> {
        let text = SecretString::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.expose()).map_err(|_| serde::de::Error::custom("not base64"))?;
        Ok(SecretBytes::new(bytes))
    }
}
