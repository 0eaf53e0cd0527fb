//! `postern document …`: what sessions and commands do, kept by the service.

mod file;

use std::process::ExitCode;

use clap::Subcommand;
use postern_client::Service;
use postern_iam::DocumentName;
use postern_model::activation::Tag;
use postern_model::document::{
    CreateDocumentRequest, DeleteDocumentRequest, DescribeDocumentRequest, DocumentDescription, DocumentFilter,
    DocumentFilterKey, DocumentFormat, DocumentType, DocumentVersion, GetDocumentRequest, ListDocumentVersionsRequest,
    ListDocumentsRequest, NamedVersion, UpdateDocumentDefaultVersionRequest, UpdateDocumentRequest,
};
use serde_json::Value;

use self::file::Text;
use super::activation::tag;
use super::listing::{self, text, time};
use crate::context::ServiceFlags;
use crate::table;

/// The largest page the service gives.
const PAGE: u32 = 50;

#[derive(Subcommand)]
pub(crate) enum Arguments {
    /// List documents, the account's and the service's
    List(List),
    /// Print a document's text
    Get(Get),
    /// Keep a document
    Create(Create),
    /// Add a version to a document
    Update(Update),
    /// List a document's versions
    Versions {
        /// The document
        name: DocumentName,
        /// Print JSON: a list with the members of AWS's DocumentVersionInfo
        #[arg(long)]
        json: bool,
    },
    /// Choose the version that is used when none is named
    Default {
        /// The document
        name: DocumentName,
        /// The version's number
        version: u32,
    },
    /// Delete a document, or one of its versions
    Delete(Delete),
}

#[derive(clap::Args)]
pub(crate) struct List {
    /// Whose: Self, Amazon, Public or Private
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = document_type)]
    document_type: Option<DocumentType>,
    /// Whose name begins like this
    #[arg(long, value_name = "PREFIX")]
    name: Option<String>,
    /// With this tag
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    tag: Option<Tag>,
    /// Print JSON: a list with the members of AWS's DocumentIdentifier
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct Get {
    /// The document, by name or ARN
    name: DocumentName,
    /// Which version: a number, latest or default
    #[arg(long, value_name = "VERSION", value_parser = version)]
    version: Option<DocumentVersion>,
    /// In which form; without it as it was given
    #[arg(long, value_name = "json|yaml", value_parser = format)]
    format: Option<DocumentFormat>,
}

