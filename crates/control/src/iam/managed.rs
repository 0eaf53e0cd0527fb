//! The managed policies that are there without anybody making them. They cannot be changed.

use postern_iam::Arn;

use crate::identity::ADMINISTRATOR_ACCESS;

/// The account of such a policy's ARN.
pub(crate) const AWS_MANAGED: &str = "aws";

/// A policy of the service's own.
#[derive(Debug)]
pub(crate) struct Managed {
    /// Its name; the path is `/`.
    pub(crate) name: &'static str,
    /// Its id at AWS.
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    pub(crate) document: &'static str,
    /// When AWS made it, in milliseconds since the epoch.
    pub(crate) created_at: u64,
}

/// All of them, by name.
pub(crate) const MANAGED: &[Managed] = &[Managed {
    name: ADMINISTRATOR_ACCESS,
    id: "ANPAIWMBCKSKIEE64ZLYK",
    description: "Provides full access to everything in the account.",
    document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    created_at: 1_423_247_986_000,
}];

impl Managed {
    pub(crate) fn arn(&self) -> Arn {
        Arn::managed_policy(self.name)
    }
}

/// The one with this ARN.
pub(crate) fn find_managed(arn: &Arn) -> Option<&'static Managed> {
    MANAGED.iter().find(|managed| managed.arn() == *arn)
}
