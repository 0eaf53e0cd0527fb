//! Promises about documents.

use postern_iam::DocumentName;
use postern_model::document::{
    DocumentFormat, DocumentType, DocumentVersion, NamedVersion, ParameterSummary, PlatformType, SharedVersion, Sharer,
    Summary,
};

use super::fixture::{NOW, scope, tag};
use crate::{
    AddVersion, CreateDocument, DeleteDocument, Deletion, DocumentFilter, DocumentRecord, DocumentUpdate, FindDocument,
    NewDocument, NewVersion, SetDefaultVersion, Share, ShareDocument, Store, VersionRecord,
};

const MANY: u32 = 100;

pub(super) fn name(text: &str) -> DocumentName {
    text.parse().expect("a document's name")
}

fn new_version(number: u8) -> NewVersion {
    NewVersion {
        version_name: None,
        display_name: None,
        format: DocumentFormat::Json,
        content: format!("{{\"number\": {number}}}"),
        content_hash: [number; 32],
        summary: Summary {
            schema_version: "1.0".to_owned(),
            description: Some(format!("version {number}")),
            parameters: vec![ParameterSummary {
                name: "command".to_owned(),
                parameter_type: "String".to_owned(),
                description: None,
                default_value: Some("id".to_owned()),
            }],
            platform_types: vec![PlatformType::Linux, PlatformType::MacOs],
        },
        created_at: NOW + u64::from(number),
    }
}

pub(super) fn new_document(text: &str) -> NewDocument {
    NewDocument {
        name: name(text),
        document_type: DocumentType::Session,
        target_type: None,
        tags: Vec::new(),
        version: new_version(1),
    }
}

pub(super) async fn create(store: &dyn Store, document: NewDocument) {
    let created = store.create_document(&scope(), document, MANY).await.expect("writes");
    assert!(matches!(created, CreateDocument::Created(_)), "{created:?}");
}

async fn add(store: &dyn Store, document: &str, version: NewVersion) -> AddVersion {
    let update = DocumentUpdate { document_type: DocumentType::Session, latest: None, target_type: None };
    store.add_document_version(&scope(), &name(document), update, version, MANY).await.expect("writes")
}

async fn added(store: &dyn Store, document: &str, number: u8) -> DocumentRecord {
    match add(store, document, new_version(number)).await {
        AddVersion::Added(record) => *record,
        other => panic!("version {number} should be added: {other:?}"),
    }
}

fn numbered(version: DocumentVersion) -> NamedVersion {
    NamedVersion { document_version: Some(version), version_name: None }
}

fn called(version_name: &str) -> NamedVersion {
    NamedVersion { document_version: None, version_name: Some(version_name.to_owned()) }
}

async fn find(store: &dyn Store, document: &str, version: &NamedVersion) -> FindDocument {
    store.document(&scope(), &name(document), version).await.expect("reads")
}

async fn number(store: &dyn Store, document: &str, version: &NamedVersion) -> Option<u32> {
    match find(store, document, version).await {
        FindDocument::Found(record, _) => Some(record.version.number),
        FindDocument::VersionUnknown | FindDocument::Unknown => None,
    }
}

async fn delete_version(store: &dyn Store, document: &str, version: u32) -> DeleteDocument {
    let what = Deletion::Version(numbered(DocumentVersion::Number(version)));
    store.delete_document(&scope(), &name(document), what).await.expect("writes")
}

pub(super) async fn a_document_is_kept_as_it_is(store: &dyn Store) {
    let version = NewVersion {
        version_name: Some("first".to_owned()),
        display_name: Some("The first".to_owned()),
        format: DocumentFormat::Yaml,
        content: "a: ä\r\n\n".to_owned(),
        ..new_version(1)
    };
    let document = NewDocument {
        document_type: DocumentType::Command,
        target_type: Some("/AWS::EC2::Instance".to_owned()),
        tags: vec![tag("team", "web"), tag("env", "prod")],
        version: version.clone(),
        ..new_document("Hello")
    };
    create(store, document).await;
    let expected = DocumentRecord {
        name: name("Hello"),
        document_type: DocumentType::Command,
        target_type: Some("/AWS::EC2::Instance".to_owned()),
        tags: vec![tag("env", "prod"), tag("team", "web")],
        latest_version: 1,
        default_version: 1,
        version: VersionRecord {
            number: 1,
            version_name: version.version_name,
            display_name: version.display_name,
            format: version.format,
            content_hash: version.content_hash,
            summary: version.summary,
            created_at: version.created_at,
        },
    };
    let found = find(store, "Hello", &NamedVersion::default()).await;
    assert_eq!(found, FindDocument::Found(Box::new(expected.clone()), version.content), "byte for byte");
    let listed = store.documents_page(&scope(), &[], None, 50).await.expect("reads");
    assert_eq!(listed, [expected]);
    assert_eq!(find(store, "Hallo", &NamedVersion::default()).await, FindDocument::Unknown);
    assert_eq!(find(store, "hello", &NamedVersion::default()).await, FindDocument::Unknown, "names have a case");
}

