//! `postern activation …`: the ids and codes with which machines register as managed nodes.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;
use postern_client::Service;
use postern_iam::ActivationId;
use postern_model::Timestamp;
use postern_model::activation::{
    CreateActivationRequest, CreateActivationResponse, DeleteActivationRequest, DescribeActivationsRequest, Tag,
};
use postern_protocol::Clock as _;
use postern_transport::{Fingerprint, SystemClock};
use serde_json::{Value, json};

use super::listing::{self, text, time, utc};
use crate::context::ServiceFlags;
use crate::table;

/// The largest page the service gives.
const PAGE: u32 = 50;

#[derive(Subcommand)]
pub(crate) enum Arguments {
    /// Make an activation and print the command that registers a node with it
    Create(Create),
    /// List the activations
    List {
        /// Print JSON: a list with the members of AWS's Activation
        #[arg(long)]
        json: bool,
    },
    /// Delete an activation; nodes that have registered with it stay
    Delete {
        /// Id of the activation
        id: ActivationId,
    },
}

#[derive(clap::Args)]
pub(crate) struct Create {
    /// Name that the nodes get
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Role that the nodes take
    #[arg(long, value_name = "ROLE", default_value = "PosternNode")]
    role: String,
    /// How many nodes may register with it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// For how long it can be used: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = period)]
    expires: Duration,
    /// Tag that the nodes get; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<Tag>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Print JSON: ActivationId, ActivationCode, RegisterCommand
    #[arg(long)]
    json: bool,
}

