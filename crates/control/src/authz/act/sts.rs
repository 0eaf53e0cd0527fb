//! Temporary credentials, and who one is.

use postern_iam::Arn;
use postern_policy::Context;
use postern_store::IdentityRecord;

use super::{Question, Resource, Subject};
use crate::authz::Needs;
use crate::authz::trust::Trust;

/// Acting as a role, which need not exist. Tags, and saying who is behind the session, are actions of their own.
#[derive(Clone, Debug)]
pub struct OnRole {
    /// The role that is asked for.
    pub asked: Arn,
    /// The role, if it is there.
    pub found: Option<IdentityRecord>,
    /// Whom it trusts.
    pub trust: Trust,
    /// What conditions ask about the request.
    pub keys: Context,
    /// Whether the session would have tags.
    pub with_tags: bool,
    /// Whether the session would say who is behind it.
    pub with_source_identity: bool,
}

impl Subject for OnRole {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let tags = self.found.as_ref().map_or(&[][..], |role| &role.tags);
        let resource = Resource::Identity { arn: &self.asked, asked: &self.asked, tags };
        let ask = |action| Question { action, needs: Needs::Trust(&self.trust), ..Question::about(resource) };
        let further = [(self.with_tags, "sts:TagSession"), (self.with_source_identity, "sts:SetSourceIdentity")];
        let further = further.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, action)| ask(Some(action)));
        vec![[ask(None)].into_iter().chain(further).collect()]
    }

    fn request_keys(&self, keys: &mut Context) {
        for (key, values) in self.keys.iter() {
            keys.set_all(key, values.iter().cloned());
        }
    }
}

/// Acting as a role by the word of a provider of identities.
#[derive(Clone, Debug)]
pub struct Vouched(pub OnRole);

impl Subject for Vouched {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.0.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        self.0.request_keys(keys);
    }
}

acts! {
    /// Acts as a role.
    AssumeRole = Api(AssumeRole), on OnRole;
    /// Acts as a role, by the word of a provider.
    AssumeRoleWithWebIdentity = Api(AssumeRoleWithWebIdentity), on Vouched;
    /// Credentials of one's own that are good for a while.
    GetSessionToken = Api(GetSessionToken), on ();
    /// Whose an access key is.
    GetAccessKeyInfo = Api(GetAccessKeyInfo), on ();
    /// Who the caller is.
    GetCallerIdentity = Api(GetCallerIdentity), on ();
}
