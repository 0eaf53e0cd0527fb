//! Starting again, and tidying up.

use postern_iam::SessionId;
use postern_model::ApiError;
use postern_store::{NodeDisconnection, SessionCursor};

use crate::{Control, failure, millis};

/// Sessions read, or forgotten, at once.
const BATCH: u32 = 500;

impl Control {
    /// Goes on after a restart: nodes are not connected until they are back, and every active session is answered, to
    /// be supervised again. To be called once, before the first request.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn recover(&self) -> Result<Vec<SessionId>, ApiError> {
        self.make_node_role().await?;
        let disconnection =
            NodeDisconnection { at: self.unix_millis(), reason: "the service was restarted".to_owned() };
        let nodes = self
            .store
            .forget_connections(self.scope(), &self.settings.service_name, disconnection)
            .await
            .map_err(failure::store)?;
        self.recover_audit().await?;
        let sessions = self.active_sessions().await?;
        tracing::info!(nodes, sessions = sessions.len(), "going on where the service stopped");
        Ok(sessions)
    }

    /// Every session that has not ended, oldest first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn active_sessions(&self) -> Result<Vec<SessionId>, ApiError> {
        let (mut sessions, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.active_sessions(self.scope(), after.as_ref(), BATCH).await.map_err(failure::store)?;
            let Some(last) = page.last() else { return Ok(sessions) };
            after = Some(SessionCursor { started_at: last.started_at, session_id: last.session_id.clone() });
            sessions.extend(page.into_iter().map(|session| session.session_id));
        }
    }

    /// Forgets sessions that ended before the history begins, a batch at a time. To be called now and then.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn keep_house(&self) -> Result<u64, ApiError> {
        let before = self.unix_millis().saturating_sub(millis(self.settings.history));
        let mut forgotten = 0;
        loop {
            let batch = self.store.forget_ended_sessions(self.scope(), before, BATCH).await.map_err(failure::store)?;
            forgotten += batch;
            if batch < u64::from(BATCH) {
                return Ok(forgotten);
            }
        }
    }
}