/// Does what was asked.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    match arguments {
        Arguments::Create(arguments) => create(flags, &service, arguments).await?,
        Arguments::List { json } => list(&service, json).await?,
        Arguments::Delete { id } => {
            service.call(&DeleteActivationRequest { activation_id: id.clone() }).await?;
            crate::failure::say!("activation {id} is deleted");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(flags: &ServiceFlags, service: &Service, arguments: Create) -> anyhow::Result<()> {
    let now = SystemClock.now().unix_millis;
    let lives_millis = u64::try_from(arguments.expires.as_millis()).unwrap_or(u64::MAX);
    let expires = Timestamp::from_millis(now.saturating_add(lives_millis));
    let request = CreateActivationRequest {
        description: arguments.description,
        default_instance_name: arguments.name,
        iam_role: arguments.role,
        registration_limit: Some(arguments.limit),
        expiration_date: Some(expires),
        tags: arguments.tags,
    };
    let CreateActivationResponse { activation_id, activation_code } = service.call(&request).await?;
    let fingerprint = fingerprint(flags, service)?;
    let command = register_command(service, &activation_id, activation_code.expose(), fingerprint.as_deref());
    if arguments.json {
        return table::print_json(&json!({
            "ActivationId": activation_id,
            "ActivationCode": activation_code.expose(),
            "RegisterCommand": command,
        }));
    }
    let (limit, until) = (arguments.limit, utc(expires.seconds()));
    let nodes = if limit == 1 { "one node".to_owned() } else { format!("up to {limit} nodes") };
    crate::failure::say!(
        "activation {activation_id} for {nodes} until {until}; run this on each, its code is not shown again:"
    );
    table::write_lines(std::iter::once(command))
}

/// The fingerprint of the authority that we trust ourselves, when it is one of our own.
fn fingerprint(flags: &ServiceFlags, service: &Service) -> anyhow::Result<Option<String>> {
    let Some(file) = flags.ca_bundle()?.filter(|_| service.endpoint().is_tls()) else { return Ok(None) };
    let unreadable = || format!("cannot read the certificate authority in {}", file.display());
    let pem = std::fs::read(&file).with_context(unreadable)?;
    // A bundle of the whole web is not one authority to be pinned.
    if String::from_utf8_lossy(&pem).matches("-----BEGIN CERTIFICATE-----").count() != 1 {
        return Ok(None);
    }
    Ok(Some(Fingerprint::of_pem(&pem).with_context(unreadable)?.to_string()))
}

/// One line to be run on the node. The code goes through a pipe: arguments are for everybody on the machine to see.
fn register_command(service: &Service, id: &ActivationId, code: &str, fingerprint: Option<&str>) -> String {
    let endpoint = service.endpoint().to_string();
    let mut words = vec!["postern-agent", "register", "--endpoint", &endpoint, "--region", service.region()];
    if let Some(fingerprint) = fingerprint {
        words.extend(["--ca-fingerprint", fingerprint]);
    }
    words.extend(["--activation-id", id.as_str(), "--activation-code-file", "-"]);
    format!("printf %s {} | {}", shell_words::quote(code), shell_words::join(words))
}

async fn list(service: &Service, json: bool) -> anyhow::Result<()> {
    let request = |next_token| DescribeActivationsRequest { filters: Vec::new(), max_results: Some(PAGE), next_token };
    let activations = listing::all(service, "ActivationList", request).await?;
    if json {
        return table::print_json(&activations);
    }
    if activations.is_empty() {
        crate::failure::say!("no activations");
        return Ok(());
    }
    let headings = ["ACTIVATION", "NAME", "ROLE", "USED", "EXPIRES", "DESCRIPTION"];
    table::print(&headings, activations.iter().map(row).collect())
}

fn row(activation: &Value) -> Vec<String> {
    let number = |member| activation.get(member).and_then(Value::as_u64).unwrap_or_default();
    let expired = activation.get("Expired").and_then(Value::as_bool).unwrap_or_default();
    let expires = time(activation, "ExpirationDate");
    vec![
        text(activation, "ActivationId"),
        text(activation, "DefaultInstanceName"),
        text(activation, "IamRole"),
        format!("{} of {}", number("RegistrationsCount"), number("RegistrationLimit")),
        if expired { format!("{expires} (expired)") } else { expires },
        text(activation, "Description"),
    ]
}

pub(super) fn period(text: &str) -> Result<Duration, String> {
    const WANTED: &str = "write a number and s, m, h or d, for example 30d";
    let unit = text.chars().last().ok_or(WANTED)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(WANTED.to_owned()),
    };
    let number: u64 = text.strip_suffix(unit).ok_or(WANTED)?.parse().map_err(|_| WANTED)?;
    number.checked_mul(seconds).filter(|total| *total > 0).map(Duration::from_secs).ok_or_else(|| WANTED.to_owned())
}

pub(super) fn tag(text: &str) -> Result<Tag, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Tag { key: key.to_owned(), value: value.to_owned() }),
        _ => Err("a tag is written KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use postern_client::Overrides;
    use postern_client::config::{Environment, Profile};

    #[test]
    fn periods_have_units() {
        assert_eq!(period("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(period("90s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "30", "d", "0h", "-1d", "1w", "99999999999999999999d", "1dd", "1.5h"] {
            assert!(period(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_register_command_can_be_pasted() {
        let environment: Environment =
            [("AWS_CONFIG_FILE", "/nonexistent"), ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")]
                .into_iter()
                .collect();
        let profile = Profile::load(environment, None).unwrap();
        let overrides = Overrides { endpoint: Some("https://ssm.example.org:8443".to_owned()), ..Overrides::default() };
        let service = Service::new(profile, &overrides).unwrap();
        let id = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        let command = register_command(&service, &id, "a'b", Some("SHA256:00"));
        let words = shell_words::split(&command).unwrap();
        assert_eq!(words[..4], ["printf", "%s", "a'b", "|"]);
        let register = words[4..].join(" ");
        assert!(register.starts_with("postern-agent register --endpoint https://ssm.example.org:8443"), "{register}");
        assert!(
            register.contains("--region us-east-1 --ca-fingerprint SHA256:00 --activation-id 11111111-"),
            "{register}"
        );
        assert!(register.ends_with("--activation-code-file -"), "{register}");
    }
}
