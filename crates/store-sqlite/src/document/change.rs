//! Changing documents. Each function is one act, inside the writer's transaction.

use postern_iam::DocumentName;
use postern_model::document::{DocumentVersion, NamedVersion};
use postern_store::{
    AddVersion, CreateDocument, DeleteDocument, Deletion, DocumentRecord, DocumentUpdate, FindDocument, NewDocument,
    NewVersion, Scope, SetDefaultVersion,
};
use sqlx::SqliteConnection;

use super::{read, share};
use crate::query::scoped;
use crate::row::{at, corrupt, count};
use crate::writer::Failure;

pub(super) async fn create(
    connection: &mut SqliteConnection,
    scope: &Scope,
    document: &NewDocument,
    max: u32,
) -> Result<CreateDocument, Failure> {
    let name = &document.name;
    if read::exists(connection, scope, name).await? {
        return Ok(CreateDocument::NameTaken);
    }
    let row = scoped("SELECT COUNT(*) AS documents FROM document WHERE account = $1 AND region = $2", scope)
        .fetch_one(&mut *connection)
        .await?;
    let documents = count(&row, "documents")?;
    if documents >= max {
        return Ok(CreateDocument::Full(documents));
    }
    scoped(
        "INSERT INTO document (account, region, name, document_type, target_type, default_version, versions_made) \
         VALUES ($1, $2, $3, $4, $5, 1, 1)",
        scope,
    )
    .bind(name.as_str())
    .bind(document.document_type.as_str())
    .bind(document.target_type.as_deref())
    .execute(&mut *connection)
    .await?;
    insert_version(connection, scope, name, 1, &document.version).await?;
    for tag in &document.tags {
        share::put_tag(connection, scope, name, tag).await?;
    }
    Ok(CreateDocument::Created(Box::new(written(connection, scope, name, 1).await?)))
}

pub(super) async fn add_version(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    update: &DocumentUpdate,
    version: &NewVersion,
    max: u32,
) -> Result<AddVersion, Failure> {
    let latest = NamedVersion { document_version: Some(DocumentVersion::Latest), version_name: None };
    let FindDocument::Found(latest, content) = read::find(connection, scope, name, &latest).await? else {
        return Ok(AddVersion::Unknown);
    };
    if latest.document_type != update.document_type {
        return Ok(AddVersion::Unknown);
    }
    let is_latest = match update.latest {
        None | Some(DocumentVersion::Latest) => true,
        Some(DocumentVersion::Default) => latest.default_version == latest.latest_version,
        Some(DocumentVersion::Number(number)) => number == latest.latest_version,
    };
    if !is_latest {
        return Ok(AddVersion::NotLatest);
    }
    if content == version.content && latest.version.format == version.format {
        return Ok(AddVersion::SameContent);
    }
    if let Some(version_name) = &version.version_name {
        let same = NamedVersion { document_version: None, version_name: Some(version_name.clone()) };
        if matches!(read::find(connection, scope, name, &same).await?, FindDocument::Found(..)) {
            return Ok(AddVersion::VersionNameTaken);
        }
    }
    let row = scoped(
        "SELECT COUNT(*) AS versions, (SELECT versions_made FROM document WHERE account = $1 AND region = $2 \
         AND name = $3) AS versions_made FROM document_version WHERE account = $1 AND region = $2 AND name = $3",
        scope,
    )
    .bind(name.as_str())
    .fetch_one(&mut *connection)
    .await?;
    let versions = count(&row, "versions")?;
    if versions >= max {
        return Ok(AddVersion::Full(versions));
    }
    let number = count(&row, "versions_made")?.saturating_add(1);
    scoped(
        "UPDATE document SET versions_made = $4, target_type = coalesce($5, target_type) \
         WHERE account = $1 AND region = $2 AND name = $3",
        scope,
    )
    .bind(name.as_str())
    .bind(number)
    .bind(update.target_type.as_deref())
    .execute(&mut *connection)
    .await?;
    let display_name = version.display_name.clone().or(latest.version.display_name);
    let version = NewVersion { display_name, ..version.clone() };
    insert_version(connection, scope, name, number, &version).await?;
    Ok(AddVersion::Added(Box::new(written(connection, scope, name, number).await?)))
}

pub(super) async fn set_default(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    number: u32,
) -> Result<SetDefaultVersion, Failure> {
    if read::version(connection, scope, name, number).await?.is_none() {
        let known = read::exists(connection, scope, name).await?;
        return Ok(if known { SetDefaultVersion::VersionUnknown } else { SetDefaultVersion::Unknown });
    }
    scoped("UPDATE document SET default_version = $4 WHERE account = $1 AND region = $2 AND name = $3", scope)
        .bind(name.as_str())
        .bind(number)
        .execute(&mut *connection)
        .await?;
    Ok(SetDefaultVersion::Set(Box::new(written(connection, scope, name, number).await?)))
}

pub(super) async fn delete(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    what: &Deletion,
) -> Result<DeleteDocument, Failure> {
    let delete = match what {
        Deletion::Document { force } => {
            if !read::exists(connection, scope, name).await? {
                return Ok(DeleteDocument::Unknown);
            }
            if !force && share::is_shared(connection, scope, name).await? {
                return Ok(DeleteDocument::Shared);
            }
            scoped("DELETE FROM document WHERE account = $1 AND region = $2 AND name = $3", scope).bind(name.as_str())
        }
        Deletion::Version(version) => {
            let record = match read::find(connection, scope, name, version).await? {
                FindDocument::Found(record, _) => record,
                FindDocument::VersionUnknown => return Ok(DeleteDocument::VersionUnknown),
                FindDocument::Unknown => return Ok(DeleteDocument::Unknown),
            };
            if record.version.number == record.default_version {
                return Ok(DeleteDocument::IsDefault);
            }
            scoped(
                "DELETE FROM document_version WHERE account = $1 AND region = $2 AND name = $3 AND version = $4",
                scope,
            )
            .bind(name.as_str())
            .bind(record.version.number)
        }
    };
    delete.execute(connection).await?;
    Ok(DeleteDocument::Deleted)
}

async fn insert_version(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    number: u32,
    version: &NewVersion,
) -> Result<(), Failure> {
    let platforms: String = version.summary.platform_types.iter().map(|platform| format!(" {platform} ")).collect();
    scoped(
        "INSERT INTO document_version (account, region, name, version, version_name, display_name, format, content, \
         content_hash, summary, platform_types, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        scope,
    )
    .bind(name.as_str())
    .bind(number)
    .bind(version.version_name.as_deref())
    .bind(version.display_name.as_deref())
    .bind(version.format.as_str())
    .bind(&version.content)
    .bind(&version.content_hash[..])
    .bind(serde_json::to_string(&version.summary).map_err(|error| corrupt("summary", error))?)
    .bind(platforms)
    .bind(at(version.created_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// What was just written, as everybody else will read it.
async fn written(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &DocumentName,
    number: u32,
) -> Result<DocumentRecord, Failure> {
    let record = read::version(connection, scope, name, number).await?;
    record.ok_or_else(|| corrupt("version", "it is not there after it was written"))
}
