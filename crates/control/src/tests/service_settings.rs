//! Service settings: asked for by path and by ARN, set, and returned to their defaults.

use postern_model::service_setting::*;
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};

use super::world::{World, code};

const TIER: &str = "/ssm/managed-instance/activation-tier";
const TIER_ARN: &str = "arn:aws:ssm:eu-west-1:123456789012:servicesetting/ssm/managed-instance/activation-tier";
const ROLE: &str = "/ssm/managed-instance/default-ec2-instance-management-role";

impl World {
    async fn setting(&self, id: &str) -> Result<ServiceSetting, ApiError> {
        let request = GetServiceSettingRequest { setting_id: id.to_owned() };
        Ok(self.control.get_service_setting(&self.as_admin().await, request).await?.service_setting)
    }

    async fn set(&self, id: &str, value: &str) -> Result<Empty, ApiError> {
        let request = UpdateServiceSettingRequest { setting_id: id.to_owned(), setting_value: value.to_owned() };
        self.control.update_service_setting(&self.as_admin().await, request).await
    }

    async fn reset(&self, id: &str) -> Result<ServiceSetting, ApiError> {
        let request = ResetServiceSettingRequest { setting_id: id.to_owned() };
        Ok(self.control.reset_service_setting(&self.as_admin().await, request).await?.service_setting)
    }
}

#[tokio::test]
async fn a_setting_is_set_and_reset() {
    let world = World::new().await;
    let default = ServiceSetting {
        setting_id: TIER.to_owned(),
        setting_value: "advanced".to_owned(),
        last_modified_date: None,
        last_modified_user: None,
        arn: TIER_ARN.to_owned(),
        status: "Default".to_owned(),
    };
    assert_eq!(world.setting(TIER).await.unwrap(), default);
    assert_eq!(world.setting(TIER_ARN).await.unwrap(), default);

    world.set(TIER_ARN, "standard").await.unwrap();
    let set = ServiceSetting {
        setting_value: "standard".to_owned(),
        last_modified_date: Some(Timestamp::from_millis(world.millis())),
        last_modified_user: Some("arn:aws:iam::123456789012:user/admin".to_owned()),
        status: "Customized".to_owned(),
        ..default.clone()
    };
    assert_eq!(world.setting(TIER).await.unwrap(), set);
    assert_eq!(world.setting(ROLE).await.unwrap().setting_value, "$None", "no other one");

    assert_eq!(world.reset(TIER).await.unwrap(), default);
    assert_eq!(world.reset(TIER).await.unwrap(), default);
    assert_eq!(world.setting(TIER_ARN).await.unwrap(), default);
}

#[tokio::test]
async fn what_it_cannot_be_set_to_changes_nothing() {
    let world = World::new().await;
    let refused = world.set(TIER, "gold").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ValidationException);
    assert_eq!(
        refused.message(),
        "1 validation error detected: Value 'gold' at 'settingValue' failed to satisfy constraint: Member must satisfy \
         enum value set: [standard, advanced]"
    );
    assert_eq!(code(world.set(ROLE, "not a role").await), ErrorCode::ValidationException);
    world.set(ROLE, "service-role/Nodes").await.unwrap();
    assert_eq!(world.setting(ROLE).await.unwrap().setting_value, "service-role/Nodes");
    assert_eq!(world.setting(TIER).await.unwrap().status, "Default");
}

#[tokio::test]
async fn what_is_no_setting_is_not_found() {
    let world = World::new().await;
    for id in [
        "activation-tier",
        "/ssm/managed-instance/activation-tier/",
        "/ssm/parameter-store/default-parameter-tier",
        "arn:aws:ssm:eu-west-2:123456789012:servicesetting/ssm/managed-instance/activation-tier",
        "arn:aws:ssm:eu-west-1:210987654321:servicesetting/ssm/managed-instance/activation-tier",
        &"x".repeat(1000),
    ] {
        assert_eq!(code(world.setting(id).await), ErrorCode::ServiceSettingNotFound, "{id}");
        assert_eq!(code(world.set(id, "x").await), ErrorCode::ServiceSettingNotFound, "{id}");
        assert_eq!(code(world.reset(id).await), ErrorCode::ServiceSettingNotFound, "{id}");
    }
}
