//! Devices that make one-time codes, through the API.

mod picture;

use postern_iam::totp::{SEED_BYTES, Seed};
use postern_iam::{Arn, SecretBytes};
use postern_model::iam::{
    BootstrapDatum, CreateVirtualMfaDeviceRequest, CreateVirtualMfaDeviceResponse, DeactivateMfaDeviceRequest,
    DeleteVirtualMfaDeviceRequest, EnableMfaDeviceRequest, ListMfaDevicesRequest, ListMfaDevicesResponse,
    ListVirtualMfaDevicesRequest, ListVirtualMfaDevicesResponse, MfaDevice, ResyncMfaDeviceRequest, VirtualMfaDevice,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{
    AssignDevice, CreateDevice, DeleteDevice, DeviceAssignment, DeviceRecord, IdentityKind, IdentityRecord,
};

use super::user::own_name;
use super::{Page, log, moment, new_tags, no_entity, no_such, over_quota, shown_tags};
use crate::authz::act::{self, Creation, OnDevice};
use crate::authz::authorize;
use crate::caller::Caller;
use crate::{Control, failure};

/// AWS's quota for each user.
const MAX_OF_USER: u32 = 8;
/// As many as eight for every user that there may be would be too many to keep for nobody.
const MAX_DEVICES: u32 = 10_000;

impl Control {
    /// `CreateVirtualMFADevice`: its seed is in the answer and nowhere else.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `InvalidInput`; `AccessDeniedException`.
    pub async fn create_virtual_mfa_device(
        &self,
        caller: &Caller,
        request: CreateVirtualMfaDeviceRequest,
    ) -> Result<CreateVirtualMfaDeviceResponse, ApiError> {
        let path = request.path.as_deref().unwrap_or("/").trim_start_matches('/');
        let serial = Arn::mfa_device(self.account(), &format!("{path}{}", request.name));
        let tags = new_tags(request.tags)?;
        let of = OnDevice { serial: serial.clone(), tags: Vec::new() };
        let allowed = authorize::<act::CreateVirtualMFADevice>(caller, Creation { of, tags: tags.clone() })?;
        let bytes: [u8; SEED_BYTES] = self.random();
        let seed = Seed::new(SecretBytes::new(bytes)).to_base32();
        let picture = picture::picture(&request.name, self.account(), &seed)?;
        let device = DeviceRecord {
            sealed_seed: self.keys.device_seed.seal(&serial.to_string(), &bytes, self.random()),
            serial: serial.clone(),
            created_at: self.unix_millis(),
            tags,
            assignment: None,
        };
        let made = self.store.create_device(self.account(), device.clone(), MAX_DEVICES).await;
        match made.map_err(failure::store)? {
            CreateDevice::Created => {
                log(&allowed, &serial, None::<&str>);
                let datum = |bytes| Some(BootstrapDatum(bytes));
                Ok(CreateVirtualMfaDeviceResponse {
                    device: VirtualMfaDevice {
                        seed: datum(SecretBytes::new(seed.expose().as_bytes())),
                        picture: datum(picture),
                        ..self.shown_device(&device, None)
                    },
                })
            }
            CreateDevice::NameTaken => {
                let message = "MFADevice entity at the same path and name already exists.";
                Err(ApiError::new(ErrorCode::EntityAlreadyExists, message))
            }
            CreateDevice::LimitReached => Err(over_quota("VirtualMFADevices", MAX_DEVICES)),
        }
    }

    /// `EnableMFADevice`: a device becomes a user's, who shows two of its codes.
    ///
    /// # Errors
    /// `NoSuchEntity`, `EntityAlreadyExists`, `InvalidAuthenticationCode`, `LimitExceeded`, `Throttling`;
    /// `AccessDeniedException`.
    pub async fn enable_mfa_device(&self, caller: &Caller, request: EnableMfaDeviceRequest) -> Result<Empty, ApiError> {
        let on = self.on_identity(IdentityKind::User, &request.user_name).await?;
        let allowed = authorize::<act::EnableMFADevice>(caller, on)?;
        let user = self.allowed_identity(&allowed).await?;
        let (device, _) = self.device(&request.serial_number).await?;
        if device.assignment.is_some() {
            return Err(in_use(&device.serial));
        }
        let codes = (request.authentication_code1.as_str(), request.authentication_code2.as_str());
        let (last_step, drift) = self.proven(caller, &user.id, &device, codes)?;
        let assignment = DeviceAssignment { user_id: user.id, enabled_at: self.unix_millis(), drift, last_step };
        let assigned = self.store.assign_device(self.account(), &device.serial, assignment, MAX_OF_USER).await;
        match assigned.map_err(failure::store)? {
            AssignDevice::Assigned => {
                log(&allowed, &allowed.on().arn, Some(&device.serial));
                Ok(Empty {})
            }
            AssignDevice::Unknown => Err(no_such_device(&request.serial_number)),
            AssignDevice::UserUnknown => Err(no_such(IdentityKind::User, &request.user_name)),
            AssignDevice::Taken => Err(in_use(&device.serial)),
            AssignDevice::LimitReached => Err(over_quota("MFADevicesPerUser", MAX_OF_USER)),
        }
    }

    /// `ResyncMFADevice`: two codes tell how wrong a device's clock is.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidAuthenticationCode`, `Throttling`; `AccessDeniedException`.
    pub async fn resync_mfa_device(&self, caller: &Caller, request: ResyncMfaDeviceRequest) -> Result<Empty, ApiError> {
        let on = self.on_identity(IdentityKind::User, &request.user_name).await?;
        let allowed = authorize::<act::ResyncMFADevice>(caller, on)?;
        let user = self.allowed_identity(&allowed).await?;
        let device = self.device_of(&user, &request.serial_number).await?;
        let codes = (request.authentication_code1.as_str(), request.authentication_code2.as_str());
        let (step, drift) = self.proven(caller, &user.id, &device, codes)?;
        let taken = self.store.take_step(self.account(), &device.serial, &user.id, step, drift).await;
        if !taken.map_err(failure::store)? {
            self.wrong_code(caller, &user.id);
            return Err(self.invalid_code());
        }
        log(&allowed, &allowed.on().arn, Some(&device.serial));
        Ok(Empty {})
    }

    /// `DeactivateMFADevice`: it is nobody's then.
    ///
    /// # Errors
    /// `NoSuchEntity`; `AccessDeniedException`.
    pub async fn deactivate_mfa_device(
        &self,
        caller: &Caller,
        request: DeactivateMfaDeviceRequest,
    ) -> Result<Empty, ApiError> {
        let name = own_name(caller, request.user_name)?;
        let on = self.on_identity(IdentityKind::User, &name).await?;
        let allowed = authorize::<act::DeactivateMFADevice>(caller, on)?;
        let user = self.allowed_identity(&allowed).await?;
        let device = self.device_of(&user, &request.serial_number).await?;
        let released = self.store.release_device(self.account(), &device.serial, &user.id).await;
        if !released.map_err(failure::store)? {
            return Err(no_such_device(&request.serial_number));
        }
        log(&allowed, &allowed.on().arn, Some(&device.serial));
        Ok(Empty {})
    }

    /// What an act on this device is about; it need not exist.
    pub(crate) async fn on_device(&self, serial: Arn) -> Result<OnDevice, ApiError> {
        let found = self.store.device(self.account(), &serial).await.map_err(failure::store)?;
        Ok(OnDevice { serial, tags: found.map(|(device, _)| device.tags).unwrap_or_default() })
    }

    /// `DeleteVirtualMFADevice`: one that is nobody's.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`; `AccessDeniedException`.
    pub async fn delete_virtual_mfa_device(
        &self,
        caller: &Caller,
        request: DeleteVirtualMfaDeviceRequest,
    ) -> Result<Empty, ApiError> {
        let on = self.on_device(serial(&request.serial_number)?).await?;
        let allowed = authorize::<act::DeleteVirtualMFADevice>(caller, on)?;
        let serial = &allowed.on().serial;
        match self.store.delete_device(self.account(), serial).await.map_err(failure::store)? {
            DeleteDevice::Deleted => {
                log(&allowed, serial, None::<&str>);
                Ok(Empty {})
            }
            DeleteDevice::Unknown => Err(no_such_device(&request.serial_number)),
            DeleteDevice::Assigned => {
                let message = "MFA VirtualDevice must be detached or disabled before it is deleted.";
                Err(ApiError::new(ErrorCode::DeleteConflict, message))
            }
        }
    }

    /// `ListMFADevices`: a user's.
    ///
    /// # Errors
    /// `NoSuchEntity`, `ValidationError`; `AccessDeniedException`.
    pub async fn list_mfa_devices(
        &self,
        caller: &Caller,
        request: ListMfaDevicesRequest,
    ) -> Result<ListMfaDevicesResponse, ApiError> {
        let name = own_name(caller, request.user_name.clone())?;
        let allowed = authorize::<act::ListMFADevices>(caller, self.on_identity(IdentityKind::User, &name).await?)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let user = self.allowed_identity(&allowed).await?;
        let devices = self.store.devices_of_user(self.account(), &user.id).await.map_err(failure::store)?;
        let (devices, marker) = page.of_all(devices, |device| device.serial.to_string());
        let shown = |device: DeviceRecord| {
            Some(MfaDevice {
                user_name: user.name.clone(),
                serial_number: device.serial.to_string(),
                enable_date: moment(device.assignment?.enabled_at),
            })
        };
        let devices = devices.into_iter().filter_map(shown).collect();
        Ok(ListMfaDevicesResponse { devices, is_truncated: marker.is_some(), marker })
    }

    /// `ListVirtualMFADevices`.
    ///
    /// # Errors
    /// `ValidationError`; `AccessDeniedException`.
    pub async fn list_virtual_mfa_devices(
        &self,
        caller: &Caller,
        request: ListVirtualMfaDevicesRequest,
    ) -> Result<ListVirtualMfaDevicesResponse, ApiError> {
        let _allowed = authorize::<act::ListVirtualMFADevices>(caller, ())?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let assigned = match request.assignment_status {
            Some("Assigned") => Some(true),
            Some("Unassigned") => Some(false),
            _ => None,
        };
        let found = self.store.devices_page(self.account(), assigned, page.after(), page.reads()).await;
        let mut devices = found.map_err(failure::store)?;
        let marker = page.cut(&mut devices, |(device, _)| device.serial.to_string());
        let devices = devices.iter().map(|(device, user)| self.shown_device(device, user.as_ref())).collect();
        Ok(ListVirtualMfaDevicesResponse { devices, is_truncated: marker.is_some(), marker })
    }

    async fn device(&self, number: &str) -> Result<(DeviceRecord, Option<IdentityRecord>), ApiError> {
        let found = self.store.device(self.account(), &serial(number)?).await.map_err(failure::store)?;
        found.ok_or_else(|| no_such_device(number))
    }

    /// A device of this user's. Whether it is somebody else's, or nobody's, is not said.
    async fn device_of(&self, user: &IdentityRecord, number: &str) -> Result<DeviceRecord, ApiError> {
        let (device, _) = self.device(number).await?;
        let is_theirs = device.assignment.as_ref().is_some_and(|assignment| assignment.user_id == user.id);
        if is_theirs { Ok(device) } else { Err(no_such_device(number)) }
    }

    fn shown_device(&self, device: &DeviceRecord, user: Option<&IdentityRecord>) -> VirtualMfaDevice {
        VirtualMfaDevice {
            serial_number: device.serial.to_string(),
            seed: None,
            picture: None,
            user: user.map(|user| self.listed_user(user)),
            enable_date: device.assignment.as_ref().map(|assignment| moment(assignment.enabled_at)),
            tags: (!device.tags.is_empty()).then(|| shown_tags(&device.tags)),
        }
    }
}

fn serial(number: &str) -> Result<Arn, ApiError> {
    number.parse().map_err(|_| no_such_device(number))
}

fn no_such_device(number: &str) -> ApiError {
    no_entity(format!("MFA Device with serial number {number} does not exist."))
}

fn in_use(serial: &Arn) -> ApiError {
    let message = format!("MFA Device {serial} is already in use.");
    ApiError::new(ErrorCode::EntityAlreadyExists, message)
}
