//! Providers of identities (OpenID Connect).

use postern_iam::Arn;

use super::user::ListTagsResponse;
use super::{ARN, Moment};
use crate::Empty;
use crate::activation::Tag;
use crate::constraint::Text;
use crate::decode::Input;
use crate::error::ApiError;

const CLIENT: Text = Text::length(1, 255);
const THUMBPRINT: Text = Text::length(40, 40);
/// More than there may be; how many there may be is told in words of its own.
const MOST: usize = 200;

shapes! {
    /// A new provider.
    CreateProviderResponse {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: Arn,
        tags: Option<Vec<Tag>>,
    }
    /// One provider.
    GetProviderResponse {
        url: String,
        #[serde(rename = "ClientIDList")]
        client_ids: Vec<String>,
        thumbprint_list: Vec<String>,
        create_date: Moment,
        tags: Option<Vec<Tag>>,
    }
    /// One of all providers.
    ProviderEntry { arn: Arn, }
    /// All providers.
    ListProvidersResponse {
        #[serde(rename = "OpenIDConnectProviderList")]
        providers: Vec<ProviderEntry>,
    }
}

requests! {
    /// Takes somebody's word for who somebody is.
    CreateProviderRequest for CreateOpenIDConnectProvider -> CreateProviderResponse {
        url: String = required_text("Url", Text::length(1, 255)),
        #[serde(rename = "ClientIDList")]
        client_ids: Vec<String> = client_ids(),
        thumbprint_list: Vec<String> = thumbprints(),
        tags: Vec<Tag> = tags(),
    }
    /// What is known about a provider.
    GetProviderRequest for GetOpenIDConnectProvider -> GetProviderResponse {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
    }
    /// Lists providers.
    ListProvidersRequest for ListOpenIDConnectProviders -> ListProvidersResponse {}
    /// Takes its word no more.
    DeleteProviderRequest for DeleteOpenIDConnectProvider -> Empty {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
    }
    /// Other thumbprints of its certificates.
    UpdateThumbprintRequest for UpdateOpenIDConnectProviderThumbprint -> Empty {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
        thumbprint_list: Vec<String> = required_thumbprints(),
    }
    /// Its tokens may be made for one more client.
    AddClientIdRequest for AddClientIDToOpenIDConnectProvider -> Empty {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
        #[serde(rename = "ClientID")]
        client_id: String = required_text("ClientID", CLIENT),
    }
    /// Its tokens may be made for one client less.
    RemoveClientIdRequest for RemoveClientIDFromOpenIDConnectProvider -> Empty {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
        #[serde(rename = "ClientID")]
        client_id: String = required_text("ClientID", CLIENT),
    }
    /// Puts tags on a provider.
    TagProviderRequest for TagOpenIDConnectProvider -> Empty {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
        tags: Vec<Tag> = required_tags(),
    }
    /// Takes tags from a provider.
    UntagProviderRequest for UntagOpenIDConnectProvider -> Empty {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
        tag_keys: Vec<String> = tag_keys(),
    }
    /// Lists a provider's tags.
    ListProviderTagsRequest for ListOpenIDConnectProviderTags -> ListTagsResponse {
        #[serde(rename = "OpenIDConnectProviderArn")]
        arn: String = required_text("OpenIDConnectProviderArn", ARN),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
}

impl Input<'_> {
    fn client_ids(&mut self) -> Result<Vec<String>, ApiError> {
        Ok(self.texts("ClientIDList", 0..=MOST, CLIENT)?.unwrap_or_default())
    }

    fn thumbprints(&mut self) -> Result<Vec<String>, ApiError> {
        Ok(self.texts("ThumbprintList", 0..=MOST, THUMBPRINT)?.unwrap_or_default())
    }

    fn required_thumbprints(&mut self) -> Result<Vec<String>, ApiError> {
        Ok(self.required_texts("ThumbprintList", 0..=MOST, THUMBPRINT)?.unwrap_or_default())
    }
}
