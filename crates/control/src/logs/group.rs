//! Log groups: made, listed, removed, and how long they keep events.

use postern_model::logs::{
    CreateLogGroupRequest, DeleteLogGroupRequest, DeleteRetentionPolicyRequest, DescribeLogGroupsRequest,
    DescribeLogGroupsResponse, LogGroup, PutRetentionPolicyRequest, STANDARD_CLASS,
};
use postern_model::{ApiError, Empty, ErrorCode, Service};
use postern_store::{CreateLogGroup, LogGroupFilter, LogGroupRecord, Tag};

use super::{DEFAULT_LIMIT, MAX_GROUPS, cursor, invalid, no_group};
use crate::authz::act::{self, AllGroups, Creation, OnGroup};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use crate::kms::key_arn;
use crate::tag::differ_in_case_only;
use crate::{Control, failure};

impl Control {
    /// `CreateLogGroup`. Events of a group with a key are encrypted with it from the first one on.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`, `LimitExceededException`, `InvalidParameterException` for a key that cannot be
    /// used; `AccessDeniedException`.
    pub async fn create_log_group(&self, caller: &Caller, request: CreateLogGroupRequest) -> Result<Empty, ApiError> {
        let of = self.on_group(self.own_group(&request.log_group_name)).await?;
        let allowed = authorize::<act::CreateLogGroup>(caller, Creation { of, tags: tags(&request) })?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.make_log_group(allowed, request).await
    }

    async fn make_log_group(
        &self,
        _allowed: Authorized<act::CreateLogGroup>,
        request: CreateLogGroupRequest,
    ) -> Result<Empty, ApiError> {
        if request.kms_key_id.is_some() && self.passes_on(Service::Kms) {
            return Err(invalid("kmsKeyId cannot be used: keys are another service's, and logs are kept here."));
        }
        let key_id = match &request.kms_key_id {
            Some(name) => Some(self.usable_key(name).await.map_err(|error| match error.code() {
                ErrorCode::InternalServerError => error,
                _ => {
                    let arn = self.group_arn(&request.log_group_name);
                    invalid(format!(
                        "The specified KMS key does not exist or is not allowed to be used with LogGroup '{arn}'"
                    ))
                }
            })?),
            None => None,
        };
        let tags = tags(&request);
        if differ_in_case_only(&tags) {
            return Err(invalid("Two tags have the same key, but for its case at most."));
        }
        let group = LogGroupRecord {
            name: request.log_group_name,
            created_at: self.unix_millis(),
            retention_days: None,
            key_id,
            stored_bytes: 0,
            tags,
        };
        match self.store.create_log_group(self.scope(), group, MAX_GROUPS).await.map_err(failure::store)? {
            CreateLogGroup::Created => Ok(Empty {}),
            CreateLogGroup::Exists => {
                let message = "The specified log group already exists";
                Err(ApiError::new(ErrorCode::ResourceAlreadyExistsException, message))
            }
            CreateLogGroup::LimitReached => {
                let message = format!("There are {MAX_GROUPS} log groups already.");
                Err(ApiError::new(ErrorCode::LimitExceededException, message))
            }
        }
    }

    /// `DeleteLogGroup`: with all that is in it.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `AccessDeniedException`.
    pub async fn delete_log_group(&self, caller: &Caller, request: DeleteLogGroupRequest) -> Result<Empty, ApiError> {
        let on = self.on_group(self.own_group(&request.log_group_name)).await?;
        let allowed = authorize::<act::DeleteLogGroup>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.remove_log_group(allowed).await
    }

    async fn remove_log_group(&self, allowed: Authorized<act::DeleteLogGroup>) -> Result<Empty, ApiError> {
        let removed = self.store.delete_log_group(self.scope(), &allowed.on().name).await.map_err(failure::store)?;
        if removed { Ok(Empty {}) } else { Err(no_group()) }
    }

    /// `PutRetentionPolicy`: what is older disappears.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `AccessDeniedException`.
    pub async fn put_retention_policy(
        &self,
        caller: &Caller,
        request: PutRetentionPolicyRequest,
    ) -> Result<Empty, ApiError> {
        let on = self.on_group(self.own_group(&request.log_group_name)).await?;
        let allowed = authorize::<act::PutRetentionPolicy>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.set_retention(allowed, Some(request.retention_in_days)).await
    }

    /// `DeleteRetentionPolicy`: events stay for ever.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `AccessDeniedException`.
    pub async fn delete_retention_policy(
        &self,
        caller: &Caller,
        request: DeleteRetentionPolicyRequest,
    ) -> Result<Empty, ApiError> {
        let on = self.on_group(self.own_group(&request.log_group_name)).await?;
        let allowed = authorize::<act::DeleteRetentionPolicy>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.set_retention(allowed, None).await
    }

    async fn set_retention<A>(&self, allowed: Authorized<A>, days: Option<u32>) -> Result<Empty, ApiError>
    where
        A: Act<On = OnGroup>,
    {
        let set = self.store.set_log_retention(self.scope(), &allowed.on().name, days).await.map_err(failure::store)?;
        if set { Ok(Empty {}) } else { Err(no_group()) }
    }

    /// `DescribeLogGroups`: a page of groups.
    ///
    /// # Errors
    /// `InvalidParameterException` for a token that is none; `AccessDeniedException`.
    pub async fn describe_log_groups(
        &self,
        caller: &Caller,
        request: DescribeLogGroupsRequest,
    ) -> Result<DescribeLogGroupsResponse, ApiError> {
        let allowed = authorize::<act::DescribeLogGroups>(caller, AllGroups)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.page_of_log_groups(allowed, request).await
    }

    async fn page_of_log_groups(
        &self,
        _allowed: Authorized<act::DescribeLogGroups>,
        request: DescribeLogGroupsRequest,
    ) -> Result<DescribeLogGroupsResponse, ApiError> {
        let listing = self.listing(&request);
        let after: Option<String> = cursor(&listing, request.next_token.as_deref())?;
        if request.log_group_class.is_some_and(|class| class != STANDARD_CLASS) {
            return Ok(DescribeLogGroupsResponse::default());
        }
        let filter = match (request.log_group_name_prefix, request.log_group_name_pattern) {
            (Some(prefix), _) => LogGroupFilter::Prefix(prefix),
            (None, Some(part)) if !part.is_empty() => LogGroupFilter::Containing(part),
            _ => LogGroupFilter::Any,
        };
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
        let found = self.store.log_groups_page(self.scope(), &filter, after.as_deref(), limit + 1).await;
        let mut groups = found.map_err(failure::store)?;
        let next_token = listing.cut(&mut groups, limit, |group| group.name.clone());
        let log_groups = groups.into_iter().map(|group| self.listed_group(group)).collect();
        Ok(DescribeLogGroupsResponse { log_groups, next_token })
    }

    fn listed_group(&self, group: LogGroupRecord) -> LogGroup {
        let arn = self.group_arn(&group.name);
        LogGroup {
            log_group_name: group.name,
            creation_time: group.created_at,
            retention_in_days: group.retention_days,
            metric_filter_count: 0,
            arn: format!("{arn}:*"),
            stored_bytes: group.stored_bytes,
            kms_key_id: group.key_id.map(|key| key_arn(self.scope(), &key).to_string()),
            log_group_class: Some(STANDARD_CLASS.to_owned()),
            log_group_arn: Some(arn.to_string()),
        }
    }
}

fn tags(request: &CreateLogGroupRequest) -> Vec<Tag> {
    request.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}
