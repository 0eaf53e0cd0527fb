//! What is known of recordings, in SQLite.

use async_trait::async_trait;
use postern_iam::SessionId;
use postern_store::{
    RecordingEnd, RecordingHead, RecordingKeyRecord, RecordingRecord, RecordingStore, Scope, SessionCursor,
    SessionRecord, StoreError, UnixMillis,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::query::{Select, scoped};
use crate::row::{at, bytes, get, millis, millis_optional, parse};
use crate::writer::Failure;

#[async_trait]
impl RecordingStore for SqliteStore {
    async fn put_recording_head(
        &self,
        scope: &Scope,
        session_id: &SessionId,
        started_at: UnixMillis,
        head: RecordingHead,
    ) -> Result<(), StoreError> {
        let (scope, session_id) = (scope.clone(), session_id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { put_head(connection, &scope, &session_id, started_at, &head).await })
            })
            .await
    }

    async fn end_recording(
        &self,
        scope: &Scope,
        session_id: &SessionId,
        started_at: UnixMillis,
        head: RecordingHead,
        end: RecordingEnd,
    ) -> Result<bool, StoreError> {
        let (scope, session_id) = (scope.clone(), session_id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    put_head(&mut *connection, &scope, &session_id, started_at, &head).await?;
                    let done = scoped(
                        "UPDATE recording SET ended_at = $4, output_bytes = $5, input_bytes = $6, gaps = $7 \
                         WHERE account = $1 AND region = $2 AND session_id = $3 AND ended_at IS NULL",
                        &scope,
                    )
                    .bind(session_id.as_str())
                    .bind(at(end.at))
                    .bind(at(end.output_bytes))
                    .bind(at(end.input_bytes))
                    .bind(at(end.gaps))
                    .execute(&mut *connection)
                    .await?;
                    no_longer_open(connection, &scope, &session_id).await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn sessions_with_open_recordings(&self, scope: &Scope, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = scoped(
            "SELECT * FROM session WHERE account = $1 AND region = $2 AND recording_open = 1 AND ended_at IS NOT NULL \
             ORDER BY session_id LIMIT $3",
            scope,
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(Failure::Sql)?;
        Ok(rows.iter().map(crate::session::record).collect::<Result<_, _>>()?)
    }

    async fn give_up_recording(&self, scope: &Scope, session_id: &SessionId) -> Result<(), StoreError> {
        let (scope, session_id) = (scope.clone(), session_id.clone());
        let give_up = self
            .writer
            .act(move |connection| Box::pin(async move { no_longer_open(connection, &scope, &session_id).await }));
        give_up.await
    }

    async fn recording_stored(&self, scope: &Scope, session_id: &SessionId, bytes: u64) -> Result<(), StoreError> {
        let (scope, session_id) = (scope.clone(), session_id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    scoped(
                        "UPDATE recording SET stored_bytes = $4 WHERE account = $1 AND region = $2 AND session_id = $3",
                        &scope,
                    )
                    .bind(session_id.as_str())
                    .bind(at(bytes))
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn recording(&self, scope: &Scope, session_id: &SessionId) -> Result<Option<RecordingRecord>, StoreError> {
        let row = scoped("SELECT * FROM recording WHERE account = $1 AND region = $2 AND session_id = $3", scope)
            .bind(session_id.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn loose_recordings(
        &self,
        scope: &Scope,
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<RecordingRecord>, StoreError> {
        let mut select = Select::scoped("SELECT * FROM recording WHERE account = ", scope)?
            .text(" AND ended_at IS NOT NULL AND stored_bytes IS NULL");
        if let Some(SessionCursor { started_at, session_id }) = after {
            select = select.text(" AND (started_at, session_id) > (").bind_number(*started_at)?.text(", ");
            select = select.bind(session_id.as_str())?.text(")");
        }
        select = select.text(" ORDER BY started_at, session_id LIMIT ").bind_number(limit.into())?;
        let rows = select.fetch_all(&self.readers).await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn recording_keys(&self) -> Result<Vec<RecordingKeyRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM recording_key ORDER BY place").fetch_all(&self.readers).await;
        let rows = rows.map_err(Failure::Sql)?;
        Ok(rows.iter().map(key).collect::<Result<_, _>>()?)
    }

    async fn add_recording_key(&self, key: RecordingKeyRecord) -> Result<bool, StoreError> {
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let insert = "INSERT INTO recording_key (place, certificate, sealed_seed) \
                                  SELECT $1, $2, $3 WHERE (SELECT count(*) FROM recording_key) = $1 - 1";
                    let place = i64::from(key.place);
                    let done = sqlx::query(insert)
                        .bind(place)
                        .bind(&key.certificate)
                        .bind(&key.sealed_seed)
                        .execute(&mut *connection)
                        .await?;
                    if done.rows_affected() == 0 {
                        return Ok(false);
                    }
                    let retire = "UPDATE recording_key SET sealed_seed = NULL WHERE place < $1";
                    sqlx::query(retire).bind(place).execute(connection).await?;
                    Ok(true)
                })
            })
            .await
    }
}

async fn no_longer_open(
    connection: &mut SqliteConnection,
    scope: &Scope,
    session_id: &SessionId,
) -> Result<(), Failure> {
    scoped("UPDATE session SET recording_open = 0 WHERE account = $1 AND region = $2 AND session_id = $3", scope)
        .bind(session_id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

async fn put_head(
    connection: &mut SqliteConnection,
    scope: &Scope,
    session_id: &SessionId,
    started_at: UnixMillis,
    head: &RecordingHead,
) -> Result<(), Failure> {
    scoped(
        "INSERT INTO recording (account, region, session_id, started_at, head_count, head_hash, head_time, head_key, \
         head_signature) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account, region, session_id) DO \
         UPDATE SET head_count = excluded.head_count, head_hash = excluded.head_hash, head_time = excluded.head_time, \
         head_key = excluded.head_key, head_signature = excluded.head_signature \
         WHERE excluded.head_count > head_count AND ended_at IS NULL",
        scope,
    )
    .bind(session_id.as_str())
    .bind(at(started_at))
    .bind(at(head.count))
    .bind(head.hash.as_slice())
    .bind(at(head.time))
    .bind(&head.key_id)
    .bind(head.signature.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

fn record(row: &SqliteRow) -> Result<RecordingRecord, Failure> {
    let end = millis_optional(row, "ended_at")?.map(|at| -> Result<_, Failure> {
        let (output_bytes, input_bytes) = (millis(row, "output_bytes")?, millis(row, "input_bytes")?);
        Ok(RecordingEnd { at, output_bytes, input_bytes, gaps: millis(row, "gaps")? })
    });
    Ok(RecordingRecord {
        session_id: parse(row, "session_id")?,
        started_at: millis(row, "started_at")?,
        head: RecordingHead {
            count: millis(row, "head_count")?,
            hash: bytes(row, "head_hash")?,
            time: millis(row, "head_time")?,
            key_id: get(row, "head_key")?,
            signature: bytes(row, "head_signature")?,
        },
        end: end.transpose()?,
        stored_bytes: millis_optional(row, "stored_bytes")?,
    })
}

fn key(row: &SqliteRow) -> Result<RecordingKeyRecord, Failure> {
    let place = millis(row, "place")?;
    Ok(RecordingKeyRecord {
        place: u32::try_from(place).unwrap_or(u32::MAX),
        certificate: get(row, "certificate")?,
        sealed_seed: get(row, "sealed_seed")?,
    })
}
