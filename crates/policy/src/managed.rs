//! The policies that AWS keeps, which people attach by name: those that have to do with sessions, nodes and identities.
//!
//! The documents say what AWS's own say in the version that stands beside them. Two of AWS's are thousands of lines about
//! services that are not here ([`Managed::partial`]): of `SecurityAudit` there is the part about services that are, and
//! `ReadOnlyAccess` is a short one of ours, in version 1, that lets the same services be read.

use std::sync::{Arc, LazyLock};

use crate::document::Policy;
use crate::limits::{DocumentKind, Limits};

/// A policy that AWS keeps.
#[derive(Clone, Copy, Debug)]
pub struct Managed {
    /// Its name: `AmazonSSMManagedInstanceCore`.
    pub name: &'static str,
    /// Its path: `/`, or `/service-role/`.
    pub path: &'static str,
    /// AWS's version of the document: `v2`.
    pub version: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Whether statements about services that are not here were left out.
    pub partial: bool,
    /// The document.
    pub document: &'static str,
}

macro_rules! managed {
    ($($path:literal $name:literal $version:literal $partial:literal: $description:literal),+ $(,)?) => {
        /// All of them, by name.
        pub const ALL: &[Managed] = &[$(Managed {
            name: $name,
            path: $path,
            version: $version,
            description: $description,
            partial: $partial,
            document: include_str!(concat!("managed/", $name, ".json")),
        }),+];
    };
}

managed![
    "/" "AdministratorAccess" "v1" false: "Everything",
    "/service-role/" "AmazonEC2RoleforSSM" "v8" false: "For nodes; superseded by AmazonSSMManagedInstanceCore",
    "/" "AmazonSSMFullAccess" "v4" false: "Everything in Systems Manager",
    "/" "AmazonSSMManagedEC2InstanceDefaultPolicy" "v1" false: "For nodes that no role was given to",
    "/" "AmazonSSMManagedInstanceCore" "v2" false: "For nodes: what an agent needs",
    "/" "AmazonSSMReadOnlyAccess" "v1" false: "Reading in Systems Manager",
    "/" "CloudWatchAgentServerPolicy" "v3" false: "For nodes that write logs and metrics",
    "/" "CloudWatchLogsFullAccess" "v3" false: "Everything in CloudWatch Logs",
    "/" "IAMFullAccess" "v2" false: "Everything about identities and policies",
    "/" "IAMReadOnlyAccess" "v4" false: "Reading about identities and policies",
    "/" "IAMUserChangePassword" "v2" false: "A user's own password",
    "/" "PowerUserAccess" "v12" false: "Everything but identities and policies",
    "/" "ReadOnlyAccess" "v1" true: "Reading everywhere",
    "/" "SecurityAudit" "v45" true: "Reading what auditors look at",
];

static POLICIES: LazyLock<Vec<Arc<Policy>>> = LazyLock::new(|| {
    let parse = |managed: &Managed| {
        let policy = Policy::parse(managed.document, Limits::stored(DocumentKind::Identity));
        Arc::new(policy.expect("a test parses every managed policy"))
    };
    ALL.iter().map(parse).collect()
});

impl Managed {
    /// Its ARN: `arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }

    /// What it says, read once for all.
    ///
    /// # Panics
    /// Never: the documents are part of the program.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        let at = ALL.iter().position(|managed| managed.name == self.name).expect("there are no others");
        Arc::clone(&POLICIES[at])
    }
}

/// The one with this ARN.
#[must_use]
pub fn by_arn(arn: &str) -> Option<&'static Managed> {
    let path_and_name = arn.strip_prefix("arn:aws:iam::aws:policy")?;
    ALL.iter().find(|managed| path_and_name.strip_prefix(managed.path) == Some(managed.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_is_a_policy_and_is_found() {
        for managed in ALL {
            assert!(!managed.policy().statements().is_empty(), "{}", managed.name);
            assert_eq!(by_arn(&managed.arn()).map(|found| found.name), Some(managed.name));
        }
        assert!(ALL.is_sorted_by_key(|managed| managed.name));
        for wrong in
            ["", "AdministratorAccess", "arn:aws:iam::aws:policy/", "arn:aws:iam::aws:policy/AmazonEC2RoleforSSM"]
        {
            assert!(by_arn(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn each_file_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/managed");
        let files = std::fs::read_dir(folder).expect("the folder is there").count();
        assert_eq!(files, ALL.len());
    }
}
