//! The kinds of values that settings have, each read from TOML and from text, each saying what it wants.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use postern_control::SessionDocumentCheck;
use postern_iam::SecretString;
use postern_model::document::RecordingMode;
use postern_transport::{Endpoint, Scheme};

/// A kind of value. The error of both readers completes the sentence "it must be …".
pub trait Value: Sized {
    /// Whether an error must not show what was given.
    const IS_SECRET: bool = false;

    /// Reads the value of a key in the file.
    ///
    /// # Errors
    /// What it must be instead.
    fn from_toml(value: &toml::Value) -> Result<Self, String>;

    /// Reads the text of a variable or flag.
    ///
    /// # Errors
    /// What it must be instead.
    fn from_text(text: &str) -> Result<Self, String> {
        Self::from_toml(&toml::Value::String(text.to_owned()))
    }
}

/// Reads one TOML value, as it stands to the right of a `=`.
pub(super) fn parse_toml(text: &str) -> Option<toml::Value> {
    let table: toml::Table = format!("value = {text}").parse().ok()?;
    table.get("value").cloned()
}

fn text_of<'a>(value: &'a toml::Value, wanted: &str) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| wanted.to_owned())
}

impl Value for String {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "a text that is not empty";
        match text_of(value, WANTED)? {
            "" => Err(WANTED.to_owned()),
            text => Ok(text.to_owned()),
        }
    }
}

impl Value for PathBuf {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "a path";
        match text_of(value, WANTED)? {
            "" => Err(WANTED.to_owned()),
            text => Ok(Self::from(text)),
        }
    }
}

impl Value for SecretString {
    const IS_SECRET: bool = true;

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        String::from_toml(value).map(Self::from)
    }
}

impl Value for Endpoint {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "a URL, for example \"https://kms.eu-west-1.amazonaws.com\"";
        let endpoint: Self = text_of(value, WANTED)?.parse().map_err(|_| WANTED)?;
        match endpoint.scheme() {
            Scheme::Http | Scheme::Https => Ok(endpoint),
            Scheme::Ws | Scheme::Wss => Err(WANTED.to_owned()),
        }
    }
}

/// Whether a session's document must be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentCheck(pub SessionDocumentCheck);

impl Value for DocumentCheck {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "\"strict\" or \"legacy\"";
        match text_of(value, WANTED)? {
            "strict" => Ok(Self(SessionDocumentCheck::Strict)),
            "legacy" => Ok(Self(SessionDocumentCheck::Legacy)),
            _ => Err(WANTED.to_owned()),
        }
    }
}

/// Whether sessions are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recording(pub RecordingMode);

impl Value for Recording {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "\"required\", \"best-effort\" or \"off\"";
        RecordingMode::from_name(text_of(value, WANTED)?).map(Self).ok_or_else(|| WANTED.to_owned())
    }
}

/// An empty text means "not set".
impl<T: Value> Value for Option<T> {
    const IS_SECRET: bool = T::IS_SECRET;

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value.as_str() {
            Some("") => Ok(None),
            _ => T::from_toml(value).map(Some),
        }
    }
}

impl Value for Vec<String> {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "a list of texts, for example [\"one\", \"two\"]";
        let list = value.as_array().ok_or(WANTED)?;
        list.iter().map(|item| text_of(item, WANTED).map(str::to_owned)).collect()
    }

    /// In a variable or flag the items are separated by commas.
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }
}

/// Proxies in front of the service, by their networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

impl Value for Networks {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "a list of addresses and networks, for example [\"10.0.0.7\", \"2001:db8::/48\"]";
        let texts = Vec::<String>::from_toml(value).map_err(|_| WANTED)?;
        let network = |text: &String| {
            let one = || text.parse::<IpAddr>().map(IpNet::from);
            let network =
                text.parse::<IpNet>().or_else(|_| one()).map_err(|_| format!("{WANTED}; {text:?} is neither"))?;
            match network.prefix_len() {
                // Everybody could say to be anybody.
                0 => Err(format!("{WANTED}; {text:?} is everybody")),
                _ => Ok(network),
            }
        };
        texts.iter().map(network).collect::<Result<_, _>>().map(Self)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let texts = Vec::<String>::from_text(text)?.into_iter().map(toml::Value::String);
        Self::from_toml(&toml::Value::Array(texts.collect()))
    }
}

impl Value for bool {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match (value.as_bool(), value.as_str()) {
            (Some(value), _) => Ok(value),
            (None, Some("true" | "1")) => Ok(true),
            (None, Some("false" | "0")) => Ok(false),
            _ => Err("true or false".to_owned()),
        }
    }
}

impl Value for usize {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "a whole number from 1 to 1000000";
        let number = match value.as_str() {
            Some(text) => text.parse().map_err(|_| WANTED)?,
            None => value.as_integer().ok_or(WANTED)?,
        };
        match number {
            1..=1_000_000 => Self::try_from(number).map_err(|_| WANTED.to_owned()),
            _ => Err(WANTED.to_owned()),
        }
    }
}

/// Ten years.
const MAX_SECONDS: u64 = 3_653 * 86_400;

/// A length of time, written with its unit: `30s`, `20m`, `1h`, `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl Value for Period {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "a length of time with its unit, for example \"30s\", \"20m\", \"1h\" or \"2d\"";
        let text = text_of(value, WANTED)?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let seconds_per_unit = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(WANTED.to_owned()),
        };
        let count: u64 = digits.parse().map_err(|_| WANTED)?;
        let seconds = count.checked_mul(seconds_per_unit).filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
        seconds.map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(|| WANTED.to_owned())
    }
}

/// An address to listen on, kept as written until it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen(String);

impl Listen {
    /// The given address, for wiring done in code.
    pub fn new(address: SocketAddr) -> Self {
        Self(address.to_string())
    }

    /// The socket addresses it stands for.
    ///
    /// # Errors
    /// What the resolver says about a host name.
    pub fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        Ok(self.0.to_socket_addrs()?.collect())
    }

    /// Whether only this machine can reach it. `localhost` is believed; any other name is not.
    pub fn is_loopback(&self) -> bool {
        match self.0.parse::<SocketAddr>() {
            Ok(address) => address.ip().is_loopback(),
            Err(_) => self.host() == "localhost",
        }
    }

    /// The address if one is written, without asking a resolver.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse::<SocketAddr>().ok().map(|address| address.ip())
    }

    fn host(&self) -> &str {
        self.0.rsplit_once(':').map_or("", |(host, _)| host)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for Listen {
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        const WANTED: &str = "HOST:PORT, for example \"0.0.0.0:8443\" or \"127.0.0.1:0\"";
        let listen = Self(text_of(value, WANTED)?.to_owned());
        if listen.0.parse::<SocketAddr>().is_ok() {
            return Ok(listen);
        }
        match listen.0.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok() => Ok(listen),
            _ => Err(WANTED.to_owned()),
        }
    }
}
