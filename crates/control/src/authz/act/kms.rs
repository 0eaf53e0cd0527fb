//! Keys and what is done with them.

use postern_iam::{KeyId, NodeId, SessionId};
use postern_model::kms::{EncryptionContext, KeyName};
use postern_policy::{Context, Value};
use postern_store::Tag;

use super::{Creation, Question, Resource, Subject, only};

/// What acts on keys are about.
#[derive(Clone, Debug)]
pub struct OnKey {
    /// The key as it was named; it need not exist.
    pub named: KeyName,
    /// The key of that name. A decision is about the key, whichever of its names it is called by.
    pub id: Option<KeyId>,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

impl OnKey {
    fn resource(&self) -> Resource<'_> {
        Resource::Key { named: &self.named, id: self.id.as_ref(), tags: &self.tags }
    }
}

impl Subject for OnKey {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.resource())
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What giving a key another name is about: the key and the name.
#[derive(Clone, Debug)]
pub struct KeyAndAlias {
    /// The key.
    pub key: OnKey,
    /// The new name.
    pub alias: KeyName,
}

impl Subject for KeyAndAlias {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let alias = Resource::Key { named: &self.alias, id: None, tags: &[] };
        vec![vec![Question::about(self.key.resource()), Question::about(alias)]]
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What Decrypt is about.
#[derive(Clone, Debug)]
pub struct OnCiphertext {
    /// The key that it was made with, if it is one of here.
    pub key: Option<KeyId>,
    /// The key that the request names, if it does.
    pub named: Option<KeyName>,
    /// The key's tags, if it is there.
    pub tags: Vec<Tag>,
    /// The session that the encryption context names, if it names one.
    pub session: Option<SessionId>,
    /// Its node, if there is such a session and the context names its node too.
    pub node: Option<NodeId>,
}

impl Subject for OnCiphertext {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let Self { key, named, tags, session, node } = self;
        let (key, named, session, node) = (key.as_ref(), named.as_ref(), session.as_ref(), node.as_ref());
        only(Resource::Ciphertext { key, named, tags, session, node })
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// Something that is encrypted or decrypted in an encryption context: `kms:EncryptionContext:…`,
/// `kms:EncryptionContextKeys`.
#[derive(Clone, Debug)]
pub struct InContext<T> {
    /// What it is about.
    pub on: T,
    /// The encryption context.
    pub context: EncryptionContext,
}

impl<T: Subject> Subject for InContext<T> {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.on.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        self.on.request_keys(keys);
        for (key, value) in &self.context {
            keys.set(&format!("kms:EncryptionContext:{key}"), value.as_str());
        }
        keys.set_all("kms:EncryptionContextKeys", self.context.keys().map(|key| Value::from(key.as_str())));
    }
}

acts! {
    /// Make a data key.
    GenerateDataKey = Api(GenerateDataKey), on InContext<OnKey>;
    /// Encrypt a text.
    Encrypt = Api(Encrypt), on InContext<OnKey>;
    /// Open a ciphertext.
    Decrypt = Api(Decrypt), on InContext<OnCiphertext>;
    /// Make a key.
    CreateKey = Api(CreateKey), on Creation<()>;
    /// Look at a key.
    DescribeKey = Api(DescribeKey), on OnKey;
    /// List keys.
    ListKeys = Api(ListKeys), on ();
    /// Switch a key on.
    EnableKey = Api(EnableKey), on OnKey;
    /// Switch a key off.
    DisableKey = Api(DisableKey), on OnKey;
    /// Give a key another name.
    CreateAlias = Api(CreateAlias), on KeyAndAlias;
    /// List the other names of keys.
    ListAliases = Api(ListAliases), on ();
}
