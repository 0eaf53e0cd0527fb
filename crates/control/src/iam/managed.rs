//! The managed policies that are there without anybody making them. They cannot be changed. What they say is the policy
//! crate's to know; here is how they look among the account's own.

use postern_iam::ids::UNIQUE_ID_ENTROPY;
use postern_iam::{Arn, UniqueId};
use postern_policy::managed::{Managed, by_arn};
use postern_store::UnixMillis;
use ring::digest;

/// The account of such a policy's ARN.
pub(crate) const AWS_MANAGED: &str = "aws";

/// When AWS made the first of them, AdministratorAccess. All of them are as old here.
pub(super) const MANAGED_SINCE: UnixMillis = 1_423_247_986_000;

/// The one with this ARN.
pub(crate) fn find_managed(arn: &Arn) -> Option<&'static Managed> {
    by_arn(&arn.to_string())
}

/// An id, the same in every account. It is not the one that the policy has at AWS.
pub(super) fn managed_id(managed: &Managed) -> UniqueId {
    let digest = digest::digest(&digest::SHA256, managed.arn().as_bytes());
    let mut bytes = [0; UNIQUE_ID_ENTROPY];
    bytes.copy_from_slice(&digest.as_ref()[..UNIQUE_ID_ENTROPY]);
    UniqueId::of_policy(&bytes)
}

/// The number of its one version: the one that AWS's document has.
pub(super) fn managed_version(managed: &Managed) -> u32 {
    managed.version.strip_prefix('v').and_then(|number| number.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use postern_policy::managed::ALL;

    use super::*;

    #[test]
    fn each_has_an_id_and_a_version_of_its_own() {
        let ids: BTreeSet<String> = ALL.iter().map(|managed| managed_id(managed).to_string()).collect();
        assert_eq!(ids.len(), ALL.len());
        for managed in ALL {
            assert_eq!(format!("v{}", managed_version(managed)), managed.version);
            let arn: Arn = managed.arn().parse().expect("it is an ARN");
            assert_eq!(find_managed(&arn).map(|found| found.name), Some(managed.name));
        }
    }
}
