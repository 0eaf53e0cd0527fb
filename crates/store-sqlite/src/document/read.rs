//! Reading documents: one version, a page of documents, a page of versions.

use std::collections::BTreeMap;

use postern_iam::DocumentName;
use postern_model::document::{DocumentFormat, DocumentType, DocumentVersion, NamedVersion};
use postern_store::{DocumentFilter, DocumentRecord, FindDocument, Scope, Tag, VersionRecord};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::query::{Select, scoped};
use crate::row::{bytes, corrupt, count, get, millis, parse};
use crate::writer::Failure;

/// Every column of a record but the newest version's number.
const COLUMNS: &str = "SELECT document.name, document_type, target_type, default_version, version, version_name, \
                       display_name, format, content_hash, summary, created_at";
const NEWEST: &str = "(SELECT MAX(newest.version) FROM document_version AS newest \
                      WHERE newest.account = document.account AND newest.region = document.region \
                      AND newest.name = document.name)";
const FROM: &str = " FROM document JOIN document_version ON document_version.account = document.account \
                    AND document_version.region = document.region AND document_version.name = document.name \
                    WHERE document.account = ";

/// A SELECT of records, and of their texts only where they are needed.
fn records(with_content: bool) -> Select {
    let select = Select::new(COLUMNS).text(", ").text(NEWEST).text(" AS latest_version");
    if with_content { select.text(", content") } else { select }
}

/// One version and its text.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    version: &NamedVersion,
) -> Result<FindDocument, Failure> {
    let mut select = named(records(true), scope, name)?;
    if let Some(version_name) = &version.version_name {
        select = select.text(" AND version_name = ").bind(version_name)?;
    }
    select = match (version.document_version, &version.version_name) {
        (None, Some(_)) => select,
        (None | Some(DocumentVersion::Default), _) => select.text(" AND version = default_version"),
        (Some(DocumentVersion::Number(number)), _) => select.text(" AND version = ").bind_number(number.into())?,
        (Some(DocumentVersion::Latest), _) => select.text(" AND version = ").text(NEWEST),
    };
    let rows = select.fetch_all_on(connection).await?;
    let Some(row) = rows.first() else {
        let known = exists(connection, scope, name).await?;
        return Ok(if known { FindDocument::VersionUnknown } else { FindDocument::Unknown });
    };
    let mut record = record(row)?;
    record.tags = tags(connection, scope, std::slice::from_ref(name)).await?.remove(name).unwrap_or_default();
    Ok(FindDocument::Found(Box::new(record), get(row, "content")?))
}

/// The same, without its text, of a version that is known to be there.
pub(super) async fn version(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    number: u32,
) -> Result<Option<DocumentRecord>, Failure> {
    let version = NamedVersion { document_version: Some(DocumentVersion::Number(number)), version_name: None };
    match find(connection, scope, name, &version).await? {
        FindDocument::Found(record, _) => Ok(Some(*record)),
        FindDocument::VersionUnknown | FindDocument::Unknown => Ok(None),
    }
}

pub(super) async fn exists(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
) -> Result<bool, Failure> {
    let row = scoped("SELECT 1 FROM document WHERE account = $1 AND region = $2 AND name = $3", scope)
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Documents by name, each with its default version.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    scope: &Scope,
    filters: &[DocumentFilter],
    after: Option<&DocumentName>,
    limit: u32,
) -> Result<Vec<DocumentRecord>, Failure> {
    let mut select = in_scope(records(false), scope)?.text(" AND version = default_version");
    for filter in filters {
        select = narrow(select, filter)?;
    }
    if let Some(after) = after {
        select = select.text(" AND document.name > ").bind(after.as_str())?;
    }
    select = select.text(" ORDER BY document.name LIMIT ").bind_number(limit.into())?;
    let rows = select.fetch_all_on(connection).await?;
    let mut records = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = records.iter().map(|record| record.name.clone()).collect();
    let mut tags = tags(connection, scope, &names).await?;
    for record in &mut records {
        record.tags = tags.remove(&record.name).unwrap_or_default();
    }
    Ok(records)
}

