//! Tags in SQLite. Every kind of thing that has tags has a table of them, which goes with it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use postern_store::{AddTags, Scope, StoreError, Tag, TagStore, Tagged, merge_tags};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::query::scoped;
use crate::row::get;
use crate::writer::Failure;

#[async_trait]
impl TagStore for SqliteStore {
    async fn add_tags(&self, scope: &Scope, on: &Tagged, tags: Vec<Tag>, limit: usize) -> Result<AddTags, StoreError> {
        let (scope, on) = (scope.clone(), on.clone());
        self.writer
            .act(move |connection| Box::pin(async move { add(connection, &scope, &on, &tags, limit).await }))
            .await
    }

    async fn remove_tags(&self, scope: &Scope, on: &Tagged, keys: Vec<String>) -> Result<bool, StoreError> {
        let (scope, on) = (scope.clone(), on.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    if !exists(connection, &scope, &on).await? {
                        return Ok(false);
                    }
                    // There are few tags, and there may be any number of keys, each of which would cost a statement.
                    let keys: BTreeSet<String> = keys.into_iter().collect();
                    let present = present(connection, &scope, &on).await?;
                    for key in present.into_iter().map(|tag| tag.key).filter(|key| keys.contains(key)) {
                        scoped(statements(&on).remove, &scope)
                            .bind(id(&on))
                            .bind(key)
                            .execute(&mut *connection)
                            .await?;
                    }
                    Ok(true)
                })
            })
            .await
    }

    async fn tags(&self, scope: &Scope, on: &Tagged) -> Result<Option<Vec<Tag>>, StoreError> {
        // Both in one snapshot, so that what is being removed has either its tags or is not there.
        let mut snapshot = self.readers.begin().await.map_err(Failure::Sql)?;
        if !exists(&mut snapshot, scope, on).await? {
            return Ok(None);
        }
        Ok(Some(present(&mut snapshot, scope, on).await?))
    }
}

async fn add(
    connection: &mut SqliteConnection,
    scope: &Scope,
    on: &Tagged,
    tags: &[Tag],
    limit: usize,
) -> Result<AddTags, Failure> {
    if !exists(connection, scope, on).await? {
        return Ok(AddTags::Unknown);
    }
    if let Err(answer) = merge_tags(present(connection, scope, on).await?, tags, limit) {
        return Ok(answer);
    }
    for tag in tags {
        scoped(statements(on).add, scope)
            .bind(id(on))
            .bind(&tag.key)
            .bind(&tag.value)
            .execute(&mut *connection)
            .await?;
    }
    Ok(AddTags::Added)
}

async fn exists(connection: &mut SqliteConnection, scope: &Scope, on: &Tagged) -> Result<bool, Failure> {
    let found = scoped(statements(on).exists, scope).bind(id(on)).fetch_optional(connection).await?;
    Ok(found.is_some())
}

async fn present(connection: &mut SqliteConnection, scope: &Scope, on: &Tagged) -> Result<Vec<Tag>, Failure> {
    let rows = scoped(statements(on).list, scope).bind(id(on)).fetch_all(connection).await?;
    rows.iter().map(tag).collect()
}

fn tag(row: &SqliteRow) -> Result<Tag, Failure> {
    Ok(Tag { key: get(row, "tag_key")?, value: get(row, "tag_value")? })
}

fn id(on: &Tagged) -> &str {
    match on {
        Tagged::Node(node) => node.as_str(),
        Tagged::Document(name) => name.as_str(),
    }
}

/// The statements about one kind of thing. Each is bound to account, region and id first.
struct Statements {
    exists: &'static str,
    list: &'static str,
    add: &'static str,
    remove: &'static str,
}

fn statements(on: &Tagged) -> &'static Statements {
    match on {
        Tagged::Node(_) => &Statements {
            exists: "SELECT 1 FROM node WHERE account = $1 AND region = $2 AND node_id = $3",
            list: "SELECT tag_key, tag_value FROM node_tag WHERE account = $1 AND region = $2 AND node_id = $3 \
                   ORDER BY tag_key",
            add: "INSERT INTO node_tag (account, region, node_id, tag_key, tag_value) VALUES ($1, $2, $3, $4, $5) \
                  ON CONFLICT (account, region, node_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value",
            remove: "DELETE FROM node_tag WHERE account = $1 AND region = $2 AND node_id = $3 AND tag_key = $4",
        },
        Tagged::Document(_) => &Statements {
            exists: "SELECT 1 FROM document WHERE account = $1 AND region = $2 AND name = $3",
            list: "SELECT tag_key, tag_value FROM document_tag WHERE account = $1 AND region = $2 AND name = $3 \
                   ORDER BY tag_key",
            add: "INSERT INTO document_tag (account, region, name, tag_key, tag_value) VALUES ($1, $2, $3, $4, $5) \
                  ON CONFLICT (account, region, name, tag_key) DO UPDATE SET tag_value = excluded.tag_value",
            remove: "DELETE FROM document_tag WHERE account = $1 AND region = $2 AND name = $3 AND tag_key = $4",
        },
    }
}
