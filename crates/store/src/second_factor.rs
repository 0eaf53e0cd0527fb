//! Devices that make one-time codes, and whose they are. Seeds come sealed; only `postern-control` can open them.

use async_trait::async_trait;
use postern_iam::{AccountId, Arn, UniqueId};

use crate::{IdentityRecord, StoreError, Tag, UnixMillis};

/// A device as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its ARN, which is what AWS calls its serial number.
    pub serial: Arn,
    /// The seed of its codes, encrypted and bound to the serial number.
    pub sealed_seed: Vec<u8>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// In the order of their keys.
    pub tags: Vec<Tag>,
    /// Whose it is, if it is anybody's yet.
    pub assignment: Option<DeviceAssignment>,
}

/// Whose device it is, and how far its codes were used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAssignment {
    /// The user.
    pub user_id: UniqueId,
    /// Since when.
    pub enabled_at: UnixMillis,
    /// How many steps its clock is ahead of ours.
    pub drift: i64,
    /// The newest step whose code was taken. That one, and older ones, are good for nothing any more.
    pub last_step: u64,
}

/// The answer to [`SecondFactorStore::create_device`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateDevice {
    /// It is stored.
    Created,
    /// There is one with this serial number, whatever its case.
    NameTaken,
    /// There are as many as there may be.
    LimitReached,
}

/// The answer to [`SecondFactorStore::assign_device`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignDevice {
    /// It is the user's.
    Assigned,
    /// There is no such device.
    Unknown,
    /// There is no such user.
    UserUnknown,
    /// It is somebody's already.
    Taken,
    /// The user has as many as anybody may have.
    LimitReached,
}

/// The answer to [`SecondFactorStore::delete_device`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteDevice {
    /// It is gone.
    Deleted,
    /// There is none.
    Unknown,
    /// It is somebody's.
    Assigned,
}

/// Acts on devices.
#[async_trait]
pub trait SecondFactorStore: Send + Sync {
    /// Keeps a new device, of which there may be `limit`.
    async fn create_device(
        &self,
        account: &AccountId,
        device: DeviceRecord,
        limit: u32,
    ) -> Result<CreateDevice, StoreError>;

    /// The device with this serial number, and whose it is.
    async fn device(
        &self,
        account: &AccountId,
        serial: &Arn,
    ) -> Result<Option<(DeviceRecord, Option<IdentityRecord>)>, StoreError>;

    /// Devices in the order of their serial numbers, after this one: all, or those that are somebody's, or nobody's.
    async fn devices_page(
        &self,
        account: &AccountId,
        assigned: Option<bool>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(DeviceRecord, Option<IdentityRecord>)>, StoreError>;

    /// A user's devices in the order of their serial numbers.
    async fn devices_of_user(&self, account: &AccountId, user: &UniqueId) -> Result<Vec<DeviceRecord>, StoreError>;

    /// Makes a device that is nobody's a user's, who may have `limit` of them.
    async fn assign_device(
        &self,
        account: &AccountId,
        serial: &Arn,
        assignment: DeviceAssignment,
        limit: u32,
    ) -> Result<AssignDevice, StoreError>;

    /// Makes a user's device nobody's. False if it is not this user's.
    async fn release_device(&self, account: &AccountId, serial: &Arn, user: &UniqueId) -> Result<bool, StoreError>;

    /// Takes the code of a step of a user's device, and notes how far ahead its clock is. False if it is not this user's,
    /// or this step or a later one was taken before: of many who use one code at once, one is told it was good.
    async fn take_step(
        &self,
        account: &AccountId,
        serial: &Arn,
        user: &UniqueId,
        step: u64,
        drift: i64,
    ) -> Result<bool, StoreError>;

    /// Removes a device that is nobody's.
    async fn delete_device(&self, account: &AccountId, serial: &Arn) -> Result<DeleteDevice, StoreError>;
}
