//! What is locked, in SQLite.

use async_trait::async_trait;
use postern_store::{IdentityKind, LockStore, Locked, LockedThing, Scope, StoreError};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::row::{corrupt, get, lock_from_text, parse};
use crate::writer::Failure;

const LOCKS: &str = "\
    SELECT * FROM ( \
        SELECT 'node/' || node_id AS cursor, 'node' AS kind, node_id AS name, '' AS path, lock FROM node \
        WHERE account = $1 AND region = $2 AND lock IS NOT NULL \
        UNION ALL \
        SELECT kind || '/' || name AS cursor, kind, name, path, lock FROM identity \
        WHERE account = $1 AND lock IS NOT NULL \
    ) WHERE cursor > $3 ORDER BY cursor LIMIT $4";

#[async_trait]
impl LockStore for SqliteStore {
    async fn locks_page(&self, scope: &Scope, after: Option<&str>, limit: u32) -> Result<Vec<Locked>, StoreError> {
        let query = sqlx::query(LOCKS)
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .bind(after.unwrap_or_default())
            .bind(limit);
        let rows = query.fetch_all(&self.readers).await.map_err(Failure::Sql)?;
        Ok(rows.iter().map(locked).collect::<Result<_, _>>()?)
    }
}

fn locked(row: &SqliteRow) -> Result<Locked, Failure> {
    let kind = match get::<&str>(row, "kind")? {
        "node" => None,
        "user" => Some(IdentityKind::User),
        "role" => Some(IdentityKind::Role),
        other => return Err(corrupt("identity", format!("a {other} is locked"))),
    };
    let on = match kind {
        None => LockedThing::Node(parse(row, "name")?),
        Some(kind) => LockedThing::Identity { kind, path: get(row, "path")?, name: get(row, "name")? },
    };
    let lock = lock_from_text(row)?.ok_or_else(|| corrupt("lock", "it is not there"))?;
    Ok(Locked { on, lock })
}
