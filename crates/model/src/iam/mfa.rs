//! Devices that make one-time codes.

use postern_iam::SecretBytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::user::{EXISTING, User};
use super::{Moment, PATH, name};
use crate::Empty;
use crate::activation::Tag;
use crate::bytes::secret;
use crate::constraint::{Pattern, Text};

const SERIAL: Text = Text::length(9, 256).matching(Pattern {
    text: r"[\w+=/:,.@-]+",
    matches: |text| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&byte))
    },
});
const CODE: Text = Text::length(6, 6)
    .matching(Pattern { text: r"[\d]+", matches: |text| text.bytes().all(|byte| byte.is_ascii_digit()) })
    .sensitive();
const ASSIGNMENTS: &[&str] = &["Any", "Assigned", "Unassigned"];

/// What a device is set up with, which is in one answer and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapDatum(pub SecretBytes);

impl Serialize for BootstrapDatum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        secret::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for BootstrapDatum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        secret::deserialize(deserializer).map(Self)
    }
}

shapes! {
    /// A virtual device. Only a new one has its seed.
    VirtualMfaDevice {
        serial_number: String,
        #[serde(rename = "Base32StringSeed")]
        seed: Option<BootstrapDatum>,
        #[serde(rename = "QRCodePNG")]
        picture: Option<BootstrapDatum>,
        user: Option<User>,
        enable_date: Option<Moment>,
        tags: Option<Vec<Tag>>,
    }
    /// A new device.
    CreateVirtualMfaDeviceResponse {
        #[serde(rename = "VirtualMFADevice")]
        device: VirtualMfaDevice,
    }
    /// A user's device.
    MfaDevice { user_name: String, serial_number: String, enable_date: Moment, }
    /// A user's devices.
    ListMfaDevicesResponse {
        #[serde(rename = "MFADevices")]
        devices: Vec<MfaDevice>,
        is_truncated: bool,
        marker: Option<String>,
    }
    /// A page of devices.
    ListVirtualMfaDevicesResponse {
        #[serde(rename = "VirtualMFADevices")]
        devices: Vec<VirtualMfaDevice>,
        is_truncated: bool,
        marker: Option<String>,
    }
}

requests! {
    /// Makes a device, which is nobody's.
    CreateVirtualMfaDeviceRequest for CreateVirtualMFADevice -> CreateVirtualMfaDeviceResponse {
        path: Option<String> = text("Path", PATH),
        #[serde(rename = "VirtualMFADeviceName")]
        name: String = required_text("VirtualMFADeviceName", name(128)),
        tags: Vec<Tag> = tags(),
    }
    /// Makes a device somebody's, who has it.
    EnableMfaDeviceRequest for EnableMFADevice -> Empty {
        user_name: String = required_text("UserName", EXISTING),
        serial_number: String = required_text("SerialNumber", SERIAL),
        authentication_code1: String = required_text("AuthenticationCode1", CODE),
        authentication_code2: String = required_text("AuthenticationCode2", CODE),
    }
    /// Makes a device nobody's.
    DeactivateMfaDeviceRequest for DeactivateMFADevice -> Empty {
        user_name: Option<String> = text("UserName", EXISTING),
        serial_number: String = required_text("SerialNumber", SERIAL),
    }
    /// Lists a user's devices.
    ListMfaDevicesRequest for ListMFADevices -> ListMfaDevicesResponse {
        user_name: Option<String> = text("UserName", EXISTING),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Lists devices.
    ListVirtualMfaDevicesRequest for ListVirtualMFADevices -> ListVirtualMfaDevicesResponse {
        assignment_status: Option<&'static str> = named("AssignmentStatus", ASSIGNMENTS),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Removes a device that is nobody's.
    DeleteVirtualMfaDeviceRequest for DeleteVirtualMFADevice -> Empty {
        serial_number: String = required_text("SerialNumber", SERIAL),
    }
    /// Learns how wrong a device's clock is.
    ResyncMfaDeviceRequest for ResyncMFADevice -> Empty {
        user_name: String = required_text("UserName", EXISTING),
        serial_number: String = required_text("SerialNumber", SERIAL),
        authentication_code1: String = required_text("AuthenticationCode1", CODE),
        authentication_code2: String = required_text("AuthenticationCode2", CODE),
    }
}