/// A document's versions, newest first.
pub(super) async fn versions(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    before: Option<u32>,
    limit: u32,
) -> Result<Option<Vec<DocumentRecord>>, Failure> {
    if !exists(connection, scope, name).await? {
        return Ok(None);
    }
    let mut select = named(records(false), scope, name)?;
    if let Some(before) = before {
        select = select.text(" AND version < ").bind_number(before.into())?;
    }
    select = select.text(" ORDER BY version DESC LIMIT ").bind_number(limit.into())?;
    let rows = select.fetch_all_on(connection).await?;
    Ok(Some(rows.iter().map(record).collect::<Result<_, _>>()?))
}

fn in_scope(select: Select, scope: &Scope) -> Result<Select, Failure> {
    select.text(FROM).bind(scope.account.as_str())?.text(" AND document.region = ").bind(scope.region.as_str())
}

fn named(select: Select, scope: &Scope, name: &DocumentName) -> Result<Select, Failure> {
    in_scope(select, scope)?.text(" AND document.name = ").bind(name.as_str())
}

fn narrow(mut select: Select, filter: &DocumentFilter) -> Result<Select, Failure> {
    const TAGGED: &str = " AND EXISTS (SELECT 1 FROM document_tag WHERE document_tag.account = document.account \
                          AND document_tag.region = document.region AND document_tag.name = document.name \
                          AND tag_key = ";
    const PUBLIC: &str = "EXISTS (SELECT 1 FROM document_share WHERE document_share.account = document.account \
                          AND document_share.region = document.region AND document_share.name = document.name \
                          AND shared_with = 'all')";
    match filter {
        DocumentFilter::NamePrefixes(prefixes) => {
            select = select.text(" AND (1 = 0");
            for prefix in prefixes {
                select = select.text(" OR ").begins("document.name", prefix)?;
            }
            Ok(select.text(")"))
        }
        DocumentFilter::Types(types) => {
            select.and_in("document_type", &types.iter().map(|kind| kind.as_str().to_owned()).collect::<Vec<_>>())
        }
        DocumentFilter::Platforms(platforms) => {
            select = select.text(" AND (1 = 0");
            for platform in platforms {
                select = select.text(" OR platform_types LIKE ").bind(&format!("% {platform} %"))?;
            }
            Ok(select.text(")"))
        }
        DocumentFilter::TargetTypes(types) => select.and_in("target_type", types),
        DocumentFilter::Tag(key, values) => Ok(select.text(TAGGED).bind(key)?.and_in("tag_value", values)?.text(")")),
        DocumentFilter::Public(true) => Ok(select.text(" AND ").text(PUBLIC)),
        DocumentFilter::Public(false) => Ok(select.text(" AND NOT ").text(PUBLIC)),
    }
}

/// The tags of these documents, by key.
pub(super) async fn tags(
    connection: &mut SqliteConnection,
    scope: &Scope,
    names: &[DocumentName],
) -> Result<BTreeMap<DocumentName, Vec<Tag>>, Failure> {
    let names: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
    let select = Select::scoped("SELECT name, tag_key, tag_value FROM document_tag WHERE account = ", scope)?
        .and_in("name", &names)?
        .text(" ORDER BY tag_key");
    let mut tags: BTreeMap<DocumentName, Vec<Tag>> = BTreeMap::new();
    for row in select.fetch_all_on(connection).await? {
        let tag = Tag { key: get(&row, "tag_key")?, value: get(&row, "tag_value")? };
        tags.entry(parse(&row, "name")?).or_default().push(tag);
    }
    Ok(tags)
}

fn record(row: &SqliteRow) -> Result<DocumentRecord, Failure> {
    let document_type: &str = get(row, "document_type")?;
    let format: &str = get(row, "format")?;
    Ok(DocumentRecord {
        name: parse(row, "name")?,
        document_type: DocumentType::from_name(document_type)
            .ok_or_else(|| corrupt("document_type", "not a type of documents"))?,
        target_type: get(row, "target_type")?,
        tags: Vec::new(),
        latest_version: count(row, "latest_version")?,
        default_version: count(row, "default_version")?,
        version: VersionRecord {
            number: count(row, "version")?,
            version_name: get(row, "version_name")?,
            display_name: get(row, "display_name")?,
            format: DocumentFormat::from_name(format).ok_or_else(|| corrupt("format", "not a form of documents"))?,
            content_hash: bytes(row, "content_hash")?,
            summary: serde_json::from_str(get(row, "summary")?).map_err(|error| corrupt("summary", error))?,
            created_at: millis(row, "created_at")?,
        },
    })
}
