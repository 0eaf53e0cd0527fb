//! What is needed to ask again whether sessions are still allowed, in SQLite. The number is raised by triggers.

use async_trait::async_trait;
use postern_store::{DecisionStore, Scope, SessionCursor, StandingSession, StoreError, UnixMillis};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::query::Select;
use crate::row::{get, millis, parse};
use crate::writer::Failure;

#[async_trait]
impl DecisionStore for SqliteStore {
    async fn decision_generation(&self) -> Result<u64, StoreError> {
        Ok(self.writer.generation().read(&self.readers).await?)
    }

    /// No other process stores anything here, so the writer knows.
    async fn known_generation(&self) -> Result<u64, StoreError> {
        match self.writer.generation().known() {
            Some(known) => Ok(known),
            None => self.decision_generation().await,
        }
    }

    async fn standing_sessions(
        &self,
        scope: &Scope,
        since: UnixMillis,
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<StandingSession>, StoreError> {
        let select = "SELECT session_id, node_id, owner, owner_id, document_name, started_at, grounds FROM session \
                      WHERE account = ";
        let mut select = Select::scoped(select, scope)?
            .text(" AND ended_at IS NULL AND status <> 'Terminating' AND started_at >= ")
            .bind_number(since)?;
        if let Some(SessionCursor { started_at, session_id }) = after {
            select = select.text(" AND (started_at, session_id) > (").bind_number(*started_at)?.text(", ");
            select = select.bind(session_id.as_str())?.text(")");
        }
        select = select.text(" ORDER BY started_at, session_id LIMIT ").bind_number(limit.into())?;
        let rows = select.fetch_all(&self.readers).await?;
        Ok(rows.iter().map(standing).collect::<Result<_, _>>()?)
    }
}

fn standing(row: &SqliteRow) -> Result<StandingSession, Failure> {
    Ok(StandingSession {
        session_id: parse(row, "session_id")?,
        node_id: parse(row, "node_id")?,
        owner: parse(row, "owner")?,
        owner_id: get(row, "owner_id")?,
        document_name: parse(row, "document_name")?,
        started_at: millis(row, "started_at")?,
        grounds: get(row, "grounds")?,
    })
}
