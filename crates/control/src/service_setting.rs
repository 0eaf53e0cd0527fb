//! Service settings. They are kept and given back, as clients of AWS expect; none of them changes what this service does.

use postern_iam::Arn;
use postern_model::service_setting::{
    GetServiceSettingRequest, GetServiceSettingResponse, KnownSetting, ResetServiceSettingRequest,
    ResetServiceSettingResponse, SETTINGS, ServiceSetting, UpdateServiceSettingRequest,
};
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};
use postern_store::{Scope, ServiceSettingRecord};

use crate::authz::act::{self, OnSetting};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

impl Control {
    /// `GetServiceSetting`.
    ///
    /// # Errors
    /// `ServiceSettingNotFound`; `AccessDeniedException`.
    pub async fn get_service_setting(
        &self,
        caller: &Caller,
        request: GetServiceSettingRequest,
    ) -> Result<GetServiceSettingResponse, ApiError> {
        let on = named(self.scope(), request.setting_id);
        self.read_setting(authorize::<act::GetServiceSetting>(caller, on)?).await
    }

    async fn read_setting(
        &self,
        allowed: Authorized<act::GetServiceSetting>,
    ) -> Result<GetServiceSettingResponse, ApiError> {
        let setting = known(allowed.on())?;
        let record = self.store.service_setting(self.scope(), setting.path).await.map_err(failure::store)?;
        Ok(GetServiceSettingResponse { service_setting: shown(setting, self.scope(), record) })
    }

    /// `UpdateServiceSetting`.
    ///
    /// # Errors
    /// `ServiceSettingNotFound`; `ValidationException` for what it cannot be set to; `AccessDeniedException`.
    pub async fn update_service_setting(
        &self,
        caller: &Caller,
        request: UpdateServiceSettingRequest,
    ) -> Result<Empty, ApiError> {
        let on = named(self.scope(), request.setting_id);
        self.change_setting(authorize::<act::UpdateServiceSetting>(caller, on)?, request.setting_value).await
    }

    async fn change_setting(
        &self,
        allowed: Authorized<act::UpdateServiceSetting>,
        value: String,
    ) -> Result<Empty, ApiError> {
        let setting = known(allowed.on())?;
        if let Some(message) = setting.broken_constraint(&value) {
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        let by = &allowed.caller().principal;
        let modified_by = by.to_string().parse().map_err(|_| ApiError::internal())?;
        let record = ServiceSettingRecord { value, modified_at: self.unix_millis(), modified_by };
        self.store.set_service_setting(self.scope(), setting.path, record).await.map_err(failure::store)?;
        tracing::info!(setting = setting.path, %by, "service setting changed");
        Ok(Empty {})
    }

    /// `ResetServiceSetting`: the default again.
    ///
    /// # Errors
    /// `ServiceSettingNotFound`; `AccessDeniedException`.
    pub async fn reset_service_setting(
        &self,
        caller: &Caller,
        request: ResetServiceSettingRequest,
    ) -> Result<ResetServiceSettingResponse, ApiError> {
        let on = named(self.scope(), request.setting_id);
        self.default_setting(authorize::<act::ResetServiceSetting>(caller, on)?).await
    }

    async fn default_setting(
        &self,
        allowed: Authorized<act::ResetServiceSetting>,
    ) -> Result<ResetServiceSettingResponse, ApiError> {
        let setting = known(allowed.on())?;
        if self.store.reset_service_setting(self.scope(), setting.path).await.map_err(failure::store)? {
            tracing::info!(setting = setting.path, by = %allowed.caller().principal, "service setting reset");
        }
        Ok(ResetServiceSettingResponse { service_setting: shown(setting, self.scope(), None) })
    }
}

/// What is named, by its path or by its ARN. A setting of another account or region is none here.
pub(crate) fn named(scope: &Scope, id: String) -> OnSetting {
    let is_it = |setting: &&KnownSetting| id == setting.path || id == arn(setting, scope).to_string();
    match SETTINGS.iter().find(is_it) {
        Some(setting) => OnSetting::Known { path: setting.path, arn: arn(setting, scope) },
        None => OnSetting::Unknown(id),
    }
}

fn known(on: &OnSetting) -> Result<&'static KnownSetting, ApiError> {
    let setting = match on {
        OnSetting::Known { path, .. } => SETTINGS.iter().find(|setting| setting.path == *path),
        OnSetting::Unknown(_) => None,
    };
    setting.ok_or_else(|| {
        let paths: Vec<&str> = SETTINGS.iter().map(|setting| setting.path).collect();
        let message = format!("There is no such service setting here; there are {}.", paths.join(", "));
        ApiError::new(ErrorCode::ServiceSettingNotFound, message)
    })
}

fn arn(setting: &KnownSetting, scope: &Scope) -> Arn {
    Arn::service_setting(&scope.region, &scope.account, setting.path)
}

fn shown(setting: &KnownSetting, scope: &Scope, record: Option<ServiceSettingRecord>) -> ServiceSetting {
    let status = if record.is_some() { "Customized" } else { "Default" };
    let (value, date, user) = match record {
        Some(record) => {
            (record.value, Some(Timestamp::from_millis(record.modified_at)), Some(record.modified_by.to_string()))
        }
        None => (setting.default.to_owned(), None, None),
    };
    ServiceSetting {
        setting_id: setting.path.to_owned(),
        setting_value: value,
        last_modified_date: date,
        last_modified_user: user,
        arn: arn(setting, scope).to_string(),
        status: status.to_owned(),
    }
}
