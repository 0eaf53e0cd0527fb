//! Whether a service that requests are passed on to answers, and accepts the credentials: asked with the operation that
//! costs least and changes nothing.

use postern_control::{Upstream as _, UpstreamError};
use postern_model::kms::ListKeysRequest;
use postern_model::logs::DescribeLogGroupsRequest;
use postern_model::{ApiRequest, Service};

use super::SignedService;
use crate::config::UpstreamConfig;

/// A note if it does; else a sentence with the cause and the fix.
pub(crate) async fn probe(config: UpstreamConfig) -> Result<&'static str, String> {
    match config.service {
        Service::Kms => ask(config, ListKeysRequest { limit: Some(1), ..ListKeysRequest::default() }).await,
        Service::Logs => {
            ask(config, DescribeLogGroupsRequest { limit: Some(1), ..DescribeLogGroupsRequest::default() }).await
        }
        Service::Ssm | Service::Ec2Messages | Service::Iam | Service::Sts | Service::CloudTrail | Service::Postern => {
            Err("requests of this service are passed on to nobody".to_owned())
        }
    }
}

async fn ask<R: ApiRequest>(config: UpstreamConfig, request: R) -> Result<&'static str, String> {
    let body = serde_json::to_vec(&request).expect("requests are made to be sent as JSON");
    match SignedService::new(config).call(R::OPERATION, body.into()).await {
        Ok(answer) if serde_json::from_slice::<R::Response>(&answer).is_ok() => {
            Ok("answers, and accepts the credentials")
        }
        Ok(_) => Err("its answer cannot be read; it is another kind of service, or another version".to_owned()),
        Err(UpstreamError::Answered { name: Some(name), .. }) if name == "AccessDeniedException" => {
            Ok("answers, and knows the credentials, which may not make lists there; sessions do not need that")
        }
        Err(error) => Err(error.sentence()),
    }
}
