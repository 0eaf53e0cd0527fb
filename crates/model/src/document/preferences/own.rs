//! Our own preferences, beside AWS's: the member `postern` of a document's `inputs`, which AWS's agents and tools pass
//! over.
//!
//! They give rights on nodes and say what is recorded, so they are written out: no caller's parameter gets into them.

use postern_iam::OsGroupName;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::{DocumentError, template};
use super::recording::{self, RecordingPreferences};
use super::{SudoRule, truth};

/// Their name in `inputs`.
pub(super) const MEMBER: &str = "postern";

const RUN_AS: &str = "runAs";
const RUN_AS_NAMES: [&str; 6] = ["allowRoot", "createUser", "groups", "sudo", "removeUser", "removeHome"];
/// The most groups of a user that is created.
const MAX_GROUPS: usize = 16;

/// What a document says that AWS has no words for. Serializes to what a node is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnPreferences {
    /// About the users that sessions run as.
    pub run_as: RunAsPreferences,
    /// How sessions are recorded. That is the service's to know.
    #[serde(skip)]
    pub recording: RecordingPreferences,
}

/// What else a document says about the users that sessions run as. It counts where run-as is enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunAsPreferences {
    /// Root may be such a user, under any of its names.
    pub allow_root: bool,
    /// A user that does not exist on the node is created there, if the node's settings allow that.
    pub create_user: bool,
    /// The groups of a created user, beside its own.
    pub groups: Vec<OsGroupName>,
    /// What a created user may do as somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo: Option<SudoRule>,
    /// A created user is removed when its last session ends.
    pub remove_user: bool,
    /// Its home goes with it.
    pub remove_home: bool,
}

impl OwnPreferences {
    /// Whether there is nothing in them for a node.
    #[must_use]
    pub fn is_nothing_for_nodes(&self) -> bool {
        self.run_as == RunAsPreferences::default()
    }

    /// Reads them from `inputs`, as the service and our agent do. Members that nobody knows are passed over here: a newer
    /// service may have more of them than an agent.
    ///
    /// # Errors
    /// [`DocumentError`], naming the member and what it must be.
    pub fn parse(inputs: &Map<String, Value>) -> Result<Self, DocumentError> {
        let Some(own) = object(inputs, MEMBER, "inputs")? else { return Ok(Self::default()) };
        let run_as = object(own, RUN_AS, "inputs.postern")?;
        let recording = object(own, recording::MEMBER, "inputs.postern")?;
        Ok(Self {
            run_as: run_as.map(RunAsPreferences::parse).transpose()?.unwrap_or_default(),
            recording: recording.map(RecordingPreferences::parse).transpose()?.unwrap_or_default(),
        })
    }
}

impl RunAsPreferences {
    fn parse(members: &Map<String, Value>) -> Result<Self, DocumentError> {
        let switch = |name: &str| {
            let value = members.get(name).unwrap_or(&Value::Null);
            truth(value).ok_or_else(|| DocumentError::member(path(name), "true or false"))
        };
        let sudo = match members.get("sudo") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(value) => {
                let rule = value.as_str().and_then(|text| text.parse().ok());
                Some(rule.ok_or_else(|| DocumentError::member(path("sudo"), SudoRule::FORM))?)
            }
        };
        let found = Self {
            allow_root: switch("allowRoot")?,
            create_user: switch("createUser")?,
            groups: groups(members)?,
            sudo,
            remove_user: switch("removeUser")?,
            remove_home: switch("removeHome")?,
        };
        let is_about_created = found.remove_user || found.sudo.is_some() || !found.groups.is_empty();
        if is_about_created && !found.create_user {
            let expected = "true where groups, sudo or removeUser are given: they are about users that are created";
            return Err(DocumentError::member(path("createUser"), expected));
        }
        if found.remove_home && !found.remove_user {
            return Err(DocumentError::member(path("removeUser"), "true where removeHome is"));
        }
        Ok(found)
    }
}

/// Refuses what nobody knows, and parameters.
pub(super) fn check_names(inputs: &Map<String, Value>) -> Result<(), DocumentError> {
    let Some(own) = object(inputs, MEMBER, "inputs")? else { return Ok(()) };
    if template::has_placeholder(own) {
        return Err(DocumentError::member("inputs.postern", "written out, without parameters"));
    }
    if let Some(name) = own.keys().find(|name| ![RUN_AS, recording::MEMBER].contains(&name.as_str())) {
        return Err(DocumentError::UnknownMember(format!("inputs.postern.{name}")));
    }
    recording::check_names(own)?;
    let run_as = object(own, RUN_AS, "inputs.postern")?;
    match run_as.and_then(|run_as| run_as.keys().find(|name| !RUN_AS_NAMES.contains(&name.as_str()))) {
        Some(name) => Err(DocumentError::UnknownMember(path(name))),
        None => Ok(()),
    }
}

fn groups(members: &Map<String, Value>) -> Result<Vec<OsGroupName>, DocumentError> {
    let wrong = || DocumentError::member(path("groups"), "a list of at most 16 names of groups");
    match members.get("groups") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(names)) if names.len() <= MAX_GROUPS => {
            let parse = |name: &Value| name.as_str()?.parse().ok();
            names.iter().map(parse).collect::<Option<_>>().ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

pub(super) fn object<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    within: &str,
) -> Result<Option<&'a Map<String, Value>>, DocumentError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(DocumentError::member(format!("{within}.{name}"), "an object")),
    }
}

fn path(name: &str) -> String {
    format!("inputs.postern.runAs.{name}")
}
