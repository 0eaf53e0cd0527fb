//! Managed nodes: with the temporary credentials of their role, and with their registered key.

use postern_iam::sigv4::{self, SignedRequest};
use postern_iam::{NodeId, NodePublicKey, SecretString};
use postern_model::{ApiError, ErrorCode};
use postern_store::NodeRecord;

use super::{Arrival, Proven, not_registered, unknown_key, unknown_token};
use crate::caller::NodeProof;
use crate::role::{RoleCredentials, RoleToken};
use crate::{Control, failure};

impl Control {
    pub(super) async fn authenticate_node_role(
        &self,
        signed: &SignedRequest,
        session_token: &SecretString,
        arrival: &Arrival<'_>,
    ) -> Result<Proven, ApiError> {
        let (token, credentials) = RoleToken::verify(session_token, &self.keys).ok_or_else(unknown_token)?;
        if credentials.access_key_id.as_str() != signed.access_key_id() || token.scope != *self.scope() {
            return Err(unknown_token());
        }
        self.verify_role(signed, arrival, &token, &credentials)
            .inspect_err(|error| self.note_refusal(&token.node_id, error))?;
        self.registered(&token.node_id).await?;
        Ok(Proven::node(token.node_id, NodeProof::Role, None))
    }

    fn verify_role(
        &self,
        signed: &SignedRequest,
        arrival: &Arrival<'_>,
        token: &RoleToken,
        credentials: &RoleCredentials,
    ) -> Result<(), ApiError> {
        if self.unix_millis() >= token.expires_at {
            let message = "The security token included in the request is expired; the agent asks for a new one by \
                           itself, if its clock is right.";
            return Err(ApiError::new(ErrorCode::ExpiredTokenException, message));
        }
        self.verify(signed, arrival, &credentials.secret_access_key)
    }

    pub(super) async fn authenticate_node_key(
        &self,
        signed: &SignedRequest,
        arrival: &Arrival<'_>,
    ) -> Result<Proven, ApiError> {
        let node_id: NodeId = signed.access_key_id().parse().map_err(|_| unknown_key())?;
        let node = self.registered(&node_id).await?;
        let key = NodePublicKey::from_registration(&node.key.public_key, &node.key.key_type).map_err(|error| {
            tracing::error!(%node_id, %error, "a registered key cannot be read");
            ApiError::internal()
        })?;
        let policy = self.policy(signed, arrival);
        sigv4::verify_with_node_key(signed, arrival.body, &key, self.unix_millis(), &policy)
            .map_err(ApiError::from)
            .inspect_err(|error| self.note_refusal(&node_id, error))?;
        Ok(Proven::node(node_id, NodeProof::Key, Some(node.key)))
    }

    async fn registered(&self, node_id: &NodeId) -> Result<NodeRecord, ApiError> {
        let node = self.store.node(self.scope(), node_id).await.map_err(failure::store)?;
        node.ok_or_else(|| not_registered(node_id))
    }

    fn verify(&self, signed: &SignedRequest, arrival: &Arrival<'_>, secret: &SecretString) -> Result<(), ApiError> {
        Ok(sigv4::verify(signed, arrival.body, secret, self.unix_millis(), &self.policy(signed, arrival))?)
    }
}
