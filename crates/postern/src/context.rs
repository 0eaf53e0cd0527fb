//! What every subcommand that talks to the service has in common: the flags that name it.

use std::path::PathBuf;

use anyhow::Context as _;
use postern_client::config::{Environment, Profile};
use postern_client::{Overrides, Service};

/// Which service, and as whom. Without flags: the environment and ~/.aws, as the AWS tools read them.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ServiceFlags {
    /// Profile in ~/.aws/config and ~/.aws/credentials
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Region to ask for
    #[arg(long, global = true, value_name = "REGION")]
    region: Option<String>,
    /// URL of the service
    #[arg(long, global = true, value_name = "URL")]
    endpoint_url: Option<String>,
    /// PEM file with the certificate authority to trust
    #[arg(long, global = true, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
}

impl ServiceFlags {
    /// The service that the flags and the user's configuration name.
    pub(crate) fn service(&self) -> anyhow::Result<Service> {
        let profile = Profile::load(Environment::of_process(), self.profile.as_deref())?;
        let overrides = Overrides {
            region: self.region.clone(),
            endpoint: self.endpoint_url.clone(),
            ca_bundle: self.ca_bundle.clone(),
        };
        Service::new(profile, &overrides).context("the service's endpoint cannot be used")
    }

    /// The flags as they were given, for a command that runs this program again.
    pub(crate) fn words(&self) -> anyhow::Result<Vec<String>> {
        let mut words = Vec::new();
        for (flag, value) in
            [("--profile", &self.profile), ("--region", &self.region), ("--endpoint-url", &self.endpoint_url)]
        {
            words.extend(value.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
        }
        if let Some(file) = &self.ca_bundle {
            // The other command may run elsewhere.
            let file = std::path::absolute(file)?.into_os_string().into_string();
            let file = file.map_err(|_| anyhow::anyhow!("the name given with --ca-bundle is no UTF-8"))?;
            words.extend(["--ca-bundle".to_owned(), file]);
        }
        Ok(words)
    }

    /// The file with the certificate authority, if one is named anywhere.
    pub(crate) fn ca_bundle(&self) -> anyhow::Result<Option<PathBuf>> {
        match &self.ca_bundle {
            Some(file) => Ok(Some(file.clone())),
            None => Ok(Profile::load(Environment::of_process(), self.profile.as_deref())?.ca_bundle()),
        }
    }
}
