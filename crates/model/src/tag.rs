//! Tags on what exists already: add, list, remove.

use serde::{Deserialize, Serialize};

use crate::activation::Tag;
use crate::constraint::{LABEL, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;

macro_rules! resource_types {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The kinds of things that AWS's model lets carry tags. Only the first two exist here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum TaggedType {
            $($(#[$doc])* $name,)+
        }

        impl TaggedType {
            /// Every kind, under its name on the wire.
            pub const ALL: [(&str, Self); [$(stringify!($name)),+].len()] = [$((stringify!($name), Self::$name)),+];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }
    };
}

resource_types! {
    /// A document, by its name.
    Document,
    /// A node registered with an activation, by its id.
    ManagedInstance,
    /// None here.
    MaintenanceWindow,
    /// None here.
    Parameter,
    /// None here.
    PatchBaseline,
    /// None here.
    OpsItem,
    /// None here.
    OpsMetadata,
    /// None here.
    Automation,
    /// None here.
    Association,
    /// None here.
    CloudConnector,
}

/// `ResourceType` and `ResourceId`. When the type is missing or unknown the request fails as a whole.
fn read_resource(input: &mut Input<'_>) -> Result<(TaggedType, String), ApiError> {
    let resource_type = input.required_choice("ResourceType", &TaggedType::ALL)?.unwrap_or(TaggedType::Document);
    Ok((resource_type, input.required_text("ResourceId", Text::ANY)?))
}

/// `AddTagsToResource`: a key that is there already gets the new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddTagsToResourceRequest {
    /// What kind of thing.
    pub resource_type: TaggedType,
    /// Which.
    pub resource_id: String,
    /// The tags.
    pub tags: Vec<Tag>,
}

impl ApiRequest for AddTagsToResourceRequest {
    const OPERATION: Operation = Operation::AddTagsToResource;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let (resource_type, resource_id) = read_resource(input)?;
        if !input.has("Tags") {
            input.report_missing("Tags");
        }
        Ok(Self { resource_type, resource_id, tags: input.objects("Tags", 0..=1000, Tag::read)? })
    }
}

/// `ListTagsForResource`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceRequest {
    /// What kind of thing.
    pub resource_type: TaggedType,
    /// Which.
    pub resource_id: String,
}

impl ApiRequest for ListTagsForResourceRequest {
    const OPERATION: Operation = Operation::ListTagsForResource;
    type Response = ListTagsForResourceResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let (resource_type, resource_id) = read_resource(input)?;
        Ok(Self { resource_type, resource_id })
    }
}

/// The tags, ordered by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceResponse {
    /// All of them: there are no pages.
    pub tag_list: Vec<Tag>,
}

/// `RemoveTagsFromResource`: a key that is not there is none too many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveTagsFromResourceRequest {
    /// What kind of thing.
    pub resource_type: TaggedType,
    /// Which.
    pub resource_id: String,
    /// The keys.
    pub tag_keys: Vec<String>,
}

impl ApiRequest for RemoveTagsFromResourceRequest {
    const OPERATION: Operation = Operation::RemoveTagsFromResource;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let (resource_type, resource_id) = read_resource(input)?;
        let tag_keys = input.required_texts("TagKeys", 0..=usize::MAX, Text::length(1, 128).matching(LABEL))?;
        Ok(Self { resource_type, resource_id, tag_keys: tag_keys.unwrap_or_default() })
    }
}
