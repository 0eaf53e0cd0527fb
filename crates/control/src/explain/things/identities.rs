//! Users, groups, roles, policies, devices and providers.

use postern_iam::Arn;
use postern_model::ApiError;
use postern_policy::Context;
use postern_store::IdentityKind;

use super::super::wrong;
use super::{Named, Things};
use crate::authz::act::{
    Attachment, Bounded, Creation, NewBoundary, NewIdentity, OnDevice, OnExplained, OnIdentity, OnPolicy, OnProvider,
    OnRole, Renamed, Vouched,
};
use crate::authz::trust::Trust;

const IDENTITY: &str = "a user, group or role, user/NAME";
const POLICY: &str = "a policy, policy/NAME";

impl Things<'_> {
    async fn identity(&mut self) -> Result<OnIdentity, ApiError> {
        let (thing, path) = self.take_named(&["user/", "group/", "role/"]).ok_or_else(|| self.missing(IDENTITY))?;
        let kind = match thing.resource().split_once('/') {
            Some(("group", _)) => IdentityKind::Group,
            Some(("role", _)) => IdentityKind::Role,
            _ => IdentityKind::User,
        };
        self.control.on_identity(kind, path.rsplit('/').next().unwrap_or(&path)).await
    }

    /// The ARN of a policy, if one is named.
    fn policy(&mut self) -> Option<String> {
        let (thing, name) = self.take_named(&["policy/"])?;
        Some(thing.arn.unwrap_or_else(|| Arn::policy(&self.control.scope().account, &name)).to_string())
    }

    fn required_policy(&mut self) -> Result<String, ApiError> {
        self.policy().ok_or_else(|| self.missing(POLICY))
    }
}

impl Named for OnIdentity {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        things.identity().await
    }
}

impl Named for OnExplained {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let identity = things.identity().await?;
        let user_id = things.control.user_id(&identity).await?;
        Ok(Self { identity, user_id })
    }
}

impl Named for NewIdentity {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { identity: Creation::named(things).await?, boundary: things.policy() })
    }
}

impl Named for NewBoundary {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { identity: things.identity().await?, boundary: things.required_policy()? })
    }
}

impl Named for Bounded {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self(things.identity().await?))
    }
}

impl Named for Attachment {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        Ok(Self { identity: Bounded(things.identity().await?), policy: things.required_policy()? })
    }
}

/// The old name is the first.
impl Named for Renamed {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let from = things.identity().await?;
        Ok(Self { from, to: things.identity().await?.asked })
    }
}

impl Named for OnPolicy {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let arn = things.required_policy()?;
        things.control.on_policy(&arn).await
    }
}

impl Named for OnDevice {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let what = "a device, mfa/NAME";
        let (thing, name) = things.take_named(&["mfa/"]).ok_or_else(|| things.missing(what))?;
        let serial = thing.arn.unwrap_or_else(|| Arn::mfa_device(&things.control.scope().account, &name));
        things.control.on_device(serial).await
    }
}

impl Named for OnProvider {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let what = "a provider of identities, oidc-provider/ADDRESS";
        let (thing, name) = things.take_named(&["oidc-provider/"]).ok_or_else(|| things.missing(what))?;
        let arn = thing.arn.unwrap_or_else(|| Arn::oidc_provider(&things.control.scope().account, &name));
        things.control.on_provider(&arn.to_string()).await
    }
}

impl Named for OnRole {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let (thing, name) = things.take_named(&["role/"]).ok_or_else(|| things.missing("a role, role/NAME"))?;
        let asked = match thing.arn {
            Some(arn) => arn,
            None => things.control.role_arn(&name).await?,
        };
        let found = things.control.role(&asked).await?;
        let (trust, keys) = (Trust::of(found.as_ref()), Context::new());
        Ok(Self { asked, found, trust, keys, with_tags: false, with_source_identity: false })
    }
}

impl Named for Vouched {
    async fn named(things: &mut Things<'_>) -> Result<Self, ApiError> {
        let _ = things;
        Err(wrong(
            "sts:AssumeRoleWithWebIdentity is nobody's of here to ask: a role's trust policy and a provider's token decide.",
        ))
    }
}
