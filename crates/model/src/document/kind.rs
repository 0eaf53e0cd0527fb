//! What kinds of documents there are, in which forms, for which systems.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $kind:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
            pub enum $kind {
                $($(#[$variant_doc])* #[serde(rename = $name)] $variant,)+
            }

            impl $kind {
                /// Every one, under its name on the wire.
                pub const ALL: &[(&str, Self)] = &[$(($name, Self::$variant)),+];

                /// The name on the wire.
                #[must_use]
                pub fn as_str(self) -> &'static str {
                    match self {
                        $(Self::$variant => $name,)+
                    }
                }

                /// Reads that name, exactly.
                #[must_use]
                pub fn from_name(name: &str) -> Option<Self> {
                    Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
                }
            }

            impl fmt::Display for $kind {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(self.as_str())
                }
            }
        )+
    };
}

names! {
    /// What a document is for. AWS has more; those that this service keeps are here.
    DocumentType {
        /// Commands for nodes.
        Command = "Command",
        /// Sessions, and the preferences for them.
        Session = "Session",
    }

    /// In what form a document is written.
    DocumentFormat {
        /// YAML 1.2.
        Yaml = "YAML",
        /// JSON.
        Json = "JSON",
        /// Neither, for types of documents that this service does not keep.
        Text = "TEXT",
    }

    /// How the hash of a document's content is made.
    HashType {
        /// SHA-256, in hexadecimal digits.
        Sha256 = "Sha256",
        /// SHA-1. Never given, only asked for.
        Sha1 = "Sha1",
    }

    /// A node's operating system, as documents name it.
    PlatformType {
        /// Windows.
        Windows = "Windows",
        /// Linux.
        Linux = "Linux",
        /// macOS.
        MacOs = "MacOS",
    }
}

/// The document types of AWS's model, in its order, for requests: those not kept here are refused with a sentence.
pub(crate) const AWS_DOCUMENT_TYPES: [&str; 17] = [
    "Command",
    "Policy",
    "Automation",
    "Session",
    "Package",
    "ApplicationConfiguration",
    "ApplicationConfigurationSchema",
    "DeploymentStrategy",
    "ChangeCalendar",
    "Automation.ChangeTemplate",
    "ProblemAnalysis",
    "ProblemAnalysisTemplate",
    "CloudFormation",
    "ConformancePackTemplate",
    "QuickSetup",
    "ManualApprovalPolicy",
    "AutoApprovalPolicy",
];
