//! What hangs on a document: with whom it is shared, and its tags. Whether it would be too much is known before anything
//! is written, because what an act has written stays.

use std::collections::BTreeMap;

use postern_iam::DocumentName;
use postern_model::document::{SharedVersion, Sharer};
use postern_store::{Scope, Share, ShareDocument, Tag};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::read;
use crate::query::{Select, scoped};
use crate::row::{corrupt, get};
use crate::writer::Failure;

pub(super) async fn share(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    add: &[Share],
    remove: &[Sharer],
    max: u32,
) -> Result<ShareDocument, Failure> {
    let Some(before) = page(connection, scope, name, None, u32::MAX).await? else { return Ok(ShareDocument::Unknown) };
    let before: BTreeMap<_, _> = before.into_iter().map(|share| (share.with, share.version)).collect();
    let mut after = before.clone();
    after.extend(add.iter().map(|share| (share.with.clone(), share.version)));
    after.retain(|sharer, _| !remove.contains(sharer));
    if after.len() > before.len() && exceeds(after.len(), max) {
        return Ok(ShareDocument::Full);
    }
    for sharer in before.keys().filter(|sharer| !after.contains_key(*sharer)) {
        scoped(
            "DELETE FROM document_share WHERE account = $1 AND region = $2 AND name = $3 AND shared_with = $4",
            scope,
        )
        .bind(name.as_str())
        .bind(sharer.as_str())
        .execute(&mut *connection)
        .await?;
    }
    for (sharer, version) in after.iter().filter(|(sharer, version)| before.get(*sharer) != Some(version)) {
        scoped(
            "INSERT INTO document_share (account, region, name, shared_with, shared_version) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, region, name, shared_with) \
             DO UPDATE SET shared_version = excluded.shared_version",
            scope,
        )
        .bind(name.as_str())
        .bind(sharer.as_str())
        .bind(version.as_str())
        .execute(&mut *connection)
        .await?;
    }
    Ok(ShareDocument::Done)
}

pub(super) async fn page(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    after: Option<&Sharer>,
    limit: u32,
) -> Result<Option<Vec<Share>>, Failure> {
    if !read::exists(connection, scope, name).await? {
        return Ok(None);
    }
    let mut select = Select::scoped("SELECT shared_with, shared_version FROM document_share WHERE account = ", scope)?
        .text(" AND name = ")
        .bind(name.as_str())?;
    if let Some(after) = after {
        select = select.text(" AND shared_with > ").bind(after.as_str())?;
    }
    select = select.text(" ORDER BY shared_with LIMIT ").bind_number(limit.into())?;
    let rows = select.fetch_all_on(connection).await?;
    Ok(Some(rows.iter().map(record).collect::<Result<_, _>>()?))
}

pub(super) async fn is_shared(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
) -> Result<bool, Failure> {
    Ok(page(connection, scope, name, None, 1).await?.is_some_and(|shares| !shares.is_empty()))
}

/// Puts one tag on a document, in place of one with the same key.
pub(super) async fn put_tag(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    tag: &Tag,
) -> Result<(), Failure> {
    scoped(
        "INSERT INTO document_tag (account, region, name, tag_key, tag_value) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (account, region, name, tag_key) DO UPDATE SET tag_value = excluded.tag_value",
        scope,
    )
    .bind(name.as_str())
    .bind(&tag.key)
    .bind(&tag.value)
    .execute(connection)
    .await?;
    Ok(())
}

fn exceeds(count: usize, max: u32) -> bool {
    u32::try_from(count).is_ok_and(|count| count > max)
}

fn record(row: &SqliteRow) -> Result<Share, Failure> {
    let with: &str = get(row, "shared_with")?;
    let version: &str = get(row, "shared_version")?;
    Ok(Share {
        with: Sharer::from_name(with).ok_or_else(|| corrupt("shared_with", "neither an account nor all"))?,
        version: SharedVersion::from_name(version).ok_or_else(|| corrupt("shared_version", "not a version"))?,
    })
}
