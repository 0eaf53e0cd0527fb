//! Documents in SQLite.

mod change;
mod read;
mod share;

use async_trait::async_trait;
use postern_iam::DocumentName;
use postern_model::document::{NamedVersion, Sharer};
use postern_store::{
    AddVersion, CreateDocument, DeleteDocument, Deletion, DocumentFilter, DocumentRecord, DocumentStore,
    DocumentUpdate, FindDocument, NewDocument, NewVersion, Scope, SetDefaultVersion, Share, ShareDocument, StoreError,
};

use crate::SqliteStore;
use crate::writer::Failure;

#[async_trait]
impl DocumentStore for SqliteStore {
    async fn create_document(
        &self,
        scope: &Scope,
        document: NewDocument,
        max: u32,
    ) -> Result<CreateDocument, StoreError> {
        let scope = scope.clone();
        self.writer
            .act(move |connection| Box::pin(async move { change::create(connection, &scope, &document, max).await }))
            .await
    }

    async fn document(
        &self,
        scope: &Scope,
        name: &DocumentName,
        version: &NamedVersion,
    ) -> Result<FindDocument, StoreError> {
        // One transaction, so that the tags are those of the version's moment.
        let mut reader = self.readers.begin().await.map_err(Failure::Sql)?;
        Ok(read::find(&mut reader, scope, name, version).await?)
    }

    async fn add_document_version(
        &self,
        scope: &Scope,
        name: &DocumentName,
        update: DocumentUpdate,
        version: NewVersion,
        max: u32,
    ) -> Result<AddVersion, StoreError> {
        let (scope, name) = (scope.clone(), name.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { change::add_version(connection, &scope, &name, &update, &version, max).await })
            })
            .await
    }

    async fn set_default_version(
        &self,
        scope: &Scope,
        name: &DocumentName,
        version: u32,
    ) -> Result<SetDefaultVersion, StoreError> {
        let (scope, name) = (scope.clone(), name.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { change::set_default(connection, &scope, &name, version).await })
            })
            .await
    }

    async fn delete_document(
        &self,
        scope: &Scope,
        name: &DocumentName,
        what: Deletion,
    ) -> Result<DeleteDocument, StoreError> {
        let (scope, name) = (scope.clone(), name.clone());
        self.writer
            .act(move |connection| Box::pin(async move { change::delete(connection, &scope, &name, &what).await }))
            .await
    }

    async fn documents_page(
        &self,
        scope: &Scope,
        filters: &[DocumentFilter],
        after: Option<&DocumentName>,
        limit: u32,
    ) -> Result<Vec<DocumentRecord>, StoreError> {
        let mut reader = self.readers.begin().await.map_err(Failure::Sql)?;
        Ok(read::page(&mut reader, scope, filters, after, limit).await?)
    }

    async fn document_versions_page(
        &self,
        scope: &Scope,
        name: &DocumentName,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Option<Vec<DocumentRecord>>, StoreError> {
        let mut reader = self.readers.begin().await.map_err(Failure::Sql)?;
        Ok(read::versions(&mut reader, scope, name, before, limit).await?)
    }

    async fn share_document(
        &self,
        scope: &Scope,
        name: &DocumentName,
        add: Vec<Share>,
        remove: Vec<Sharer>,
        max: u32,
    ) -> Result<ShareDocument, StoreError> {
        let (scope, name) = (scope.clone(), name.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { share::share(connection, &scope, &name, &add, &remove, max).await })
            })
            .await
    }

    async fn document_shares_page(
        &self,
        scope: &Scope,
        name: &DocumentName,
        after: Option<&Sharer>,
        limit: u32,
    ) -> Result<Option<Vec<Share>>, StoreError> {
        let mut reader = self.readers.begin().await.map_err(Failure::Sql)?;
        Ok(share::page(&mut reader, scope, name, after, limit).await?)
    }
}
