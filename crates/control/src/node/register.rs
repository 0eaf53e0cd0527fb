//! How a machine becomes a managed node, and stays itself: registration, temporary credentials, new keys.

use std::sync::PoisonError;

use postern_iam::{NodeId, NodePublicKey};
use postern_model::agent::{
    RegisterManagedInstanceRequest, RegisterManagedInstanceResponse, RequestManagedInstanceRoleTokenRequest,
    RequestManagedInstanceRoleTokenResponse, UpdateManagedInstancePublicKeyRequest,
};
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};
use postern_store::{CodeHash, NewNode, RegisterNode, RegisteredKey, ReplacePublicKey};

use crate::authenticate::not_registered;
use crate::authz::act::{self, Itself};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::role::RoleToken;
use crate::session::throttled;
use crate::{Control, failure, millis};

impl Control {
    /// `RegisterManagedInstance`: a machine with the code of an activation becomes a node.
    ///
    /// # Errors
    /// `InvalidActivation` for an unknown activation, a wrong code or one that is used up; `ActivationExpired`;
    /// `ValidationException` for a key that is none; `ThrottlingException`.
    pub async fn register_managed_instance(
        &self,
        caller: &Caller,
        request: RegisterManagedInstanceRequest,
    ) -> Result<RegisterManagedInstanceResponse, ApiError> {
        self.register(authorize::<act::RegisterManagedInstance>(caller, ())?, request).await
    }

    async fn register(
        &self,
        allowed: Authorized<act::RegisterManagedInstance>,
        request: RegisterManagedInstanceRequest,
    ) -> Result<RegisterManagedInstanceResponse, ApiError> {
        if !self.throttle(|throttle, from, now| throttle.admit(from, now), allowed.caller()) {
            let message = "Too many machines try to register, or too often with a wrong code; wait a minute.";
            return Err(throttled(message));
        }
        let key = registered_key(&request.public_key, &request.public_key_type)?;
        let activation = self.store.activation(self.scope(), &request.activation_id).await.map_err(failure::store)?;
        // An unknown activation takes as long as a wrong code, and gets the same answer.
        let nobody: CodeHash = self.random();
        let hash = activation.as_ref().map_or(&nobody, |activation| &activation.code_hash);
        if !self.is_code(&request.activation_id, &request.activation_code, hash) {
            self.throttle(|throttle, from, now| throttle.note_wrong(from, now), allowed.caller());
            tracing::warn!(source = ?allowed.caller().source_ip, "a registration with a wrong activation id or code");
            return Err(invalid_activation("The activation id or code is wrong, or the activation was deleted."));
        }
        let node_id = NodeId::generate(&self.random());
        let node = NewNode { node_id: node_id.clone(), fingerprint: request.fingerprint, key };
        let now = self.unix_millis();
        let registered = self.store.register_node(self.scope(), &request.activation_id, node, now).await;
        match registered.map_err(failure::store)? {
            RegisterNode::Registered => {
                tracing::info!(node.id = %node_id, activation = %request.activation_id, "node registered");
                Ok(RegisterManagedInstanceResponse { instance_id: node_id })
            }
            RegisterNode::ActivationUnknown => {
                Err(invalid_activation("The activation id or code is wrong, or the activation was deleted."))
            }
            RegisterNode::ActivationExpired(_) => Err(ApiError::new(
                ErrorCode::ActivationExpired,
                "The activation has expired; create a new one and register with that.",
            )),
            RegisterNode::ActivationUsedUp(limit) => Err(invalid_activation(&format!(
                "The activation was for {limit} registrations and all are used; create a new one."
            ))),
        }
    }

    /// `RequestManagedInstanceRoleToken`: temporary credentials for a node that signed with its key.
    ///
    /// # Errors
    /// `MachineFingerprintDoesNotMatch` when the machine is another one than at registration;
    /// `AccessDeniedException`. Both make a stock agent stay away for half an hour, on purpose.
    pub async fn request_managed_instance_role_token(
        &self,
        caller: &Caller,
        request: RequestManagedInstanceRoleTokenRequest,
    ) -> Result<RequestManagedInstanceRoleTokenResponse, ApiError> {
        let allowed = authorize::<act::RequestManagedInstanceRoleToken>(caller, Itself(itself(caller)?))?;
        self.issue_role_token(allowed, &request.fingerprint).await
    }