pub(super) async fn a_name_is_taken_once_and_the_scope_is_not_endless(store: &dyn Store) {
    let create = async |text| store.create_document(&scope(), new_document(text), 2).await.expect("writes");
    let (one, other) = futures_util::future::join(create("Hello"), create("Hello")).await;
    let taken = [&one, &other].iter().filter(|answer| ***answer == CreateDocument::NameTaken).count();
    assert_eq!(taken, 1, "{one:?}, {other:?}");
    assert!(matches!(create("World").await, CreateDocument::Created(_)));
    assert_eq!(create("Third").await, CreateDocument::Full(2));
    assert_eq!(create("Hello").await, CreateDocument::NameTaken, "said before that there are too many");
}

pub(super) async fn versions_are_added_and_found_by_number_and_name(store: &dyn Store) {
    create(store, new_document("Hello")).await;
    let second = NewVersion { version_name: Some("two".to_owned()), ..new_version(2) };
    assert!(matches!(add(store, "Hello", second).await, AddVersion::Added(_)));
    let third = added(store, "Hello", 3).await;
    assert_eq!((third.version.number, third.latest_version, third.default_version), (3, 3, 1));
    for (version, expected) in [
        (NamedVersion::default(), Some(1)),
        (numbered(DocumentVersion::Default), Some(1)),
        (numbered(DocumentVersion::Latest), Some(3)),
        (numbered(DocumentVersion::Number(2)), Some(2)),
        (numbered(DocumentVersion::Number(4)), None),
        (numbered(DocumentVersion::Number(u32::MAX)), None),
        (called("two"), Some(2)),
        (called("Two"), None),
        (NamedVersion { document_version: Some(DocumentVersion::Number(2)), ..called("two") }, Some(2)),
        (NamedVersion { document_version: Some(DocumentVersion::Latest), ..called("two") }, None),
    ] {
        assert_eq!(number(store, "Hello", &version).await, expected, "{version:?}");
    }
    let unknown = find(store, "Hello", &numbered(DocumentVersion::Number(4))).await;
    assert_eq!(unknown, FindDocument::VersionUnknown);
    match find(store, "Hello", &called("two")).await {
        FindDocument::Found(_, content) => assert_eq!(content, "{\"number\": 2}"),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn only_what_is_new_becomes_a_version(store: &dyn Store) {
    let first =
        NewVersion { version_name: Some("one".to_owned()), display_name: Some("Hello".to_owned()), ..new_version(1) };
    let document = NewDocument { target_type: Some("/".to_owned()), version: first, ..new_document("Hello") };
    create(store, document).await;
    assert_eq!(add(store, "Hallo", new_version(2)).await, AddVersion::Unknown);
    let command = NewDocument { document_type: DocumentType::Command, ..new_document("Halloo") };
    create(store, command).await;
    assert_eq!(add(store, "Halloo", new_version(2)).await, AddVersion::Unknown, "it is no Session document");
    assert_eq!(add(store, "Hello", new_version(1)).await, AddVersion::SameContent);
    let named = NewVersion { version_name: Some("one".to_owned()), ..new_version(2) };
    assert_eq!(add(store, "Hello", named).await, AddVersion::VersionNameTaken);
    let in_yaml = NewVersion { format: DocumentFormat::Yaml, ..new_version(1) };
    let AddVersion::Added(second) = add(store, "Hello", in_yaml).await else { panic!("another form is new") };
    assert_eq!((second.version.display_name.as_deref(), second.target_type.as_deref()), (Some("Hello"), Some("/")));

    let update = async |latest, number, max| {
        let update = DocumentUpdate {
            document_type: DocumentType::Session,
            latest: Some(latest),
            target_type: Some("/AWS::S3::Bucket".to_owned()),
        };
        let version = new_version(number);
        store.add_document_version(&scope(), &name("Hello"), update, version, max).await.expect("writes")
    };
    assert_eq!(update(DocumentVersion::Number(1), 3, MANY).await, AddVersion::NotLatest);
    assert_eq!(update(DocumentVersion::Default, 3, MANY).await, AddVersion::NotLatest);
    assert_eq!(update(DocumentVersion::Latest, 3, 2).await, AddVersion::Full(2));
    let AddVersion::Added(third) = update(DocumentVersion::Number(2), 3, MANY).await else {
        panic!("it is the latest")
    };
    assert_eq!(third.target_type.as_deref(), Some("/AWS::S3::Bucket"));
    let listed = store.document_versions_page(&scope(), &name("Hello"), None, 50).await.expect("reads");
    assert_eq!(listed.expect("is there").len(), 3, "what was refused left nothing");
}

pub(super) async fn the_default_version_is_chosen_and_stays(store: &dyn Store) {
    create(store, new_document("Hello")).await;
    added(store, "Hello", 2).await;
    added(store, "Hello", 3).await;
    let set = async |document: &str, version| {
        store.set_default_version(&scope(), &name(document), version).await.expect("writes")
    };
    let SetDefaultVersion::Set(record) = set("Hello", 2).await else { panic!("there is a version 2") };
    assert_eq!((record.version.number, record.default_version, record.latest_version), (2, 2, 3));
    assert_eq!(set("Hello", 9).await, SetDefaultVersion::VersionUnknown);
    assert_eq!(set("Hallo", 1).await, SetDefaultVersion::Unknown);
    assert_eq!(number(store, "Hello", &NamedVersion::default()).await, Some(2));
    let listed = store.documents_page(&scope(), &[], None, 50).await.expect("reads");
    assert_eq!(listed[0].version.summary.description.as_deref(), Some("version 2"));
}

pub(super) async fn a_deleted_version_is_gone_and_its_number_too(store: &dyn Store) {
    create(store, new_document("Hello")).await;
    added(store, "Hello", 2).await;
    added(store, "Hello", 3).await;
    assert_eq!(delete_version(store, "Hello", 1).await, DeleteDocument::IsDefault);
    assert_eq!(delete_version(store, "Hello", 4).await, DeleteDocument::VersionUnknown);
    assert_eq!(delete_version(store, "Hallo", 1).await, DeleteDocument::Unknown);
    assert_eq!(delete_version(store, "Hello", 3).await, DeleteDocument::Deleted);
    assert_eq!(number(store, "Hello", &numbered(DocumentVersion::Latest)).await, Some(2));
    assert_eq!(added(store, "Hello", 4).await.version.number, 4, "a number is given once");

    let everything = async |text: &str, force| {
        store.delete_document(&scope(), &name(text), Deletion::Document { force }).await.expect("writes")
    };
    assert_eq!(everything("Hello", false).await, DeleteDocument::Deleted);
    assert_eq!(everything("Hello", false).await, DeleteDocument::Unknown);
    assert_eq!(find(store, "Hello", &NamedVersion::default()).await, FindDocument::Unknown);
    create(store, new_document("Hello")).await;
    assert_eq!(number(store, "Hello", &numbered(DocumentVersion::Latest)).await, Some(1), "a new one begins anew");
    assert_eq!(store.document_versions_page(&scope(), &name("Gone"), None, 5).await.expect("reads"), None);
}

pub(super) async fn documents_are_listed_by_name_in_pages_and_by_filters(store: &dyn Store) {
    for (text, document_type, platforms, target_type, tags) in [
        ("web-restart", DocumentType::Command, vec![PlatformType::Linux], Some("/"), vec![tag("env", "prod")]),
        ("Web-Shell", DocumentType::Session, vec![PlatformType::Linux, PlatformType::Windows], None, vec![]),
        (
            "db-shell",
            DocumentType::Session,
            vec![PlatformType::MacOs],
            Some("/AWS::RDS::DBInstance"),
            vec![tag("env", "test")],
        ),
        ("a_b", DocumentType::Session, vec![], None, vec![tag("other", "prod")]),
    ] {
        let mut version = new_version(1);
        version.summary.platform_types = platforms;
        let target_type = target_type.map(str::to_owned);
        create(store, NewDocument { document_type, target_type, tags, version, ..new_document(text) }).await;
    }
    let page = async |filters: &[DocumentFilter], after: Option<&str>, limit| {
        let after = after.map(name);
        let records = store.documents_page(&scope(), filters, after.as_ref(), limit).await.expect("reads");
        records.into_iter().map(|record| record.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(page(&[], None, 50).await, "Web-Shell a_b db-shell web-restart", "in the order of bytes");
    assert_eq!(page(&[], None, 2).await, "Web-Shell a_b");
    assert_eq!(page(&[], Some("a_b"), 2).await, "db-shell web-restart");
    assert_eq!(page(&[], Some("bbb"), 1).await, "db-shell", "the last one shown may be gone");
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    for (filters, expected) in [
        (vec![DocumentFilter::NamePrefixes(texts(&["web", "a_"]))], "a_b web-restart"),
        (vec![DocumentFilter::NamePrefixes(texts(&["%"]))], ""),
        (vec![DocumentFilter::NamePrefixes(Vec::new())], ""),
        (vec![DocumentFilter::Types(vec![DocumentType::Command])], "web-restart"),
        (vec![DocumentFilter::Platforms(vec![PlatformType::Linux])], "Web-Shell web-restart"),
        (vec![DocumentFilter::Platforms(vec![PlatformType::Windows, PlatformType::MacOs])], "Web-Shell db-shell"),
        (vec![DocumentFilter::TargetTypes(texts(&["/", "/AWS::RDS::DBInstance"]))], "db-shell web-restart"),
        (vec![DocumentFilter::Tag("env".to_owned(), texts(&["prod", "stage"]))], "web-restart"),
        (
            vec![
                DocumentFilter::Platforms(vec![PlatformType::Linux]),
                DocumentFilter::Types(vec![DocumentType::Session]),
            ],
            "Web-Shell",
        ),
    ] {
        assert_eq!(page(&filters, None, 50).await, expected, "{filters:?}");
    }
    for number in 2..=5 {
        added(store, "a_b", number).await;
    }
    let versions = async |before, limit| {
        let page = store.document_versions_page(&scope(), &name("a_b"), before, limit).await.expect("reads");
        page.expect("is there").iter().map(|record| record.version.number).collect::<Vec<_>>()
    };
    assert_eq!(versions(None, 50).await, [5, 4, 3, 2, 1]);
    assert_eq!(versions(Some(4), 2).await, [3, 2]);
    assert_eq!(versions(Some(1), 2).await, [0_u32; 0]);
}

pub(super) async fn a_shared_document_is_not_deleted_by_mistake(store: &dyn Store) {
    let account = |number: u64| Sharer::from_name(&format!("{number:012}")).expect("an account");
    let with = |sharer: Sharer| Share { with: sharer, version: SharedVersion::Default };
    create(store, new_document("Hello")).await;
    let share = async |add: Vec<Share>, remove: Vec<Sharer>, max| {
        store.share_document(&scope(), &name("Hello"), add, remove, max).await.expect("writes")
    };
    let shares = async |after: Option<Sharer>, limit| {
        store
            .document_shares_page(&scope(), &name("Hello"), after.as_ref(), limit)
            .await
            .expect("reads")
            .expect("is there")
    };
    assert_eq!(
        share(vec![with(account(2)), with(account(1)), with(Sharer::All)], vec![], 3).await,
        ShareDocument::Done
    );
    assert_eq!(share(vec![with(account(3))], vec![], 3).await, ShareDocument::Full);
    assert_eq!(share(vec![with(account(3))], vec![account(1)], 3).await, ShareDocument::Done, "one comes, one goes");
    assert_eq!(share(vec![with(account(4))], vec![account(4)], 3).await, ShareDocument::Done, "removing wins");
    let latest = Share { with: account(2), version: SharedVersion::Latest };
    assert_eq!(share(vec![latest.clone()], vec![], 3).await, ShareDocument::Done);
    assert_eq!(shares(None, 2).await, [latest, with(account(3))]);
    assert_eq!(shares(Some(account(3)), 2).await, [with(Sharer::All)]);
    let shared = async |is| {
        let filter = [DocumentFilter::Public(is)];
        store.documents_page(&scope(), &filter, None, 50).await.expect("reads").len()
    };
    assert_eq!((shared(true).await, shared(false).await), (1, 0));

    let delete = async |force| {
        store.delete_document(&scope(), &name("Hello"), Deletion::Document { force }).await.expect("writes")
    };
    assert_eq!(delete(false).await, DeleteDocument::Shared);
    assert_eq!(delete(true).await, DeleteDocument::Deleted);
    create(store, new_document("Hello")).await;
    assert_eq!(shares(None, 50).await, [], "what hung on the old one is gone");
    assert_eq!((shared(true).await, shared(false).await), (0, 1));
    let nobody = store.share_document(&scope(), &name("Gone"), vec![], vec![], 3).await.expect("writes");
    assert_eq!(nobody, ShareDocument::Unknown);
    assert_eq!(store.document_shares_page(&scope(), &name("Gone"), None, 5).await.expect("reads"), None);
}
