//! Providers of identities, through the API.

use postern_iam::Arn;
use postern_model::iam::{
    AddClientIdRequest, CreateProviderRequest, CreateProviderResponse, DeleteProviderRequest, GetProviderRequest,
    GetProviderResponse, ListProviderTagsRequest, ListProvidersRequest, ListProvidersResponse, ListTagsResponse,
    ProviderEntry, RemoveClientIdRequest, TagProviderRequest, UntagProviderRequest, UpdateThumbprintRequest,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{ChangeTags, CreateProvider, ProviderChange, ProviderRecord, TagChange};

use super::{MAX_TAGS, Page, log, moment, new_tags, no_entity, over_quota, shown_tags};
use crate::authz::act::{self, Creation, OnProvider, Tagging, TagsAsked};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use crate::sts::address;
use crate::{Control, failure};

/// AWS's quotas.
const MAX_PROVIDERS: u32 = 100;
const MAX_CLIENTS: usize = 100;
const MAX_THUMBPRINTS: usize = 5;

/// A public act on one provider, from the members of its request.
macro_rules! on_provider {
    ($($(#[$doc:meta])* $name:ident($request:ident: $act:ident) -> $response:ty
        => $inner:ident($($member:ident),*);)+) => {
        impl Control { $(
            $(#[$doc])*
            ///
            /// # Errors
            /// AWS's codes for the operation; `AccessDeniedException`.
            pub async fn $name(&self, caller: &Caller, request: $request) -> Result<$response, ApiError> {
                let allowed = authorize::<act::$act>(caller, self.on_provider(&request.arn).await?)?;
                self.$inner(allowed, $(request.$member),*).await
            }
        )+ }
    };
}

on_provider! {
    /// `GetOpenIDConnectProvider`.
    get_provider(GetProviderRequest: GetOpenIDConnectProvider) -> GetProviderResponse => read_provider();
    /// `DeleteOpenIDConnectProvider`: as at AWS, also one that is not there.
    delete_provider(DeleteProviderRequest: DeleteOpenIDConnectProvider) -> Empty => remove_provider();
    /// `UpdateOpenIDConnectProviderThumbprint`.
    update_provider_thumbprint(UpdateThumbprintRequest: UpdateOpenIDConnectProviderThumbprint) -> Empty
        => set_thumbprints(thumbprint_list);
    /// `AddClientIDToOpenIDConnectProvider`: as at AWS, also one that is there.
    add_provider_client(AddClientIdRequest: AddClientIDToOpenIDConnectProvider) -> Empty => add_client(client_id);
    /// `RemoveClientIDFromOpenIDConnectProvider`: as at AWS, also one that is not there.
    remove_provider_client(RemoveClientIdRequest: RemoveClientIDFromOpenIDConnectProvider) -> Empty
        => remove_client(client_id);
}

impl Control {
    /// `CreateOpenIDConnectProvider`. Nobody is asked anything yet.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `InvalidInput`; `AccessDeniedException`.
    pub async fn create_provider(
        &self,
        caller: &Caller,
        request: CreateProviderRequest,
    ) -> Result<CreateProviderResponse, ApiError> {
        let CreateProviderRequest { url, client_ids, thumbprint_list, tags } = request;
        let arn = provider_arn(self, &url)?;
        let tags = new_tags(tags)?;
        let of = OnProvider { arn: arn.clone(), tags: Vec::new() };
        let on = Creation { of, tags: tags.clone() };
        let allowed = authorize::<act::CreateOpenIDConnectProvider>(caller, on)?;
        if client_ids.len() > MAX_CLIENTS {
            return Err(over_quota("ClientIdsPerOpenIdConnectProvider", MAX_CLIENTS));
        }
        let mut clients: Vec<String> = Vec::new();
        for client in client_ids {
            if !clients.contains(&client) {
                clients.push(client);
            }
        }
        let provider = ProviderRecord {
            arn: arn.clone(),
            url,
            client_ids: clients,
            thumbprints: checked_thumbprints(thumbprint_list)?,
            created_at: self.unix_millis(),
            tags,
        };
        let shown = (!provider.tags.is_empty()).then(|| shown_tags(&provider.tags));
        let made = self.store.create_provider(self.account(), provider, MAX_PROVIDERS).await;
        match made.map_err(failure::store)? {
            CreateProvider::Created => {
                log(&allowed, &arn, None::<&str>);
                Ok(CreateProviderResponse { arn, tags: shown })
            }
            CreateProvider::Exists => {
                let url = arn.resource.trim_start_matches("oidc-provider/");
                let message = format!("Provider with url https://{url} already exists.");
                Err(ApiError::new(ErrorCode::EntityAlreadyExists, message))
            }
            CreateProvider::LimitReached => Err(over_quota("OpenIdConnectProvidersPerAccount", MAX_PROVIDERS)),
        }
    }

    /// `ListOpenIDConnectProviders`.
    ///
    /// # Errors
    /// `AccessDeniedException`.
    pub async fn list_providers(
        &self,
        caller: &Caller,
        _: ListProvidersRequest,
    ) -> Result<ListProvidersResponse, ApiError> {
        let _allowed = authorize::<act::ListOpenIDConnectProviders>(caller, ())?;
        let all = self.store.providers(self.account()).await.map_err(failure::store)?;
        Ok(ListProvidersResponse {
            providers: all.into_iter().map(|provider| ProviderEntry { arn: provider.arn }).collect(),
        })
    }

    /// `ListOpenIDConnectProviderTags`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
    pub async fn list_provider_tags(
        &self,
        caller: &Caller,
        request: ListProviderTagsRequest,
    ) -> Result<ListTagsResponse, ApiError> {
        let allowed = authorize::<act::ListOpenIDConnectProviderTags>(caller, self.on_provider(&request.arn).await?)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let provider = self.allowed_provider(&allowed).await?;
        let (tags, marker) = page.of_all(provider.tags, |tag| tag.key.clone());
        Ok(ListTagsResponse { tags: shown_tags(&tags), is_truncated: marker.is_some(), marker })
    }

    /// `TagOpenIDConnectProvider`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`, `InvalidInput`; `AccessDeniedException`.
    pub async fn tag_provider(&self, caller: &Caller, request: TagProviderRequest) -> Result<Empty, ApiError> {
        let tags = new_tags(request.tags)?;
        let on = Tagging { on: self.on_provider(&request.arn).await?, change: TagsAsked::Added(tags.clone()) };
        let allowed = authorize::<act::TagOpenIDConnectProvider>(caller, on)?;
        let change = ProviderChange::Tags(TagChange::Add { tags, limit: MAX_TAGS });
        self.change_provider(&allowed, &allowed.on().on.arn, change).await
    }

    /// `UntagOpenIDConnectProvider`.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`; `AccessDeniedException`.
    pub async fn untag_provider(&self, caller: &Caller, request: UntagProviderRequest) -> Result<Empty, ApiError> {
        let keys = request.tag_keys;
        let on = Tagging { on: self.on_provider(&request.arn).await?, change: TagsAsked::Removed(keys.clone()) };
        let allowed = authorize::<act::UntagOpenIDConnectProvider>(caller, on)?;
        let change = ProviderChange::Tags(TagChange::Remove(keys));
        self.change_provider(&allowed, &allowed.on().on.arn, change).await
    }

    pub(crate) async fn on_provider(&self, text: &str) -> Result<OnProvider, ApiError> {
        let arn = text.parse::<Arn>().ok();
        let is_provider = |arn: &Arn| arn.service == "iam" && arn.resource.starts_with("oidc-provider/");
        let arn = arn.filter(is_provider).ok_or_else(|| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(256).collect();
            ApiError::new(ErrorCode::InvalidInput, format!("ARN {shown} is not valid."))
        })?;
        let found = self.store.provider(self.account(), &arn).await.map_err(failure::store)?;
        Ok(OnProvider { arn, tags: found.map(|found| found.tags).unwrap_or_default() })
    }

    async fn allowed_provider<A: Act<On = OnProvider>>(
        &self,
        allowed: &Authorized<A>,
    ) -> Result<ProviderRecord, ApiError> {
        let arn = &allowed.on().arn;
        self.store.provider(self.account(), arn).await.map_err(failure::store)?.ok_or_else(|| no_such_provider(arn))
    }

    async fn read_provider(
        &self,
        allowed: Authorized<act::GetOpenIDConnectProvider>,
    ) -> Result<GetProviderResponse, ApiError> {
        let provider = self.allowed_provider(&allowed).await?;
        Ok(GetProviderResponse {
            url: address(&provider.url).to_owned(),
            client_ids: provider.client_ids,
            thumbprint_list: provider.thumbprints,
            create_date: moment(provider.created_at),
            tags: (!provider.tags.is_empty()).then(|| shown_tags(&provider.tags)),
        })
    }

    async fn remove_provider(&self, allowed: Authorized<act::DeleteOpenIDConnectProvider>) -> Result<Empty, ApiError> {
        let arn = &allowed.on().arn;
        if self.store.delete_provider(self.account(), arn).await.map_err(failure::store)? {
            log(&allowed, arn, None::<&str>);
        }
        Ok(Empty {})
    }

    async fn set_thumbprints(
        &self,
        allowed: Authorized<act::UpdateOpenIDConnectProviderThumbprint>,
        thumbprints: Vec<String>,
    ) -> Result<Empty, ApiError> {
        self.change_provider(
            &allowed,
            &allowed.on().arn,
            ProviderChange::Thumbprints(checked_thumbprints(thumbprints)?),
        )
        .await
    }

    async fn add_client(
        &self,
        allowed: Authorized<act::AddClientIDToOpenIDConnectProvider>,
        client: String,
    ) -> Result<Empty, ApiError> {
        self.change_provider(&allowed, &allowed.on().arn, ProviderChange::AddClient(client, MAX_CLIENTS)).await
    }

    async fn remove_client(
        &self,
        allowed: Authorized<act::RemoveClientIDFromOpenIDConnectProvider>,
        client: String,
    ) -> Result<Empty, ApiError> {
        self.change_provider(&allowed, &allowed.on().arn, ProviderChange::RemoveClient(client)).await
    }

    async fn change_provider<A: Act>(
        &self,
        allowed: &Authorized<A>,
        arn: &Arn,
        change: ProviderChange,
    ) -> Result<Empty, ApiError> {
        let is_about_tags = matches!(change, ProviderChange::Tags(_));
        let changed = self.store.change_provider(self.account(), arn, change).await;
        match changed.map_err(failure::store)? {
            ChangeTags::Changed => {
                log(allowed, arn, None::<&str>);
                Ok(Empty {})
            }
            ChangeTags::Unknown => Err(no_such_provider(arn)),
            ChangeTags::TooMany if is_about_tags => Err(over_quota("TagsPerResource", MAX_TAGS)),
            ChangeTags::TooMany => Err(over_quota("ClientIdsPerOpenIdConnectProvider", MAX_CLIENTS)),
        }
    }
}

/// The ARN of the provider at this address, which must be one that a token can name as its issuer.
fn provider_arn(control: &Control, url: &str) -> Result<Arn, ApiError> {
    let invalid = || {
        let message = "Invalid Open ID Connect Provider URL: write it as the issuer in its tokens, with https://, and \
                       without a query, a user name or a fragment.";
        ApiError::new(ErrorCode::InvalidInput, message)
    };
    let rest = url.strip_prefix("https://").ok_or_else(invalid)?;
    let host = rest.split('/').next().unwrap_or_default();
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
        && !host.starts_with([':', '-', '.']);
    let is_path = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@\\*\"<>".contains(&byte));
    if !is_host || !is_path {
        return Err(invalid());
    }
    Ok(Arn::oidc_provider(control.account(), rest))
}

fn checked_thumbprints(thumbprints: Vec<String>) -> Result<Vec<String>, ApiError> {
    if thumbprints.len() > MAX_THUMBPRINTS {
        return Err(over_quota("ThumbprintsPerOpenIdConnectProvider", MAX_THUMBPRINTS));
    }
    if thumbprints.iter().any(|thumbprint| !thumbprint.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        let message = "A thumbprint is the SHA-1 of a certificate, in 40 hexadecimal digits.";
        return Err(ApiError::new(ErrorCode::InvalidInput, message));
    }
    Ok(thumbprints)
}

fn no_such_provider(arn: &Arn) -> ApiError {
    no_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}
