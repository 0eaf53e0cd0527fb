//! Devices that make one-time codes, in SQLite.

use async_trait::async_trait;
use postern_iam::{AccountId, Arn, UniqueId};
use postern_store::{
    AssignDevice, CreateDevice, DeleteDevice, DeviceAssignment, DeviceRecord, IdentityRecord, SecondFactorStore,
    StoreError,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::activation::{tags_from_text, tags_to_text};
use crate::identity::{name_key, record as identity_record};
use crate::query::Select;
use crate::row::{at, corrupt, count, get, millis, parse, parse_optional};
use crate::writer::Failure;

/// A device beside its user; both tables have these columns.
const WITH_USER: &str = "SELECT identity.*, mfa_device.serial, mfa_device.sealed_seed, mfa_device.user_id, \
    mfa_device.enabled_at, mfa_device.drift, mfa_device.last_step, mfa_device.created_at AS device_created_at, \
    mfa_device.tags AS device_tags FROM mfa_device LEFT JOIN identity ON identity.account = mfa_device.account \
    AND identity.identity_id = mfa_device.user_id WHERE mfa_device.account = ";

#[async_trait]
impl SecondFactorStore for SqliteStore {
    async fn create_device(
        &self,
        account: &AccountId,
        device: DeviceRecord,
        limit: u32,
    ) -> Result<CreateDevice, StoreError> {
        let account = account.clone();
        self.writer
            .act(move |connection| Box::pin(async move { create(connection, &account, &device, limit).await }))
            .await
    }

    async fn device(
        &self,
        account: &AccountId,
        serial: &Arn,
    ) -> Result<Option<(DeviceRecord, Option<IdentityRecord>)>, StoreError> {
        let select = Select::new(WITH_USER).bind(account.as_str())?.text(" AND serial_key = ").bind(&key(serial))?;
        let rows = select.fetch_all(&self.readers).await?;
        Ok(rows.first().map(with_user).transpose()?)
    }

    async fn devices_page(
        &self,
        account: &AccountId,
        assigned: Option<bool>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(DeviceRecord, Option<IdentityRecord>)>, StoreError> {
        let mut select = Select::new(WITH_USER).bind(account.as_str())?.text(match assigned {
            None => "",
            Some(true) => " AND user_id IS NOT NULL",
            Some(false) => " AND user_id IS NULL",
        });
        if let Some(after) = after {
            select = select.text(" AND serial_key > ").bind(&name_key(after))?;
        }
        let rows =
            select.text(" ORDER BY serial_key LIMIT ").bind_number(limit.into())?.fetch_all(&self.readers).await?;
        Ok(rows.iter().map(with_user).collect::<Result<_, _>>()?)
    }

    async fn devices_of_user(&self, account: &AccountId, user: &UniqueId) -> Result<Vec<DeviceRecord>, StoreError> {
        let rows = Select::new(WITH_USER)
            .bind(account.as_str())?
            .text(" AND user_id = ")
            .bind(user.as_str())?
            .text(" ORDER BY serial_key")
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn assign_device(
        &self,
        account: &AccountId,
        serial: &Arn,
        assignment: DeviceAssignment,
        limit: u32,
    ) -> Result<AssignDevice, StoreError> {
        let (account, serial) = (account.clone(), serial.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { assign(connection, &account, &serial, &assignment, limit).await })
            })
            .await
    }

    async fn release_device(&self, account: &AccountId, serial: &Arn, user: &UniqueId) -> Result<bool, StoreError> {
        let (account, serial, user) = (account.clone(), key(serial), user.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "UPDATE mfa_device SET user_id = NULL, enabled_at = NULL, drift = NULL, last_step = NULL \
                         WHERE account = $1 AND serial_key = $2 AND user_id = $3",
                    )
                    .bind(account.as_str())
                    .bind(serial)
                    .bind(user.as_str())
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn take_step(
        &self,
        account: &AccountId,
        serial: &Arn,
        user: &UniqueId,
        step: u64,
        drift: i64,
    ) -> Result<bool, StoreError> {
        let (account, serial, user) = (account.clone(), key(serial), user.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "UPDATE mfa_device SET last_step = $4, drift = $5 \
                         WHERE account = $1 AND serial_key = $2 AND user_id = $3 AND last_step < $4",
                    )
                    .bind(account.as_str())
                    .bind(serial)
                    .bind(user.as_str())
                    .bind(at(step))
                    .bind(drift)
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn delete_device(&self, account: &AccountId, serial: &Arn) -> Result<DeleteDevice, StoreError> {
        let (account, serial) = (account.clone(), key(serial));
        self.writer.act(move |connection| Box::pin(async move { delete(connection, &account, &serial).await })).await
    }
}

/// Names are the same in any case.
fn key(serial: &Arn) -> String {
    name_key(&serial.to_string())
}

async fn create(
    connection: &mut SqliteConnection,
    account: &AccountId,
    device: &DeviceRecord,
    limit: u32,
) -> Result<CreateDevice, Failure> {
    let held = sqlx::query("SELECT COUNT(*) AS n FROM mfa_device WHERE account = $1")
        .bind(account.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let done = sqlx::query(
        "INSERT INTO mfa_device (account, serial, serial_key, sealed_seed, created_at, tags) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(account.as_str())
    .bind(device.serial.to_string())
    .bind(key(&device.serial))
    .bind(&device.sealed_seed)
    .bind(at(device.created_at))
    .bind(tags_to_text(&device.tags)?);
    if count(&held, "n")? >= limit {
        return Ok(CreateDevice::LimitReached);
    }
    let done = done.execute(connection).await?;
    Ok(if done.rows_affected() > 0 { CreateDevice::Created } else { CreateDevice::NameTaken })
}

async fn assign(
    connection: &mut SqliteConnection,
    account: &AccountId,
    serial: &Arn,
    assignment: &DeviceAssignment,
    limit: u32,
) -> Result<AssignDevice, Failure> {
    let device = sqlx::query("SELECT user_id FROM mfa_device WHERE account = $1 AND serial_key = $2")
        .bind(account.as_str())
        .bind(key(serial))
        .fetch_optional(&mut *connection)
        .await?;
    let Some(device) = device else { return Ok(AssignDevice::Unknown) };
    if parse_optional::<UniqueId>(&device, "user_id")?.is_some() {
        return Ok(AssignDevice::Taken);
    }
    let user = sqlx::query("SELECT 1 FROM identity WHERE account = $1 AND identity_id = $2 AND kind = 'user'")
        .bind(account.as_str())
        .bind(assignment.user_id.as_str());
    if user.fetch_optional(&mut *connection).await?.is_none() {
        return Ok(AssignDevice::UserUnknown);
    }
    let held = sqlx::query("SELECT COUNT(*) AS n FROM mfa_device WHERE account = $1 AND user_id = $2")
        .bind(account.as_str())
        .bind(assignment.user_id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    if count(&held, "n")? >= limit {
        return Ok(AssignDevice::LimitReached);
    }
    sqlx::query(
        "UPDATE mfa_device SET user_id = $3, enabled_at = $4, drift = $5, last_step = $6 \
         WHERE account = $1 AND serial_key = $2",
    )
    .bind(account.as_str())
    .bind(key(serial))
    .bind(assignment.user_id.as_str())
    .bind(at(assignment.enabled_at))
    .bind(assignment.drift)
    .bind(at(assignment.last_step))
    .execute(connection)
    .await?;
    Ok(AssignDevice::Assigned)
}

async fn delete(connection: &mut SqliteConnection, account: &AccountId, serial: &str) -> Result<DeleteDevice, Failure> {
    let done = sqlx::query("DELETE FROM mfa_device WHERE account = $1 AND serial_key = $2 AND user_id IS NULL")
        .bind(account.as_str())
        .bind(serial)
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() > 0 {
        return Ok(DeleteDevice::Deleted);
    }
    let left = sqlx::query("SELECT 1 FROM mfa_device WHERE account = $1 AND serial_key = $2")
        .bind(account.as_str())
        .bind(serial)
        .fetch_optional(connection)
        .await?;
    Ok(if left.is_some() { DeleteDevice::Assigned } else { DeleteDevice::Unknown })
}

fn with_user(row: &SqliteRow) -> Result<(DeviceRecord, Option<IdentityRecord>), Failure> {
    let device = record(row)?;
    let user = device.assignment.is_some().then(|| identity_record(row)).transpose()?;
    Ok((device, user))
}

fn record(row: &SqliteRow) -> Result<DeviceRecord, Failure> {
    let assignment = match parse_optional(row, "user_id")? {
        None => None,
        Some(user_id) => {
            let last_step: i64 = get(row, "last_step")?;
            Some(DeviceAssignment {
                user_id,
                enabled_at: millis(row, "enabled_at")?,
                drift: get(row, "drift")?,
                last_step: u64::try_from(last_step).map_err(|error| corrupt("last_step", error))?,
            })
        }
    };
    Ok(DeviceRecord {
        serial: parse(row, "serial")?,
        sealed_seed: get(row, "sealed_seed")?,
        created_at: millis(row, "device_created_at")?,
        tags: tags_from_text(get(row, "device_tags")?)?,
        assignment,
    })
}
