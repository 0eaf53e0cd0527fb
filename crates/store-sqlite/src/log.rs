//! Logs in SQLite: the trait, and what groups need. Streams, events and forgetting have rooms of their own.

mod forget;
mod group;
mod put;
mod read;
mod stream;

use async_trait::async_trait;
use postern_store::{
    CreateLogGroup, CreateLogStream, LogBatch, LogGroupFilter, LogGroupRecord, LogPage, LogQuery, LogStore,
    LogStreamOrder, LogStreamRecord, OnLogStream, PutLogEvents, Scope, StoreError, UnixMillis,
};

use crate::SqliteStore;

#[async_trait]
impl LogStore for SqliteStore {
    async fn create_log_group(
        &self,
        scope: &Scope,
        group: LogGroupRecord,
        limit: u32,
    ) -> Result<CreateLogGroup, StoreError> {
        let scope = scope.clone();
        self.writer
            .act(move |connection| Box::pin(async move { group::create(connection, &scope, &group, limit).await }))
            .await
    }

    async fn log_group(&self, scope: &Scope, name: &str) -> Result<Option<LogGroupRecord>, StoreError> {
        Ok(group::find(&self.readers, scope, name).await?)
    }

    async fn log_groups_page(
        &self,
        scope: &Scope,
        filter: &LogGroupFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<LogGroupRecord>, StoreError> {
        Ok(group::page(&self.readers, scope, filter, after, limit).await?)
    }

    async fn set_log_retention(&self, scope: &Scope, name: &str, days: Option<u32>) -> Result<bool, StoreError> {
        let (scope, name) = (scope.clone(), name.to_owned());
        self.writer
            .act(move |connection| Box::pin(async move { group::set_retention(connection, &scope, &name, days).await }))
            .await
    }

    async fn delete_log_group(&self, scope: &Scope, name: &str) -> Result<bool, StoreError> {
        let (scope, name) = (scope.clone(), name.to_owned());
        self.writer.act(move |connection| Box::pin(async move { group::delete(connection, &scope, &name).await })).await
    }

    async fn create_log_stream(
        &self,
        scope: &Scope,
        group: &str,
        name: &str,
        created_at: UnixMillis,
    ) -> Result<CreateLogStream, StoreError> {
        let (scope, group, name) = (scope.clone(), group.to_owned(), name.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move { stream::create(connection, &scope, &group, &name, created_at).await })
            })
            .await
    }

    async fn delete_log_stream(&self, scope: &Scope, group: &str, name: &str) -> Result<OnLogStream<()>, StoreError> {
        let (scope, group, name) = (scope.clone(), group.to_owned(), name.to_owned());
        self.writer
            .act(move |connection| Box::pin(async move { stream::delete(connection, &scope, &group, &name).await }))
            .await
    }

    async fn log_streams_page(
        &self,
        scope: &Scope,
        group: &str,
        order: &LogStreamOrder,
        descending: bool,
        limit: u32,
    ) -> Result<Option<Vec<LogStreamRecord>>, StoreError> {
        Ok(stream::page(&self.readers, scope, group, order, descending, limit).await?)
    }

    async fn put_log_events(&self, scope: &Scope, batch: LogBatch) -> Result<PutLogEvents, StoreError> {
        let scope = scope.clone();
        self.writer.act(move |connection| Box::pin(async move { put::put(connection, &scope, batch).await })).await
    }

    async fn log_events(&self, scope: &Scope, query: &LogQuery) -> Result<OnLogStream<LogPage>, StoreError> {
        Ok(read::read(&self.readers, scope, query).await?)
    }

    async fn forget_log_events(&self, now: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        self.writer.act(move |connection| Box::pin(async move { forget::forget(connection, now, limit).await })).await
    }
}
