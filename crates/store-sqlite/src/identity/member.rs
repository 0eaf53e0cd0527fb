//! Who is in which group.

use postern_iam::{AccountId, UniqueId};
use postern_store::{IdentityKind, IdentityRecord, Membership};
use sqlx::{SqliteConnection, SqlitePool};

use super::{find, name_key, record};
use crate::query::Select;
use crate::row::count;
use crate::writer::Failure;

/// The user and the group, or who of them is missing.
async fn both(
    connection: &mut SqliteConnection,
    account: &AccountId,
    user: &str,
    group: &str,
) -> Result<Result<(UniqueId, UniqueId), Membership>, Failure> {
    let Some(group) = find(connection, account, IdentityKind::Group, group).await? else {
        return Ok(Err(Membership::GroupUnknown));
    };
    let Some(user) = find(connection, account, IdentityKind::User, user).await? else {
        return Ok(Err(Membership::UserUnknown));
    };
    Ok(Ok((user.id, group.id)))
}

pub(super) async fn add(
    connection: &mut SqliteConnection,
    account: &AccountId,
    user: &str,
    group: &str,
    limit: u32,
) -> Result<Membership, Failure> {
    let (user, group) = match both(connection, account, user, group).await? {
        Ok(both) => both,
        Err(missing) => return Ok(missing),
    };
    let sql = "SELECT COUNT(*) AS n FROM group_member WHERE account = $1 AND user_id = $2 AND group_id <> $3";
    let others = sqlx::query(sql).bind(account.as_str()).bind(user.as_str()).bind(group.as_str());
    if count(&others.fetch_one(&mut *connection).await?, "n")? >= limit {
        return Ok(Membership::LimitReached);
    }
    sqlx::query("INSERT INTO group_member (account, user_id, group_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(account.as_str())
        .bind(user.as_str())
        .bind(group.as_str())
        .execute(connection)
        .await?;
    Ok(Membership::Done)
}

pub(super) async fn remove(
    connection: &mut SqliteConnection,
    account: &AccountId,
    user: &str,
    group: &str,
) -> Result<Membership, Failure> {
    let (user, group) = match both(connection, account, user, group).await? {
        Ok(both) => both,
        Err(missing) => return Ok(missing),
    };
    sqlx::query("DELETE FROM group_member WHERE account = $1 AND user_id = $2 AND group_id = $3")
        .bind(account.as_str())
        .bind(user.as_str())
        .bind(group.as_str())
        .execute(connection)
        .await?;
    Ok(Membership::Done)
}

pub(super) async fn groups(
    connection: &mut SqliteConnection,
    account: &AccountId,
    user: &str,
) -> Result<Option<Vec<IdentityRecord>>, Failure> {
    let Some(user) = find(connection, account, IdentityKind::User, user).await? else { return Ok(None) };
    let rows = sqlx::query(
        "SELECT identity.* FROM group_member JOIN identity ON identity.account = group_member.account \
         AND identity.identity_id = group_member.group_id \
         WHERE group_member.account = $1 AND group_member.user_id = $2 ORDER BY identity.name_key",
    )
    .bind(account.as_str())
    .bind(user.id.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(record).collect::<Result<_, _>>().map(Some)
}

pub(super) async fn users(
    readers: &SqlitePool,
    account: &AccountId,
    group: &UniqueId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<IdentityRecord>, Failure> {
    let mut select = Select::new(
        "SELECT identity.* FROM group_member JOIN identity ON identity.account = group_member.account \
         AND identity.identity_id = group_member.user_id WHERE group_member.account = ",
    )
    .bind(account.as_str())?
    .text(" AND group_member.group_id = ")
    .bind(group.as_str())?;
    if let Some(after) = after {
        select = select.text(" AND identity.name_key > ").bind(&name_key(after))?;
    }
    let select = select.text(" ORDER BY identity.name_key LIMIT ").bind_number(limit.into())?;
    select.fetch_all(readers).await?.iter().map(record).collect()
}
