//! Sessions in SQLite.

mod open;

use std::time::Duration;

use async_trait::async_trait;
use postern_iam::{NodeId, SessionId};
use postern_model::session::{EndReason, SessionStatus};
use postern_store::{
    AdmitClient, AgentResult, BoundClient, ClientUse, EndSession, NewSession, OpenSession, ReachedAgent,
    RecordAgentResult, RenewToken, RequestTermination, Scope, SessionCursor, SessionEnd, SessionFilter, SessionLimits,
    SessionQuota, SessionRecord, SessionStore, StoreError, UnixMillis,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::query::{Select, scoped};
use crate::row::{
    at, corrupt, count, get, millis, millis_optional, parse, parse_optional, reason_from_text, reason_to_text,
};
use crate::writer::Failure;

#[async_trait]
impl SessionStore for SqliteStore {
    async fn open_session(
        &self,
        scope: &Scope,
        session: NewSession,
        quota: SessionQuota,
    ) -> Result<OpenSession, StoreError> {
        let for_node = (scope.clone(), session.node_id.clone());
        let scope = scope.clone();
        let opened = self
            .writer
            .act(move |connection| Box::pin(async move { open::open(connection, &scope, &session, quota).await }))
            .await?;
        Ok(match opened {
            open::Opened::Answer(answer) => answer,
            // Only for the text that says since when and why; the decision is made.
            open::Opened::NodeNotConnected => {
                match postern_store::NodeStore::node(self, &for_node.0, &for_node.1).await? {
                    Some(node) => OpenSession::NodeNotConnected(Box::new(node)),
                    None => OpenSession::NodeUnknown,
                }
            }
        })
    }

    async fn session(&self, scope: &Scope, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let row =
            scoped(SELECT_ONE, scope).bind(id.as_str()).fetch_optional(&self.readers).await.map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn renew_token(&self, scope: &Scope, id: &SessionId) -> Result<RenewToken, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let renewed = scoped(
                        "UPDATE session SET token_generation = token_generation + 1, token_used_at = NULL \
                         WHERE account = $1 AND region = $2 AND session_id = $3 \
                         AND status IN ('Connecting', 'Connected', 'Disconnected') RETURNING *",
                        &scope,
                    )
                    .bind(id.as_str())
                    .fetch_optional(&mut *connection)
                    .await?;
                    if let Some(row) = renewed {
                        return Ok(RenewToken::Renewed(Box::new(record(&row)?)));
                    }
                    Ok(match find(connection, &scope, &id).await? {
                        Some(session) => RenewToken::Ended(Box::new(session)),
                        None => RenewToken::Unknown,
                    })
                })
            })
            .await
    }

    async fn admit_client(&self, scope: &Scope, id: &SessionId, client: ClientUse) -> Result<AdmitClient, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer.act(move |connection| Box::pin(async move { admit(connection, &scope, &id, client).await })).await
    }

    async fn session_reached_agent(
        &self,
        scope: &Scope,
        id: &SessionId,
        node: &NodeId,
    ) -> Result<ReachedAgent, StoreError> {
        // Asked at every reconnect of the node's side, true after the first.
        let known = self.session(scope, id).await?;
        let Some(session) = known.filter(|session| session.node_id == *node) else { return Ok(ReachedAgent::Unknown) };
        if !is_running(&session) {
            return Ok(ReachedAgent::Ended(Box::new(session)));
        }
        if session.reached_agent {
            return Ok(ReachedAgent::Active(Box::new(session)));
        }
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let reached = scoped(
                        "UPDATE session SET reached_agent = 1 WHERE account = $1 AND region = $2 AND session_id = $3 \
                         AND status IN ('Connecting', 'Connected', 'Disconnected') RETURNING *",
                        &scope,
                    )
                    .bind(id.as_str())
                    .fetch_optional(&mut *connection)
                    .await?;
                    if let Some(row) = reached {
                        return Ok(ReachedAgent::Active(Box::new(record(&row)?)));
                    }
                    Ok(match find(connection, &scope, &id).await? {
                        Some(session) => ReachedAgent::Ended(Box::new(session)),
                        None => ReachedAgent::Unknown,
                    })
                })
            })
            .await
    }

    async fn session_connected(&self, scope: &Scope, id: &SessionId, now: UnixMillis) -> Result<bool, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = scoped(
                        "UPDATE session SET status = 'Connected', details = '', reached_agent = 1, \
                         connected_at = coalesce(connected_at, $4) \
                         WHERE account = $1 AND region = $2 AND session_id = $3 \
                         AND status IN ('Connecting', 'Connected', 'Disconnected')",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(at(now))
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn session_disconnected(&self, scope: &Scope, id: &SessionId, details: &str) -> Result<bool, StoreError> {
        let (scope, id, details) = (scope.clone(), id.clone(), details.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = scoped(
                        "UPDATE session SET status = 'Disconnected', details = $4 \
                         WHERE account = $1 AND region = $2 AND session_id = $3 AND status = 'Connected'",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(&details)
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn request_termination(
        &self,
        scope: &Scope,
        id: &SessionId,
        reason: &EndReason,
    ) -> Result<RequestTermination, StoreError> {
        let (scope, id, reason) = (scope.clone(), id.clone(), reason.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let requested = scoped(
                        "UPDATE session SET status = 'Terminating', details = $4, end_reason = $5 \
                         WHERE account = $1 AND region = $2 AND session_id = $3 \
                         AND status IN ('Connecting', 'Connected', 'Disconnected') RETURNING *",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(reason.details())
                    .bind(reason_to_text(&reason)?)
                    .fetch_optional(&mut *connection)
                    .await?;
                    if let Some(row) = requested {
                        return Ok(RequestTermination::Requested(Box::new(record(&row)?)));
                    }
                    Ok(match find(connection, &scope, &id).await? {
                        Some(session) if session.ended_at.is_none() => RequestTermination::AlreadyTerminating,
                        Some(_) => RequestTermination::AlreadyEnded,
                        None => RequestTermination::Unknown,
                    })
                })
            })
            .await
    }

    async fn record_agent_result(
        &self,
        scope: &Scope,
        id: &SessionId,
        node: &NodeId,
        result: AgentResult,
    ) -> Result<RecordAgentResult, StoreError> {
        let (scope, id, node) = (scope.clone(), id.clone(), node.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let Some(session) = find(connection, &scope, &id).await? else {
                        return Ok(RecordAgentResult::Unknown);
                    };
                    if session.node_id != node {
                        return Ok(RecordAgentResult::Unknown);
                    }
                    // Also in the result of an ended session is news: the node is done with it.
                    scoped(
                        "UPDATE session SET end_delivered = 1, agent_status = coalesce(agent_status, $4), \
                         agent_output = coalesce(agent_output, $5) \
                         WHERE account = $1 AND region = $2 AND session_id = $3",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(&result.status)
                    .bind(&result.output)
                    .execute(connection)
                    .await?;
                    let first = session.agent_result.is_none() && session.ended_at.is_none();
                    Ok(if first { RecordAgentResult::Recorded } else { RecordAgentResult::Repeated })
                })
            })
            .await
    }

    async fn end_session(&self, scope: &Scope, id: &SessionId, end: SessionEnd) -> Result<EndSession, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let ended = scoped(
                        "UPDATE session SET status = $4, details = $5, end_reason = $6, output = $7, ended_at = $8, \
                         end_delivered = CASE WHEN $9 THEN 1 ELSE end_delivered END \
                         WHERE account = $1 AND region = $2 AND session_id = $3 AND ended_at IS NULL RETURNING *",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(end.reason.status().as_str())
                    .bind(end.reason.details())
                    .bind(reason_to_text(&end.reason)?)
                    .bind(&end.output)
                    .bind(at(end.ended_at))
                    .bind(end.node_knows)
                    .fetch_optional(&mut *connection)
                    .await?;
                    if let Some(row) = ended {
                        return Ok(EndSession::Ended(Box::new(record(&row)?)));
                    }
                    Ok(match find(connection, &scope, &id).await? {
                        Some(session) => EndSession::AlreadyEnded(Box::new(session)),
                        None => EndSession::Unknown,
                    })
                })
            })
            .await
    }

    async fn active_sessions(
        &self,
        scope: &Scope,
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let mut select = in_scope(scope)?.text(" AND ended_at IS NULL");
        if let Some(after) = after {
            select = behind(select.text(" AND (started_at, session_id) > ("), after)?;
        }
        select = select.text(" ORDER BY started_at, session_id LIMIT ").bind_number(limit.into())?;
        Ok(records(&select.fetch_all(&self.readers).await?)?)
    }

    async fn pending_starts(&self, scope: &Scope, node: &NodeId, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        let select = in_scope(scope)?
            .text(" AND node_id = ")
            .bind(node.as_str())?
            .text(" AND ended_at IS NULL AND status = 'Connecting' AND reached_agent = 0 AND agent_status IS NULL")
            .text(" ORDER BY started_at, session_id LIMIT ")
            .bind_number(limit.into())?;
        Ok(records(&select.fetch_all(&self.readers).await?)?)
    }

    async fn pending_ends(&self, scope: &Scope, node: &NodeId, limit: u32) -> Result<Vec<SessionId>, StoreError> {
        let rows = scoped(
            "SELECT session_id FROM session WHERE account = $1 AND region = $2 AND node_id = $3 \
             AND end_delivered = 0 AND status IN ('Terminating', 'Terminated', 'Failed') ORDER BY started_at LIMIT $4",
            scope,
        )
        .bind(node.as_str())
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(Failure::Sql)?;
        Ok(rows.iter().map(|row| parse(row, "session_id")).collect::<Result<_, _>>()?)
    }

    async fn end_delivered(&self, scope: &Scope, id: &SessionId, node: &NodeId) -> Result<(), StoreError> {
        let (scope, id, node) = (scope.clone(), id.clone(), node.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    scoped(
                        "UPDATE session SET end_delivered = 1 WHERE account = $1 AND region = $2 AND session_id = $3 \
                         AND node_id = $4 AND status IN ('Terminating', 'Terminated', 'Failed')",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(node.as_str())
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn sessions_page(
        &self,
        scope: &Scope,
        ended: bool,
        filters: &[SessionFilter],
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let mut select =
            in_scope(scope)?.text(if ended { " AND ended_at IS NOT NULL" } else { " AND ended_at IS NULL" });
        for filter in filters {
            select = match filter {
                SessionFilter::StartedAfter(moment) => select.text(" AND started_at >= ").bind_number(*moment)?,
                SessionFilter::StartedBefore(moment) => select.text(" AND started_at < ").bind_number(*moment)?,
                SessionFilter::EndedAfter(moment) => select.text(" AND ended_at >= ").bind_number(*moment)?,
                SessionFilter::Node(node) => select.text(" AND node_id = ").bind(node)?,
                SessionFilter::Owner(owner) => select.text(" AND owner = ").bind(owner)?,
                SessionFilter::Status(status) => select.text(" AND status = ").bind(status.as_str())?,
                SessionFilter::Id(id) => select.text(" AND session_id = ").bind(id)?,
            };
        }
        if let Some(after) = after {
            select = behind(select.text(" AND (started_at, session_id) < ("), after)?;
        }
        select = select.text(" ORDER BY started_at DESC, session_id DESC LIMIT ").bind_number(limit.into())?;
        Ok(records(&select.fetch_all(&self.readers).await?)?)
    }

    async fn forget_ended_sessions(&self, scope: &Scope, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        let scope = scope.clone();
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = scoped(
                        "DELETE FROM session WHERE account = $1 AND region = $2 AND session_id IN (\
                         SELECT session_id FROM session WHERE account = $1 AND region = $2 AND ended_at IS NOT NULL \
                         AND ended_at < $3 ORDER BY ended_at LIMIT $4)",
                        &scope,
                    )
                    .bind(at(before))
                    .bind(limit)
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }
}

const SELECT_ONE: &str = "SELECT * FROM session WHERE account = $1 AND region = $2 AND session_id = $3";

async fn find(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: &SessionId,
) -> Result<Option<SessionRecord>, Failure> {
    let row = scoped(SELECT_ONE, scope).bind(id.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(record).transpose()
}

async fn admit(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: &SessionId,
    client: ClientUse,
) -> Result<AdmitClient, Failure> {
    let Some(mut session) = find(connection, scope, id).await? else { return Ok(AdmitClient::Unknown) };
    if session.token_generation != client.generation {
        return Ok(AdmitClient::Superseded);
    }
    let mut first_use = true;
    if let Some(bound) = &session.client {
        if bound.client_id != client.client_id {
            return Ok(AdmitClient::OtherClient);
        }
        if let Some(used_at) = bound.token_used_at {
            let window = u64::try_from(client.reuse_window.as_millis()).unwrap_or(u64::MAX);
            if client.now.saturating_sub(used_at) > window {
                return Ok(AdmitClient::WindowOver);
            }
            first_use = false;
        }
    }
    if session.ended_at.is_some() {
        return Ok(AdmitClient::Ended(Box::new(session)));
    }
    if first_use {
        scoped(
            "UPDATE session SET client_id = $4, token_used_at = $5 \
             WHERE account = $1 AND region = $2 AND session_id = $3",
            scope,
        )
        .bind(id.as_str())
        .bind(client.client_id.as_str())
        .bind(at(client.now))
        .execute(connection)
        .await?;
        session.client = Some(BoundClient { client_id: client.client_id, token_used_at: Some(client.now) });
    }
    Ok(AdmitClient::Admitted(Box::new(session)))
}

fn in_scope(scope: &Scope) -> Result<Select, Failure> {
    Select::scoped("SELECT * FROM session WHERE account = ", scope)
}

fn behind(select: Select, cursor: &SessionCursor) -> Result<Select, Failure> {
    Ok(select.bind_number(cursor.started_at)?.text(", ").bind(cursor.session_id.as_str())?.text(")"))
}

fn is_running(session: &SessionRecord) -> bool {
    session.status.is_active() && session.status != SessionStatus::Terminating
}

fn records(rows: &[SqliteRow]) -> Result<Vec<SessionRecord>, Failure> {
    rows.iter().map(record).collect()
}

pub(crate) fn record(row: &SqliteRow) -> Result<SessionRecord, Failure> {
    let client = match parse_optional(row, "client_id")? {
        Some(client_id) => Some(BoundClient { client_id, token_used_at: millis_optional(row, "token_used_at")? }),
        None => None,
    };
    let agent_result = match get(row, "agent_status")? {
        Some(status) => {
            Some(AgentResult { status, output: get::<Option<String>>(row, "agent_output")?.unwrap_or_default() })
        }
        None => None,
    };
    Ok(SessionRecord {
        session_id: parse(row, "session_id")?,
        node_id: parse(row, "node_id")?,
        owner: parse(row, "owner")?,
        owner_id: get(row, "owner_id")?,
        document_name: parse(row, "document_name")?,
        start_content: get(row, "start_content")?,
        recording: get(row, "recording")?,
        reason: get(row, "reason")?,
        limits: SessionLimits {
            idle_timeout: Duration::from_millis(millis(row, "idle_timeout")?),
            max_duration: millis_optional(row, "max_duration")?.map(Duration::from_millis),
        },
        status: SessionStatus::from_name(get(row, "status")?).ok_or_else(|| corrupt("status", "unknown"))?,
        details: get(row, "details")?,
        started_at: millis(row, "started_at")?,
        connected_at: millis_optional(row, "connected_at")?,
        ended_at: millis_optional(row, "ended_at")?,
        end_reason: reason_from_text(row)?,
        token_generation: count(row, "token_generation")?,
        client,
        reached_agent: get(row, "reached_agent")?,
        agent_result,
        output: get(row, "output")?,
    })
}
