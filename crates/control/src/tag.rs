//! Tags on nodes and documents: add, list, remove, and what a tag may be.

use postern_model::activation::Tag;
use postern_model::tag::{
    AddTagsToResourceRequest, ListTagsForResourceRequest, ListTagsForResourceResponse, RemoveTagsFromResourceRequest,
    TaggedType,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{AddTags, Tag as StoredTag, Tagged};

use crate::authz::act::{self, OnDocument, OnTagged, Tagging, TagsAsked};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::document::NamedKind;
use crate::{Control, failure};

/// Tags of one resource, AWS's quota.
pub(crate) const MAX_TAGS: usize = 50;

impl Control {
    /// `AddTagsToResource`: adds tags, all or none; a key that is there gets the new value.
    ///
    /// # Errors
    /// `InvalidResourceId` if there is nothing of that id; `TooManyTagsError`; `ValidationException` for an id that
    /// cannot be one, for reserved keys, and for keys that differ in case only; `AccessDeniedException`.
    pub async fn add_tags_to_resource(
        &self,
        caller: &Caller,
        request: AddTagsToResourceRequest,
    ) -> Result<Empty, ApiError> {
        let on = self.tagged_named(request.resource_type, request.resource_id).await?;
        let on = Tagging { on, change: TagsAsked::Added(asked_tags(&request.tags)) };
        self.add_tags(authorize::<act::AddTagsToResource>(caller, on)?, request.tags).await
    }

    async fn add_tags(&self, allowed: Authorized<act::AddTagsToResource>, tags: Vec<Tag>) -> Result<Empty, ApiError> {
        let tagged = tagged(&allowed.on().on)?;
        let tags = acceptable(tags).map_err(|message| ApiError::new(ErrorCode::ValidationException, message))?;
        match self.store.add_tags(self.scope(), &tagged, tags, MAX_TAGS).await.map_err(failure::store)? {
            AddTags::Added => Ok(Empty {}),
            AddTags::TooMany(count) => {
                let message = format!("There would be at least {count} tags; there may be at most {MAX_TAGS}.");
                Err(ApiError::new(ErrorCode::TooManyTagsError, message))
            }
            AddTags::KeyClash(key) => {
                let message =
                    format!("There is a tag with the key {key}, which differs in case only; remove it first.");
                Err(ApiError::new(ErrorCode::ValidationException, message))
            }
            AddTags::Unknown => Err(unknown(&allowed.on().on)),
        }
    }

    /// `ListTagsForResource`: the tags, ordered by key.
    ///
    /// # Errors
    /// `InvalidResourceId` if there is nothing of that id; `ValidationException` for one that cannot be an id;
    /// `AccessDeniedException`.
    pub async fn list_tags_for_resource(
        &self,
        caller: &Caller,
        request: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, ApiError> {
        let on = self.tagged_named(request.resource_type, request.resource_id).await?;
        self.list_tags(authorize::<act::ListTagsForResource>(caller, on)?).await
    }

    async fn list_tags(
        &self,
        allowed: Authorized<act::ListTagsForResource>,
    ) -> Result<ListTagsForResourceResponse, ApiError> {
        let tags = self.store.tags(self.scope(), &tagged(allowed.on())?).await.map_err(failure::store)?;
        let tags = tags.ok_or_else(|| unknown(allowed.on()))?;
        let tag_list = tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect();
        Ok(ListTagsForResourceResponse { tag_list })
    }

    /// `RemoveTagsFromResource`: keys that are not there are ignored.
    ///
    /// # Errors
    /// `InvalidResourceId` if there is nothing of that id; `ValidationException` for one that cannot be an id;
    /// `AccessDeniedException`.
    pub async fn remove_tags_from_resource(
        &self,
        caller: &Caller,
        request: RemoveTagsFromResourceRequest,
    ) -> Result<Empty, ApiError> {
        let on = self.tagged_named(request.resource_type, request.resource_id).await?;
        let on = Tagging { on, change: TagsAsked::Removed(request.tag_keys.clone()) };
        self.remove_tags(authorize::<act::RemoveTagsFromResource>(caller, on)?, request.tag_keys).await
    }

    async fn remove_tags(
        &self,
        allowed: Authorized<act::RemoveTagsFromResource>,
        keys: Vec<String>,
    ) -> Result<Empty, ApiError> {
        let tagged = tagged(&allowed.on().on)?;
        if !self.store.remove_tags(self.scope(), &tagged, keys).await.map_err(failure::store)? {
            return Err(unknown(&allowed.on().on));
        }
        Ok(Empty {})
    }

    /// What is named, whether it exists or not: a refusal must not tell the difference.
    pub(crate) async fn tagged_named(
        &self,
        resource_type: TaggedType,
        resource_id: String,
    ) -> Result<OnTagged, ApiError> {
        Ok(match resource_type {
            TaggedType::ManagedInstance => match resource_id.parse() {
                Ok(node) => OnTagged::Node(self.on_node(node).await?),
                Err(_) => OnTagged::Other(resource_type, resource_id),
            },
            TaggedType::Document => match resource_id.parse() {
                Ok(name) => {
                    let named = self.document_named(&name);
                    let document = self.on_document(&named).await?;
                    let own = if let NamedKind::Own(name) = named.kind { Some(name) } else { None };
                    OnTagged::Document { document, own }
                }
                Err(_) => OnTagged::Other(resource_type, resource_id),
            },
            _ => OnTagged::Other(resource_type, resource_id),
        })
    }
}

/// What the store knows it as.
fn tagged(on: &OnTagged) -> Result<Tagged, ApiError> {
    match on {
        OnTagged::Node(node) => Ok(Tagged::Node(node.id.clone())),
        OnTagged::Document { own: Some(name), .. } => Ok(Tagged::Document(name.clone())),
        // Those that the service owns have no tags and take none.
        OnTagged::Document { own: None, .. } => Err(unknown(on)),
        // AWS's own sentence, code included (aws/aws-tools-for-powershell#204, boto/boto3#4609).
        OnTagged::Other(TaggedType::ManagedInstance, id) => {
            let message = format!(
                "resourceId {} should be in format mi-[0-9a-f]{{17}} for resource type ManagedInstance",
                shown(id)
            );
            Err(ApiError::new(ErrorCode::ValidationException, message))
        }
        OnTagged::Other(..) => Err(unknown(on)),
    }
}

fn unknown(on: &OnTagged) -> ApiError {
    let message = match on {
        OnTagged::Node(node) => format!("There is no managed node {} here.", node.id),
        OnTagged::Document { document: OnDocument { arn, .. }, own: None } => {
            format!("{arn} is not a document of this account and region.")
        }
        OnTagged::Document { own: Some(name), .. } => format!("There is no document {name} here."),
        OnTagged::Other(kind, id) => format!("There is no {} {} here.", kind.as_str(), shown(id)),
    };
    ApiError::new(ErrorCode::InvalidResourceId, message)
}

fn shown(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Tags of a request, for a decision, before anybody looks whether they may be.
pub(crate) fn asked_tags(tags: &[Tag]) -> Vec<StoredTag> {
    tags.iter().map(|tag| StoredTag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}

/// Tags that may be put on something, ordered by key; or what is wrong with them. Keys that differ in case only are
/// refused: policies would compare them as one (spec iam-policies §3).
pub(crate) fn acceptable(tags: Vec<Tag>) -> Result<Vec<StoredTag>, String> {
    let mut tags: Vec<_> = tags.into_iter().map(|tag| StoredTag { key: tag.key, value: tag.value }).collect();
    if tags.iter().any(|tag| tag.key.to_lowercase().starts_with("aws:")) {
        return Err("Tag keys that begin with aws: are reserved.".to_owned());
    }
    tags.sort();
    if differ_in_case_only(&tags) {
        return Err("Two tags have the same key.".to_owned());
    }
    Ok(tags)
}

/// Whether two tags have keys that are one to policies: the same, or different in case only.
pub(crate) fn differ_in_case_only(tags: &[StoredTag]) -> bool {
    let mut keys: Vec<String> = tags.iter().map(|tag| tag.key.to_lowercase()).collect();
    keys.sort();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}
