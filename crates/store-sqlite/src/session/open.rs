//! Opening a session: the one act with many reasons to say no.

use postern_store::{NewSession, OpenSession, Scope, SessionQuota};
use sqlx::SqliteConnection;

use super::record;
use crate::query::scoped;
use crate::row::{at, count, get, span};
use crate::writer::Failure;

/// An answer, or the one that still lacks its explanation.
pub(super) enum Opened {
    Answer(OpenSession),
    NodeNotConnected,
}

pub(super) async fn open(
    connection: &mut SqliteConnection,
    scope: &Scope,
    session: &NewSession,
    quota: SessionQuota,
) -> Result<Opened, Failure> {
    if let Some(answer) = earlier(connection, scope, session).await? {
        return Ok(Opened::Answer(answer));
    }
    let state = scoped(
        "SELECT connection_id IS NOT NULL AS connected, \
         (SELECT count(*) FROM session WHERE account = $1 AND region = $2 AND node_id = $3 AND ended_at IS NULL) \
         AS on_node, \
         (SELECT count(*) FROM session WHERE account = $1 AND region = $2 AND owner = $4 AND ended_at IS NULL) \
         AS of_owner, \
         (SELECT count(*) FROM session WHERE account = $1 AND region = $2 AND ended_at IS NULL) AS in_scope \
         FROM node WHERE account = $1 AND region = $2 AND node_id = $3",
        scope,
    )
    .bind(session.node_id.as_str())
    .bind(session.owner.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(state) = state else { return Ok(Opened::Answer(OpenSession::NodeUnknown)) };
    if !get::<bool>(&state, "connected")? {
        return Ok(Opened::NodeNotConnected);
    }
    let on_node = count(&state, "on_node")?;
    if on_node >= quota.per_node {
        return Ok(Opened::Answer(OpenSession::NodeFull(on_node)));
    }
    let of_owner = count(&state, "of_owner")?;
    if of_owner >= quota.per_owner {
        return Ok(Opened::Answer(OpenSession::OwnerFull(of_owner)));
    }
    let in_scope = count(&state, "in_scope")?;
    if in_scope >= quota.total {
        return Ok(Opened::Answer(OpenSession::ScopeFull(in_scope)));
    }
    insert(connection, scope, session).await?;
    Ok(Opened::Answer(OpenSession::Opened))
}

/// The session that a request with this signature opened before.
async fn earlier(
    connection: &mut SqliteConnection,
    scope: &Scope,
    session: &NewSession,
) -> Result<Option<OpenSession>, Failure> {
    let row = scoped("SELECT * FROM session WHERE account = $1 AND region = $2 AND request_signature = $3", scope)
        .bind(&session.request.signature[..])
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let invocation: Option<String> = get(&row, "request_invocation")?;
    Ok(Some(if invocation == session.request.invocation {
        OpenSession::Replayed(Box::new(record(&row)?))
    } else {
        OpenSession::SignatureUsed
    }))
}

async fn insert(connection: &mut SqliteConnection, scope: &Scope, session: &NewSession) -> Result<(), Failure> {
    scoped(
        "INSERT INTO session (account, region, session_id, node_id, owner, document_name, start_content, reason, \
         idle_timeout, max_duration, status, details, started_at, token_generation, reached_agent, output, \
         end_delivered, request_signature, request_invocation, owner_id, grounds, recording, \
         recording_open) VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'Connecting', '', $11, 1, 0, '', 0, $12, $13, $14, $15, $16, $17)",
        scope,
    )
    .bind(session.session_id.as_str())
    .bind(session.node_id.as_str())
    .bind(session.owner.to_string())
    .bind(session.document_name.as_str())
    .bind(&session.start_content)
    .bind(session.reason.as_deref())
    .bind(span(session.limits.idle_timeout))
    .bind(session.limits.max_duration.map(span))
    .bind(at(session.started_at))
    .bind(&session.request.signature[..])
    .bind(session.request.invocation.as_deref())
    .bind(&session.owner_id)
    .bind(session.grounds.as_deref())
    .bind(session.recording.as_deref())
    .bind(session.recording.is_some())
    .execute(connection)
    .await?;
    Ok(())
}
