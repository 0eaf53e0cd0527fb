//! Service settings in SQLite.

use async_trait::async_trait;
use postern_store::{Scope, ServiceSettingRecord, ServiceSettingStore, StoreError};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::query::scoped;
use crate::row::{at, get, millis, parse};
use crate::writer::Failure;

#[async_trait]
impl ServiceSettingStore for SqliteStore {
    async fn service_setting(&self, scope: &Scope, path: &str) -> Result<Option<ServiceSettingRecord>, StoreError> {
        let row = scoped("SELECT * FROM service_setting WHERE account = $1 AND region = $2 AND path = $3", scope)
            .bind(path)
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn set_service_setting(
        &self,
        scope: &Scope,
        path: &str,
        setting: ServiceSettingRecord,
    ) -> Result<(), StoreError> {
        let (scope, path) = (scope.clone(), path.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    scoped("INSERT INTO service_setting (account, region, path, value, modified_at, modified_by) \
                         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, region, path) DO UPDATE SET \
                         value = excluded.value, modified_at = excluded.modified_at, modified_by = excluded.modified_by", &scope)
                    .bind(&path)
                    .bind(&setting.value)
                    .bind(at(setting.modified_at))
                    .bind(setting.modified_by.to_string())
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn reset_service_setting(&self, scope: &Scope, path: &str) -> Result<bool, StoreError> {
        let (scope, path) = (scope.clone(), path.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done =
                        scoped("DELETE FROM service_setting WHERE account = $1 AND region = $2 AND path = $3", &scope)
                            .bind(&path)
                            .execute(connection)
                            .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }
}

fn record(row: &SqliteRow) -> Result<ServiceSettingRecord, Failure> {
    Ok(ServiceSettingRecord {
        value: get(row, "value")?,
        modified_at: millis(row, "modified_at")?,
        modified_by: parse(row, "modified_by")?,
    })
}
