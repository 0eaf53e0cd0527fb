//! Simulations: what policies would say to requests that nobody makes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ARN, DOCUMENT};
use crate::constraint::Text;
use crate::decode::Input;
use crate::error::ApiError;

/// Members of one list: a form has no more.
const MANY: usize = 512;
const ACTION: Text = Text::length(3, 128);
const RESOURCE: Text = Text::length(1, 2048);
const KEY: Text = Text::length(5, 256);
const TYPES: &[&str] = &[
    "string",
    "stringList",
    "numeric",
    "numericList",
    "boolean",
    "booleanList",
    "ip",
    "ipList",
    "binary",
    "binaryList",
    "date",
    "dateList",
];

/// A condition key of the request that is simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContextEntry {
    /// `prefix:name`.
    pub context_key_name: String,
    /// Its values.
    pub context_key_values: Vec<String>,
    /// What they are: `string`, `ipList`.
    pub context_key_type: &'static str,
}

impl ContextEntry {
    fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let context_key_name = input.required_text("ContextKeyName", KEY)?;
        let context_key_values = input.texts("ContextKeyValues", 0..=MANY, Text::ANY)?.unwrap_or_default();
        let context_key_type = input.named("ContextKeyType", TYPES)?.unwrap_or("string");
        Ok(Some(Self { context_key_name, context_key_values, context_key_type }))
    }
}

/// A map as XML has it: entries, each with a key and a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(pub BTreeMap<String, String>);