    async fn issue_role_token(
        &self,
        allowed: Authorized<act::RequestManagedInstanceRoleToken>,
        fingerprint: &str,
    ) -> Result<RequestManagedInstanceRoleTokenResponse, ApiError> {
        let Itself(node_id) = allowed.on();
        let node = self.store.node(self.scope(), node_id).await.map_err(failure::store)?;
        let node = node.ok_or_else(|| not_registered(node_id))?;
        if node.fingerprint != fingerprint {
            tracing::warn!(node.id = %node_id, "the machine's fingerprint is not the registered one; is it a copy?");
            let message = format!(
                "The fingerprint of this machine is not the one {node_id} registered with: the machine was copied or \
                 its hardware changed; register it again."
            );
            return Err(ApiError::new(ErrorCode::MachineFingerprintDoesNotMatch, message));
        }
        let expires_at = self.unix_millis() + millis(self.settings.role_credentials_life);
        let scope = self.scope().clone();
        let token = RoleToken { scope, node_id: node_id.clone(), expires_at, salt: self.random() };
        let credentials = token.issue(&self.keys);
        Ok(RequestManagedInstanceRoleTokenResponse {
            access_key_id: credentials.access_key_id.to_string(),
            secret_access_key: credentials.secret_access_key,
            session_token: credentials.session_token,
            token_expiration_date: Timestamp::from_millis(expires_at),
            update_key_pair: false,
        })
    }

    /// `UpdateManagedInstancePublicKey`: from the answer on, only the new key counts.
    ///
    /// # Errors
    /// `ValidationException` for a key that is none; `TooManyUpdates` when another update came first;
    /// `AccessDeniedException`.
    pub async fn update_managed_instance_public_key(
        &self,
        caller: &Caller,
        request: UpdateManagedInstancePublicKeyRequest,
    ) -> Result<Empty, ApiError> {
        let allowed = authorize::<act::UpdateManagedInstancePublicKey>(caller, Itself(itself(caller)?))?;
        self.replace_key(allowed, &request).await
    }

    async fn replace_key(
        &self,
        allowed: Authorized<act::UpdateManagedInstancePublicKey>,
        request: &UpdateManagedInstancePublicKeyRequest,
    ) -> Result<Empty, ApiError> {
        let new = registered_key(&request.new_public_key, &request.new_public_key_type)?;
        // The key that this very request was verified with, not whichever is the key by now.
        let current = allowed.caller().verified_key.clone().ok_or_else(ApiError::internal)?;
        let Itself(node_id) = allowed.on();
        let replaced = self.store.replace_public_key(self.scope(), node_id, &current, new).await;
        match replaced.map_err(failure::store)? {
            ReplacePublicKey::Replaced => {
                tracing::info!(node.id = %node_id, "node replaced its key");
                Ok(Empty {})
            }
            ReplacePublicKey::Superseded => Err(ApiError::new(
                ErrorCode::TooManyUpdates,
                "The key was replaced by another request at the same time; ask for a role token to learn which counts.",
            )),
            ReplacePublicKey::NodeUnknown => Err(not_registered(node_id)),
        }
    }

    fn throttle<T>(
        &self,
        act: impl FnOnce(&mut crate::RegistrationThrottle, Option<std::net::IpAddr>, std::time::Instant) -> T,
        caller: &Caller,
    ) -> T {
        let mut throttle = self.registrations.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut throttle, caller.source_ip, self.clock.now().instant)
    }
}

/// The calling node. Whoever is not a node is refused with the words of a denial.
pub(crate) fn itself(caller: &Caller) -> Result<NodeId, ApiError> {
    caller.node_id().cloned().ok_or_else(|| {
        ApiError::access_denied(
            &caller.principal,
            "this operation",
            &"*",
            "because only a managed node may do this, with its own credentials",
        )
    })
}

/// A key is stored as it was sent, once it is known to be one.
fn registered_key(public_key: &str, key_type: &str) -> Result<RegisteredKey, ApiError> {
    NodePublicKey::from_registration(public_key, key_type)
        .map_err(|error| ApiError::new(ErrorCode::ValidationException, error.to_string()))?;
    Ok(RegisteredKey { public_key: public_key.to_owned(), key_type: key_type.to_owned() })
}

fn invalid_activation(message: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidActivation, message)
}
