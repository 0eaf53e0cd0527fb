//! Managed nodes in SQLite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use postern_iam::{ActivationId, NodeId};
use postern_model::session::EndReason;
use postern_store::{
    DeregisterNode, Lock, NewNode, NodeConnected, NodeConnection, NodeDisconnection, NodeFilter, NodeRecord,
    NodeReport, NodeStore, RegisterNode, RegisteredKey, ReplacePublicKey, Scope, StoreError, Tag, UnixMillis,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::activation::tags_from_text;
use crate::query::{Select, scoped};
use crate::row::{at, count, get, lock_from_text, lock_to_text, millis, millis_optional, parse, reason_to_text};
use crate::writer::Failure;

#[async_trait]
impl NodeStore for SqliteStore {
    async fn register_node(
        &self,
        scope: &Scope,
        activation: &ActivationId,
        node: NewNode,
        now: UnixMillis,
    ) -> Result<RegisterNode, StoreError> {
        let (scope, activation) = (scope.clone(), activation.clone());
        self.writer
            .act(move |connection| Box::pin(async move { register(connection, &scope, &activation, &node, now).await }))
            .await
    }

    async fn node(&self, scope: &Scope, id: &NodeId) -> Result<Option<NodeRecord>, StoreError> {
        let filter = [NodeFilter::Ids(vec![id.to_string()])];
        Ok(self.nodes_page(scope, &filter, None, 1).await?.pop())
    }

    async fn nodes_page(
        &self,
        scope: &Scope,
        filters: &[NodeFilter],
        after: Option<&NodeId>,
        limit: u32,
    ) -> Result<Vec<NodeRecord>, StoreError> {
        let mut select = Select::scoped("SELECT * FROM node WHERE account = ", scope)?;
        for filter in filters {
            select = narrow(select, filter)?;
        }
        if let Some(after) = after {
            select = select.text(" AND node_id > ").bind(after.as_str())?;
        }
        let rows = select.text(" ORDER BY node_id LIMIT ").bind_number(limit.into())?.fetch_all(&self.readers).await?;
        let mut nodes = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Ok(nodes);
        }
        let ids: Vec<String> = nodes.iter().map(|node| node.node_id.to_string()).collect();
        let rows = Select::scoped("SELECT * FROM node_tag WHERE account = ", scope)?
            .and_in("node_id", &ids)?
            .text(" ORDER BY node_id, tag_key")
            .fetch_all(&self.readers)
            .await?;
        let mut tags: BTreeMap<NodeId, Vec<Tag>> = BTreeMap::new();
        for row in &rows {
            let tag = Tag { key: get(row, "tag_key")?, value: get(row, "tag_value")? };
            tags.entry(parse(row, "node_id")?).or_default().push(tag);
        }
        for node in &mut nodes {
            node.tags = tags.remove(&node.node_id).unwrap_or_default();
        }
        Ok(nodes)
    }

    async fn replace_public_key(
        &self,
        scope: &Scope,
        id: &NodeId,
        current: &RegisteredKey,
        new: RegisteredKey,
    ) -> Result<ReplacePublicKey, StoreError> {
        let (scope, id, current) = (scope.clone(), id.clone(), current.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let replaced = scoped(
                        "UPDATE node SET public_key = $6, key_type = $7 WHERE account = $1 AND region = $2 \
                         AND node_id = $3 AND public_key = $4 AND key_type = $5",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(&current.public_key)
                    .bind(&current.key_type)
                    .bind(&new.public_key)
                    .bind(&new.key_type)
                    .execute(&mut *connection)
                    .await?;
                    Ok(if replaced.rows_affected() > 0 {
                        ReplacePublicKey::Replaced
                    } else if exists(connection, &scope, &id).await? {
                        ReplacePublicKey::Superseded
                    } else {
                        ReplacePublicKey::NodeUnknown
                    })
                })
            })
            .await
    }

    async fn change_node_role(&self, scope: &Scope, id: &NodeId, role: &str) -> Result<bool, StoreError> {
        let (scope, id, role) = (scope.clone(), id.clone(), role.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = scoped(
                        "UPDATE node SET iam_role = $4 WHERE account = $1 AND region = $2 AND node_id = $3",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(&role)
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn node_reported(
        &self,
        scope: &Scope,
        id: &NodeId,
        report: NodeReport,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| Box::pin(async move { note_report(connection, &scope, &id, &report, now).await }))
            .await
    }

    async fn node_connected(
        &self,
        scope: &Scope,
        id: &NodeId,
        connection: NodeConnection,
        report: NodeReport,
    ) -> Result<NodeConnected, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |database| {
                Box::pin(async move {
                    let Some(displaced) = present_connection(database, &scope, &id).await? else {
                        return Ok(NodeConnected::NodeUnknown);
                    };
                    scoped(
                        "UPDATE node SET connection_id = $4, connection_service = $5, connected_at = $6 \
                         WHERE account = $1 AND region = $2 AND node_id = $3",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(&connection.connection_id)
                    .bind(&connection.service)
                    .bind(at(connection.connected_at))
                    .execute(&mut *database)
                    .await?;
                    note_report(database, &scope, &id, &report, connection.connected_at).await?;
                    Ok(NodeConnected::Connected { displaced })
                })
            })
            .await
    }

    async fn node_disconnected(
        &self,
        scope: &Scope,
        id: &NodeId,
        connection_id: &str,
        disconnection: NodeDisconnection,
    ) -> Result<bool, StoreError> {
        let (scope, id, connection_id) = (scope.clone(), id.clone(), connection_id.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = scoped(
                        "UPDATE node SET connection_id = NULL, connection_service = NULL, connected_at = NULL, \
                         disconnected_at = $5, disconnect_reason = $6, last_seen_at = $5 \
                         WHERE account = $1 AND region = $2 AND node_id = $3 AND connection_id = $4",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(&connection_id)
                    .bind(at(disconnection.at))
                    .bind(&disconnection.reason)
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn forget_connections(
        &self,
        scope: &Scope,
        service: &str,
        disconnection: NodeDisconnection,
    ) -> Result<u64, StoreError> {
        let (scope, service) = (scope.clone(), service.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = scoped(
                        "UPDATE node SET connection_id = NULL, connection_service = NULL, connected_at = NULL, \
                         disconnected_at = $4, disconnect_reason = $5 \
                         WHERE account = $1 AND region = $2 AND connection_service = $3",
                        &scope,
                    )
                    .bind(&service)
                    .bind(at(disconnection.at))
                    .bind(&disconnection.reason)
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }

    async fn lock_node(&self, scope: &Scope, id: &NodeId, lock: Option<Lock>) -> Result<bool, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done =
                        scoped("UPDATE node SET lock = $4 WHERE account = $1 AND region = $2 AND node_id = $3", &scope)
                            .bind(id.as_str())
                            .bind(lock_to_text(lock.as_ref())?)
                            .execute(connection)
                            .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn deregister_node(&self, scope: &Scope, id: &NodeId) -> Result<DeregisterNode, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |database| {
                Box::pin(async move {
                    let Some(connection) = present_connection(database, &scope, &id).await? else {
                        return Ok(DeregisterNode::NodeUnknown);
                    };
                    scoped("DELETE FROM node WHERE account = $1 AND region = $2 AND node_id = $3", &scope)
                        .bind(id.as_str())
                        .execute(&mut *database)
                        .await?;
                    let rows = scoped(
                        "UPDATE session SET status = 'Terminating', details = $4, end_reason = $5 \
                         WHERE account = $1 AND region = $2 AND node_id = $3 AND ended_at IS NULL RETURNING session_id",
                        &scope,
                    )
                    .bind(id.as_str())
                    .bind(EndReason::NodeDeregistered.details())
                    .bind(reason_to_text(&EndReason::NodeDeregistered)?)
                    .fetch_all(database)
                    .await?;
                    let sessions = rows.iter().map(|row| parse(row, "session_id")).collect::<Result<_, _>>()?;
                    Ok(DeregisterNode::Deregistered { connection, sessions })
                })
            })
            .await
    }
}

async fn register(
    connection: &mut SqliteConnection,
    scope: &Scope,
    activation: &ActivationId,
    node: &NewNode,
    now: UnixMillis,
) -> Result<RegisterNode, Failure> {
    let row = scoped("SELECT * FROM activation WHERE account = $1 AND region = $2 AND activation_id = $3", scope)
        .bind(activation.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(RegisterNode::ActivationUnknown) };
    let expires_at = millis(&row, "expires_at")?;
    if now >= expires_at {
        return Ok(RegisterNode::ActivationExpired(expires_at));
    }
    let limit = count(&row, "registration_limit")?;
    if count(&row, "registrations_count")? >= limit {
        return Ok(RegisterNode::ActivationUsedUp(limit));
    }
    scoped(
        "UPDATE activation SET registrations_count = registrations_count + 1 \
         WHERE account = $1 AND region = $2 AND activation_id = $3",
        scope,
    )
    .bind(activation.as_str())
    .execute(&mut *connection)
    .await?;
    scoped(
        "INSERT INTO node (account, region, node_id, name, activation_id, iam_role, fingerprint, public_key, \
         key_type, registered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        scope,
    )
    .bind(node.node_id.as_str())
    .bind(get::<&str>(&row, "default_instance_name")?)
    .bind(activation.as_str())
    .bind(get::<&str>(&row, "iam_role")?)
    .bind(&node.fingerprint)
    .bind(&node.key.public_key)
    .bind(&node.key.key_type)
    .bind(at(now))
    .execute(&mut *connection)
    .await?;
    for tag in tags_from_text(get(&row, "tags")?)? {
        scoped(
            "INSERT INTO node_tag (account, region, node_id, tag_key, tag_value) VALUES ($1, $2, $3, $4, $5)",
            scope,
        )
        .bind(node.node_id.as_str())
        .bind(tag.key)
        .bind(tag.value)
        .execute(&mut *connection)
        .await?;
    }
    Ok(RegisterNode::Registered)
}

/// Notes what a node says; what it does not mention stays.
async fn note_report(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: &NodeId,
    report: &NodeReport,
    now: UnixMillis,
) -> Result<bool, Failure> {
    let done = scoped(
        "UPDATE node SET last_seen_at = $4, \
         agent_name = coalesce($5, agent_name), agent_version = coalesce($6, agent_version), \
         agent_status = coalesce($7, agent_status), computer_name = coalesce($8, computer_name), \
         ip_address = coalesce($9, ip_address), platform_name = coalesce($10, platform_name), \
         platform_type = coalesce($11, platform_type), platform_version = coalesce($12, platform_version) \
         WHERE account = $1 AND region = $2 AND node_id = $3",
        scope,
    )
    .bind(id.as_str())
    .bind(at(now))
    .bind(report.agent_name.as_deref())
    .bind(report.agent_version.as_deref())
    .bind(report.agent_status.as_deref())
    .bind(report.computer_name.as_deref())
    .bind(report.ip_address.as_deref())
    .bind(report.platform_name.as_deref())
    .bind(report.platform_type.as_deref())
    .bind(report.platform_version.as_deref())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The node's present control channel; nothing at all if there is no such node.
async fn present_connection(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: &NodeId,
) -> Result<Option<Option<NodeConnection>>, Failure> {
    let row = scoped(
        "SELECT connection_id, connection_service, connected_at FROM node \
         WHERE account = $1 AND region = $2 AND node_id = $3",
        scope,
    )
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(connection_of).transpose()
}

async fn exists(connection: &mut SqliteConnection, scope: &Scope, id: &NodeId) -> Result<bool, Failure> {
    Ok(present_connection(connection, scope, id).await?.is_some())
}

fn narrow(select: Select, filter: &NodeFilter) -> Result<Select, Failure> {
    const TAGGED: &str = " AND EXISTS (SELECT 1 FROM node_tag WHERE node_tag.account = node.account \
                          AND node_tag.region = node.region AND node_tag.node_id = node.node_id";
    match filter {
        NodeFilter::Ids(values) => select.and_in("node_id", values),
        NodeFilter::Connected(true) => Ok(select.text(" AND connection_id IS NOT NULL")),
        NodeFilter::Connected(false) => Ok(select.text(" AND connection_id IS NULL")),
        NodeFilter::PlatformTypes(values) => select.and_in("platform_type", values),
        NodeFilter::AgentVersions(values) => select.and_in("agent_version", values),
        NodeFilter::ActivationIds(values) => select.and_in("activation_id", values),
        NodeFilter::IamRoles(values) => select.and_in("iam_role", values),
        NodeFilter::TagKeys(keys) => Ok(select.text(TAGGED).and_in("tag_key", keys)?.text(")")),
        NodeFilter::Tag(key, values) => {
            Ok(select.text(TAGGED).text(" AND tag_key = ").bind(key)?.and_in("tag_value", values)?.text(")"))
        }
    }
}

fn connection_of(row: &SqliteRow) -> Result<Option<NodeConnection>, Failure> {
    let Some(connection_id) = get(row, "connection_id")? else { return Ok(None) };
    Ok(Some(NodeConnection {
        connection_id,
        service: get(row, "connection_service")?,
        connected_at: millis(row, "connected_at")?,
    }))
}

fn record(row: &SqliteRow) -> Result<NodeRecord, Failure> {
    let disconnection = match get(row, "disconnect_reason")? {
        Some(reason) => Some(NodeDisconnection { at: millis(row, "disconnected_at")?, reason }),
        None => None,
    };
    Ok(NodeRecord {
        node_id: parse(row, "node_id")?,
        name: get(row, "name")?,
        activation_id: parse(row, "activation_id")?,
        iam_role: get(row, "iam_role")?,
        fingerprint: get(row, "fingerprint")?,
        key: RegisteredKey { public_key: get(row, "public_key")?, key_type: get(row, "key_type")? },
        registered_at: millis(row, "registered_at")?,
        report: NodeReport {
            agent_name: get(row, "agent_name")?,
            agent_version: get(row, "agent_version")?,
            agent_status: get(row, "agent_status")?,
            computer_name: get(row, "computer_name")?,
            ip_address: get(row, "ip_address")?,
            platform_name: get(row, "platform_name")?,
            platform_type: get(row, "platform_type")?,
            platform_version: get(row, "platform_version")?,
        },
        last_seen_at: millis_optional(row, "last_seen_at")?,
        connection: connection_of(row)?,
        disconnection,
        tags: Vec::new(),
        lock: lock_from_text(row)?,
    })
}
