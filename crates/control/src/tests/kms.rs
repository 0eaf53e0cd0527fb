//! The key service: names of keys, states, who may open what.

use std::collections::BTreeMap;

use postern_iam::SecretBytes;
use postern_model::ErrorCode;
use postern_model::kms::{
    CreateAliasRequest, CreateKeyRequest, DataKeyLength, DecryptRequest, DescribeKeyRequest, DisableKeyRequest,
    EnableKeyRequest, EncryptRequest, EncryptionContext, GenerateDataKeyRequest, KeyManager, KeyName, KeyState,
    ListAliasesRequest, ListKeysRequest,
};

use super::world::{World, code};
use crate::Caller;

fn generate(key: &str, context: EncryptionContext) -> GenerateDataKeyRequest {
    GenerateDataKeyRequest {
        key_id: KeyName::new(key),
        encryption_context: context,
        length: DataKeyLength::Bytes(64),
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

fn decrypt(ciphertext: &[u8], context: EncryptionContext, key: Option<&str>) -> DecryptRequest {
    DecryptRequest {
        ciphertext_blob: ciphertext.to_vec(),
        encryption_context: context,
        key_id: key.map(KeyName::new),
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

fn context(session: &str, target: &str) -> EncryptionContext {
    let pairs = [("aws:ssm:SessionId", session), ("aws:ssm:TargetId", target)];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl World {
    async fn key(&self, description: &str) -> postern_model::kms::KeyMetadata {
        let request = CreateKeyRequest { description: description.to_owned(), tags: Vec::new() };
        self.control.create_key(&self.kms_admin().await, request).await.unwrap().key_metadata
    }

    async fn kms_admin(&self) -> Caller {
        self.sign_as(&self.admin, "kms", "/").await.unwrap()
    }
}

#[tokio::test]
async fn a_key_answers_to_all_its_names() {
    let world = World::new().await;
    let admin = world.kms_admin().await;
    let key = world.key("for sessions").await;
    let alias = "alias/sessions";
    let request =
        CreateAliasRequest { alias_name: alias.parse().unwrap(), target_key_id: KeyName::new(key.arn.to_string()) };
    world.control.create_alias(&admin, request.clone()).await.unwrap();
    assert_eq!(code(world.control.create_alias(&admin, request).await), ErrorCode::AlreadyExistsException);

    let id = key.key_id.to_string();
    let alias_arn = "arn:aws:kms:eu-west-1:123456789012:alias/sessions";
    for name in [id.as_str(), &key.arn.to_string(), alias, alias_arn] {
        // A decision is about the key, whatever it is called.
        let on = world.control.on_key(KeyName::new(name)).await.unwrap();
        let Some(found) = &on.id else { panic!("{on:?}") };
        assert_eq!(found.as_str(), key.key_id);
        let request = DescribeKeyRequest { key_id: KeyName::new(name), grant_tokens: Vec::new() };
        let described = world.control.describe_key(&admin, request).await.unwrap().key_metadata;
        assert_eq!(described, key, "{name}");
        let made = world.control.generate_data_key(&admin, generate(name, EncryptionContext::new())).await.unwrap();
        assert_eq!((made.plaintext.len(), made.key_id), (64, key.arn.clone()));
        for named in [None, Some(id.as_str()), Some(alias)] {
            let request = decrypt(&made.ciphertext_blob, EncryptionContext::new(), named);
            let opened = world.control.decrypt(&admin, request).await.unwrap();
            assert_eq!((&opened.plaintext, &opened.key_id), (&made.plaintext, &key.arn));
        }
    }
    for (name, message) in [
        ("nonsense", "Invalid keyId 'nonsense'"),
        ("alias/none", "Alias arn:aws:kms:eu-west-1:123456789012:alias/none is not found."),
        (
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "Key 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist",
        ),
        (&format!("arn:aws:kms:eu-west-2:123456789012:key/{id}"), "Invalid arn eu-west-2"),
        (
            &format!("arn:aws:kms:eu-west-1:999999999999:key/{id}"),
            &format!("Key 'arn:aws:kms:eu-west-1:999999999999:key/{id}' does not exist"),
        ),
        (
            &format!("arn:aws-cn:kms:eu-west-1:123456789012:key/{id}"),
            &format!("Key 'arn:aws-cn:kms:eu-west-1:123456789012:key/{id}' does not exist"),
        ),
        (
            "arn:aws:kms:eu-west-1:999999999999:alias/sessions",
            "Key 'arn:aws:kms:eu-west-1:999999999999:alias/sessions' does not exist",
        ),
    ] {
        let error =
            world.control.generate_data_key(&admin, generate(name, EncryptionContext::new())).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (ErrorCode::NotFoundException, message));
    }
    let request = DisableKeyRequest { key_id: KeyName::new(alias) };
    assert_eq!(code(world.control.disable_key(&admin, request).await), ErrorCode::ValidationException);
}

#[tokio::test]
async fn a_disabled_key_does_nothing_until_it_is_enabled() {
    let world = World::new().await;
    let admin = world.kms_admin().await;
    let key = world.key("").await.arn.to_string();
    let none = EncryptionContext::new;
    let made = world.control.generate_data_key(&admin, generate(&key, none())).await.unwrap();
    world.control.disable_key(&admin, DisableKeyRequest { key_id: KeyName::new(&key) }).await.unwrap();
    let error = world.control.generate_data_key(&admin, generate(&key, none())).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (ErrorCode::DisabledException, format!("{key} is disabled.").as_str()));
    for named in [None, Some(key.as_str())] {
        let opened = world.control.decrypt(&admin, decrypt(&made.ciphertext_blob, none(), named)).await;
        assert_eq!(code(opened), ErrorCode::DisabledException);
    }
    let request = DescribeKeyRequest { key_id: KeyName::new(&key), grant_tokens: Vec::new() };
    let described = world.control.describe_key(&admin, request).await.unwrap().key_metadata;
    assert_eq!((described.enabled, described.key_state), (false, KeyState::Disabled));
    world.control.enable_key(&admin, EnableKeyRequest { key_id: KeyName::new(&key) }).await.unwrap();
    let opened = world.control.decrypt(&admin, decrypt(&made.ciphertext_blob, none(), None)).await.unwrap();
    assert_eq!(opened.plaintext, made.plaintext);
}

#[tokio::test]
async fn the_wrong_key_and_the_wrong_context_have_their_errors() {
    let world = World::new().await;
    let admin = world.kms_admin().await;
    let (one, other) = (world.key("one").await, world.key("other").await);
    let bound = context("jane-1", "mi-0000000000000000a");
    let request = EncryptRequest {
        key_id: KeyName::new(one.key_id.to_string()),
        plaintext: SecretBytes::new(b"text".to_vec()),
        encryption_context: bound.clone(),
        grant_tokens: Vec::new(),
        dry_run: false,
    };
    let made = world.control.encrypt(&admin, request.clone()).await.unwrap();
    assert_eq!(made.encryption_algorithm.as_deref(), Some("SYMMETRIC_DEFAULT"));
    let again = world.control.encrypt(&admin, request.clone()).await.unwrap();
    assert_ne!(made.ciphertext_blob, again.ciphertext_blob, "never the same twice");
    let open = async |blob: &[u8], context, key| world.control.decrypt(&admin, decrypt(blob, context, key)).await;
    let blob = made.ciphertext_blob.as_slice();
    assert_eq!(open(blob, bound.clone(), None).await.unwrap().plaintext, request.plaintext);
    let wrong = code(open(blob, bound.clone(), Some(other.key_id.as_str())).await);
    assert_eq!(wrong, ErrorCode::IncorrectKeyException);
    assert_eq!(code(open(blob, BTreeMap::new(), None).await), ErrorCode::InvalidCiphertextException);
    assert_eq!(code(open(b"anything", bound.clone(), None).await), ErrorCode::InvalidCiphertextException);
    let mut stranger = blob.to_vec();
    stranger[1] ^= 1;
    assert_eq!(code(open(&stranger, bound.clone(), None).await), ErrorCode::InvalidCiphertextException);

    let rehearsal = EncryptRequest { dry_run: true, ..request };
    assert_eq!(code(world.control.encrypt(&admin, rehearsal).await), ErrorCode::DryRunOperationException);
    let rehearsal = DecryptRequest { dry_run: true, ..decrypt(blob, bound.clone(), None) };
    assert_eq!(code(world.control.decrypt(&admin, rehearsal).await), ErrorCode::DryRunOperationException);
    // Only what would have succeeded.
    let rehearsal = DecryptRequest { dry_run: true, ..decrypt(&stranger, bound, None) };
    assert_eq!(code(world.control.decrypt(&admin, rehearsal).await), ErrorCode::InvalidCiphertextException);
}

#[tokio::test]
async fn a_node_opens_the_data_keys_of_its_own_sessions() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let (other, _other_lease) = world.online(2).await;
    let session = world.start(&machine).await.session_id;
    let admin = world.kms_admin().await;
    let own = context(&session, machine.node_id.as_str());
    let made = world.control.generate_data_key(&admin, generate("alias/aws/ssm", own.clone())).await.unwrap();
    let as_node = async |who| {
        let credentials = world.role_credentials(who).await.unwrap();
        world.sign_as(&credentials, "kms", "/").await.unwrap()
    };
    let (node, stranger) = (as_node(&machine).await, as_node(&other).await);
    let blob = made.ciphertext_blob.as_slice();
    let key = made.key_id.to_string();
    let opened = world.control.decrypt(&node, decrypt(blob, own.clone(), Some(&key))).await.unwrap();
    assert_eq!(opened.plaintext, made.plaintext);

    let denied = ErrorCode::AccessDeniedException;
    assert_eq!(code(world.control.decrypt(&stranger, decrypt(blob, own.clone(), None)).await), denied);
    // A context that names the session of one node and the other node.
    let mixed = context(&session, other.node_id.as_str());
    assert_eq!(code(world.control.decrypt(&stranger, decrypt(blob, mixed.clone(), None)).await), denied);
    assert_eq!(code(world.control.decrypt(&node, decrypt(blob, mixed, None)).await), denied);
    // What was made for nobody's session, even if the node could name the key.
    let loose = world.control.generate_data_key(&admin, generate(&key, BTreeMap::new())).await.unwrap();
    let request = decrypt(&loose.ciphertext_blob, BTreeMap::new(), None);
    assert_eq!(code(world.control.decrypt(&node, request).await), denied);
    // The node may say that it is for its session, and then it does not open.
    let request = decrypt(&loose.ciphertext_blob, own.clone(), None);
    assert_eq!(code(world.control.decrypt(&node, request).await), ErrorCode::InvalidCiphertextException);
    let unknown = context("jane-none", machine.node_id.as_str());
    assert_eq!(code(world.control.decrypt(&node, decrypt(blob, unknown, None)).await), denied);
    assert_eq!(code(world.control.generate_data_key(&node, generate(&key, own)).await), denied);
}

#[tokio::test]
async fn the_services_own_key_is_there_when_it_is_named_and_stays() {
    let mut world = World::new().await;
    let admin = world.kms_admin().await;
    let made = world.control.generate_data_key(&admin, generate("alias/aws/ssm", BTreeMap::new())).await.unwrap();
    world.restart().await;
    let request = DescribeKeyRequest { key_id: KeyName::new("alias/aws/ssm"), grant_tokens: Vec::new() };
    let described = world.control.describe_key(&admin, request).await.unwrap().key_metadata;
    assert_eq!((described.arn, described.key_manager), (made.key_id.clone(), KeyManager::Aws));
    let opened = world.control.decrypt(&admin, decrypt(&made.ciphertext_blob, BTreeMap::new(), None)).await.unwrap();
    assert_eq!(opened.plaintext, made.plaintext);
    let listed = world.control.list_keys(&admin, ListKeysRequest::default()).await.unwrap();
    assert_eq!((listed.keys.len(), listed.truncated), (1, false));
    assert_eq!(listed.keys[0].key_arn, made.key_id);
}

#[tokio::test]
async fn keys_and_aliases_come_in_pages() {
    let world = World::new().await;
    let admin = world.kms_admin().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = world.key(&format!("key {number}")).await.key_id;
        for kind in ["a", "b"] {
            let request = CreateAliasRequest {
                alias_name: format!("alias/{kind}-{number}").parse().unwrap(),
                target_key_id: KeyName::new(id.to_string()),
            };
            world.control.create_alias(&admin, request).await.unwrap();
        }
        ids.push(id);
    }
    let wanted = KeyName::new(ids[3].to_string());
    ids.sort();
    let (mut seen, mut marker, mut pages) = (Vec::new(), None, 0);
    loop {
        let request = ListKeysRequest { limit: Some(2), marker };
        let page = world.control.list_keys(&admin, request).await.unwrap();
        seen.extend(page.keys.into_iter().map(|key| key.key_id));
        pages += 1;
        assert_eq!(page.truncated, page.next_marker.is_some());
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (ids, 3));

    let list = async |request| world.control.list_aliases(&admin, request).await;
    let first = list(ListAliasesRequest { limit: Some(9), ..Default::default() }).await.unwrap();
    assert_eq!((first.aliases.len(), first.truncated), (9, true));
    assert_eq!(first.aliases[0].alias_name.as_str(), "alias/a-0");
    let rest = list(ListAliasesRequest { marker: first.next_marker.clone(), ..Default::default() }).await.unwrap();
    assert_eq!((rest.aliases.len(), rest.truncated), (1, false));
    let of_one = list(ListAliasesRequest { key_id: Some(wanted), ..Default::default() }).await.unwrap();
    assert_eq!(of_one.aliases.len(), 2);
    let bad = list(ListAliasesRequest { marker: Some("made up".to_owned()), ..Default::default() }).await;
    assert_eq!(code(bad), ErrorCode::InvalidMarkerException);
    let request = ListKeysRequest { marker: first.next_marker, ..Default::default() };
    assert_eq!(code(world.control.list_keys(&admin, request).await), ErrorCode::InvalidMarkerException);
}