#[derive(clap::Args)]
pub(crate) struct Create {
    /// Its name
    name: DocumentName,
    #[command(flatten)]
    text: Text,
    /// What it is for: Session or Command; without it, what its schemaVersion says
    #[arg(long = "type", value_name = "TYPE", value_parser = document_type)]
    document_type: Option<DocumentType>,
    /// A name for the first version
    #[arg(long, value_name = "NAME")]
    version_name: Option<String>,
    /// Tag of the document; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<Tag>,
    /// Print JSON: AWS's DocumentDescription
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct Update {
    /// The document
    name: DocumentName,
    #[command(flatten)]
    text: Text,
    /// A name for the new version
    #[arg(long, value_name = "NAME")]
    version_name: Option<String>,
    /// Make the new version the default one
    #[arg(long)]
    default: bool,
    /// Print JSON: AWS's DocumentDescription
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct Delete {
    /// The document
    name: DocumentName,
    /// Only this version: a number, latest or default
    #[arg(long, value_name = "VERSION", value_parser = version)]
    version: Option<DocumentVersion>,
    /// Even if it is shared
    #[arg(long)]
    force: bool,
}

/// Does what was asked.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    match arguments {
        Arguments::List(arguments) => list(&service, arguments).await?,
        Arguments::Get(arguments) => get(&service, arguments).await?,
        Arguments::Create(arguments) => create(&service, arguments).await?,
        Arguments::Update(arguments) => update(&service, arguments).await?,
        Arguments::Versions { name, json } => versions(&service, name, json).await?,
        Arguments::Default { name, version } => choose(&service, name, version).await?,
        Arguments::Delete(Delete { name, version, force }) => {
            let shown = version.map(|version| format!("version {version} of ")).unwrap_or_default();
            let version = NamedVersion { document_version: version, version_name: None };
            service.call(&DeleteDocumentRequest { name: name.clone(), version, force }).await?;
            crate::failure::say!("{shown}document {name} is deleted");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(service: &Service, arguments: List) -> anyhow::Result<()> {
    let filter = |key, value: Option<String>| value.map(|value| DocumentFilter { key, values: vec![value] });
    let filters = [
        filter(DocumentFilterKey::Owner, arguments.owner),
        filter(DocumentFilterKey::DocumentType, arguments.document_type.map(|kind| kind.to_string())),
        filter(DocumentFilterKey::Name, arguments.name),
        arguments.tag.map(|tag| DocumentFilter { key: DocumentFilterKey::Tag(tag.key), values: vec![tag.value] }),
    ];
    let filters: Vec<_> = filters.into_iter().flatten().collect();
    let request = |next_token| ListDocumentsRequest { filters: filters.clone(), max_results: Some(PAGE), next_token };
    let documents = listing::all(service, "DocumentIdentifiers", request).await?;
    if arguments.json {
        return table::print_json(&documents);
    }
    if documents.is_empty() {
        crate::failure::say!("no documents");
        return Ok(());
    }
    let row = |document: &Value| {
        let platforms = document.get("PlatformTypes").and_then(Value::as_array).into_iter().flatten();
        let platforms: Vec<_> = platforms.filter_map(Value::as_str).collect();
        let mut row: Vec<_> = ["Name", "DocumentType", "Owner", "DocumentVersion", "DocumentFormat"]
            .map(|member| text(document, member))
            .into();
        row.push(platforms.join(" "));
        row
    };
    table::print(&["NAME", "TYPE", "OWNER", "VERSION", "FORMAT", "PLATFORMS"], documents.iter().map(row).collect())
}

async fn get(service: &Service, arguments: Get) -> anyhow::Result<()> {
    let Get { name, version, format } = arguments;
    let version = NamedVersion { document_version: version, version_name: None };
    let format = match format {
        Some(format) => format,
        // The service gives JSON where no form is asked for, and people want what they wrote.
        None => described(service, &name, &version).await?.document_format,
    };
    let document = service.call(&GetDocumentRequest { name, version, document_format: Some(format) }).await?;
    file::print(&document.content)
}

async fn described(
    service: &Service,
    name: &DocumentName,
    version: &NamedVersion,
) -> anyhow::Result<DocumentDescription> {
    let request = DescribeDocumentRequest { name: name.clone(), version: version.clone() };
    Ok(service.call(&request).await?.document)
}

async fn create(service: &Service, arguments: Create) -> anyhow::Result<()> {
    let (content, format) = arguments.text.read()?;
    let document_type = arguments.document_type.unwrap_or_else(|| file::guess_type(&content, format));
    let request = CreateDocumentRequest {
        content,
        name: arguments.name,
        display_name: None,
        version_name: arguments.version_name,
        document_type: Some(document_type),
        document_format: Some(format),
        target_type: None,
        tags: arguments.tags,
    };
    let description = service.call(&request).await?.document_description;
    if arguments.json {
        return table::print_json(&description);
    }
    crate::failure::say!("document {} of type {document_type} is kept", description.name);
    Ok(())
}

async fn update(service: &Service, arguments: Update) -> anyhow::Result<()> {
    let (content, format) = arguments.text.read()?;
    let request = UpdateDocumentRequest {
        content,
        name: arguments.name.clone(),
        display_name: None,
        version_name: arguments.version_name,
        document_version: Some(DocumentVersion::Latest),
        document_format: Some(format),
        target_type: None,
    };
    let mut description = service.call(&request).await?.document_description;
    if arguments.default {
        let number = description.document_version.parse()?;
        let request = UpdateDocumentDefaultVersionRequest { name: arguments.name, document_version: number };
        description.default_version = service.call(&request).await?.description.default_version;
    }
    if arguments.json {
        return table::print_json(&description);
    }
    let DocumentDescription { name, document_version, default_version, .. } = description;
    let said = format!("document {name} has version {document_version}; the default version is {default_version}");
    crate::failure::say!("{}", table::printable(&said));
    Ok(())
}

async fn versions(service: &Service, name: DocumentName, json: bool) -> anyhow::Result<()> {
    let request = |next_token| ListDocumentVersionsRequest { name: name.clone(), max_results: Some(PAGE), next_token };
    let versions = listing::all(service, "DocumentVersions", request).await?;
    if json {
        return table::print_json(&versions);
    }
    let row = |version: &Value| {
        let is_default = version.get("IsDefaultVersion").and_then(Value::as_bool).unwrap_or_default();
        vec![
            text(version, "DocumentVersion"),
            text(version, "VersionName"),
            text(version, "DocumentFormat"),
            time(version, "CreatedDate"),
            if is_default { "default".to_owned() } else { String::new() },
        ]
    };
    table::print(&["VERSION", "NAME", "FORMAT", "CREATED", ""], versions.iter().map(row).collect())
}

async fn choose(service: &Service, name: DocumentName, version: u32) -> anyhow::Result<()> {
    let request = UpdateDocumentDefaultVersionRequest { name, document_version: version };
    let chosen = service.call(&request).await?.description;
    let said = format!("the default version of document {} is {}", chosen.name, chosen.default_version);
    crate::failure::say!("{}", table::printable(&said));
    Ok(())
}

fn document_type(name: &str) -> Result<DocumentType, String> {
    let named = DocumentType::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, kind)| *kind).ok_or_else(|| "the types are Session and Command".to_owned())
}

fn format(name: &str) -> Result<DocumentFormat, String> {
    match name.to_ascii_lowercase().as_str() {
        "json" => Ok(DocumentFormat::Json),
        "yaml" | "yml" => Ok(DocumentFormat::Yaml),
        _ => Err("the forms are json and yaml".to_owned()),
    }
}

fn version(name: &str) -> Result<DocumentVersion, String> {
    match name {
        "latest" => Ok(DocumentVersion::Latest),
        "default" => Ok(DocumentVersion::Default),
        _ => DocumentVersion::from_name(name).ok_or_else(|| "a version is a number, latest or default".to_owned()),
    }
}