#[derive(Serialize, Deserialize)]
struct Entry {
    key: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct Listed {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry>,
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0.iter().map(|(key, value)| Entry { key: key.clone(), value: value.clone() });
        Listed { entry: entry.collect() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let listed = Listed::deserialize(deserializer)?;
        Ok(Self(listed.entry.into_iter().map(|Entry { key, value }| (key, value)).collect()))
    }
}

shapes! {
    /// A place in a document.
    Position { line: usize, column: usize, }
    /// A statement that decided.
    MatchedStatement {
        source_policy_id: String,
        source_policy_type: String,
        start_position: Position,
        end_position: Position,
    }
    /// What a permissions boundary says.
    BoundaryDecision { allowed_by_permissions_boundary: bool, }
    /// What was found about one resource.
    ResourceSpecificResult {
        eval_resource_name: String,
        eval_resource_decision: String,
        matched_statements: Vec<MatchedStatement>,
        missing_context_values: Vec<String>,
        eval_decision_details: Option<Entries>,
        permissions_boundary_decision_detail: Option<BoundaryDecision>,
    }
    /// What was found about one action.
    EvaluationResult {
        eval_action_name: String,
        eval_resource_name: String,
        eval_decision: String,
        matched_statements: Vec<MatchedStatement>,
        missing_context_values: Vec<String>,
        permissions_boundary_decision_detail: Option<BoundaryDecision>,
        eval_decision_details: Option<Entries>,
        resource_specific_results: Option<Vec<ResourceSpecificResult>>,
    }
    /// A page of results, in the order of the actions that were named.
    SimulatePolicyResponse {
        evaluation_results: Vec<EvaluationResult>,
        is_truncated: bool,
        marker: Option<String>,
    }
    /// The condition keys that policies ask for.
    GetContextKeysResponse { context_key_names: Vec<String>, }
}

requests! {
    /// Simulates requests under the policies of a user, group or role.
    SimulatePrincipalPolicyRequest for SimulatePrincipalPolicy -> SimulatePolicyResponse {
        policy_source_arn: String = required_text("PolicySourceArn", ARN),
        policy_input_list: Vec<String> = listed("PolicyInputList", DOCUMENT),
        #[serde(flatten)]
        simulated: Simulated = simulated(),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Simulates requests under policies that nobody has.
    SimulateCustomPolicyRequest for SimulateCustomPolicy -> SimulatePolicyResponse {
        policy_input_list: Vec<String> = required_listed("PolicyInputList", DOCUMENT),
        #[serde(flatten)]
        simulated: Simulated = simulated(),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// What the policies of a user, group or role ask for.
    GetContextKeysForPrincipalPolicyRequest for GetContextKeysForPrincipalPolicy -> GetContextKeysResponse {
        policy_source_arn: String = required_text("PolicySourceArn", ARN),
        policy_input_list: Vec<String> = listed("PolicyInputList", DOCUMENT),
    }
    /// What policies that nobody has ask for.
    GetContextKeysForCustomPolicyRequest for GetContextKeysForCustomPolicy -> GetContextKeysResponse {
        policy_input_list: Vec<String> = required_listed("PolicyInputList", DOCUMENT),
    }
}

/// The requests that are simulated, as both operations describe them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Simulated {
    /// A permissions boundary, in the place of the one that there is.
    pub permissions_boundary_policy_input_list: Vec<String>,
    /// The actions, each asked about each resource.
    pub action_names: Vec<String>,
    /// The resources; `*` if there are none.
    pub resource_arns: Vec<String>,
    /// A policy that every resource has.
    pub resource_policy: Option<String>,
    /// The account of resources whose ARN names none.
    pub resource_owner: Option<String>,
    /// Who would ask.
    pub caller_arn: Option<String>,
    /// Condition keys.
    pub context_entries: Vec<ContextEntry>,
    /// Members that are not understood here, of those that AWS has: they change the answer, so they are refused.
    #[serde(skip)]
    pub refused: Vec<&'static str>,
}

/// Members that AWS takes and this service does not.
const REFUSED: &[&str] = &["ResourceHandlingOption", "PolicyExclusionList", "OrderedOrganizationPolicyInputList"];

impl Input<'_> {
    fn simulated(&mut self) -> Result<Simulated, ApiError> {
        Ok(Simulated {
            permissions_boundary_policy_input_list: self.listed("PermissionsBoundaryPolicyInputList", DOCUMENT)?,
            action_names: self.required_listed("ActionNames", ACTION)?,
            resource_arns: self.listed("ResourceArns", RESOURCE)?,
            resource_policy: self.text("ResourcePolicy", DOCUMENT)?,
            resource_owner: self.text("ResourceOwner", RESOURCE)?,
            caller_arn: self.text("CallerArn", RESOURCE)?,
            context_entries: self.objects("ContextEntries", 0..=MANY, ContextEntry::read)?,
            refused: REFUSED.iter().copied().filter(|name| self.has(name)).collect(),
        })
    }

    fn listed(&mut self, name: &str, item: Text) -> Result<Vec<String>, ApiError> {
        Ok(self.texts(name, 0..=MANY, item)?.unwrap_or_default())
    }

    fn required_listed(&mut self, name: &str, item: Text) -> Result<Vec<String>, ApiError> {
        Ok(self.required_texts(name, 0..=MANY, item)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;
    use crate::query::{Form, answer};
    use crate::{ErrorCode, Operation, decode_form};

    fn decode(body: &str) -> Result<SimulateCustomPolicyRequest, ApiError> {
        decode_form(&Form::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_form_becomes_a_simulation() {
        let least = "PolicyInputList.member.1=a&ActionNames.member.1=ssm:A";
        let request = decode(&format!(
            "{least}&ContextEntries.member.1.ContextKeyName=aws:x&ContextEntries.member.1.ContextKeyType=ipList\
             &ContextEntries.member.1.ContextKeyValues.member.1=10.0.0.1&PolicyExclusionList.member.1.x=y"
        ))
        .unwrap();
        let simulated = &request.simulated;
        assert_eq!(simulated.action_names, ["ssm:A"]);
        assert_eq!(simulated.refused, ["PolicyExclusionList"]);
        let entry = &simulated.context_entries[0];
        assert_eq!((entry.context_key_name.as_str(), entry.context_key_type), ("aws:x", "ipList"));
        assert_eq!(entry.context_key_values, ["10.0.0.1"]);
        for body in [
            "ActionNames.member.1=ssm:A",
            "PolicyInputList.member.1=a",
            "PolicyInputList.member.1=a&ActionNames.member.1=x",
            &format!(
                "{least}&ContextEntries.member.1.ContextKeyName=aws:x&ContextEntries.member.1.ContextKeyType=colour"
            ),
        ] {
            assert_eq!(decode(body).unwrap_err().code(), ErrorCode::ValidationError, "{body}");
        }
    }

    #[test]
    fn a_map_is_written_as_entries() {
        let entries = Entries(
            [("IAM Policy", "allowed"), ("Resource Policy", "implicitDeny")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        );
        let value = serde_json::json!({ "EvalDecisionDetails": entries });
        let xml = answer(Operation::SimulateCustomPolicy, &value, "id");
        let inner = "<EvalDecisionDetails><entry><key>IAM Policy</key><value>allowed</value></entry><entry><key>Resource \
                     Policy</key><value>implicitDeny</value></entry></EvalDecisionDetails>";
        assert!(xml.contains(inner), "{xml}");
        let value = serde_json::json!({ "EvalDecisionDetails": Entries::default() });
        let xml = answer(Operation::SimulateCustomPolicy, &value, "id");
        assert!(xml.contains("<EvalDecisionDetails></EvalDecisionDetails>"), "{xml}");
        assert_eq!(serde_json::from_value::<Entries>(serde_json::to_value(&entries).unwrap()).unwrap(), entries);
    }
}
