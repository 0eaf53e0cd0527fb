//! From text to policies. Total: every text is a policy or has a fault with a place.

mod statement;

use std::collections::BTreeSet;

use crate::document::{Policy, Version};
use crate::fault::{Fault, Path, shown};
use crate::json::{Json, unknown_member};
use crate::limits::{Limits, MAX_DOCUMENT_BYTES, quota_characters};

pub(crate) fn policy(document: &str, limits: &Limits) -> Result<Policy, Fault> {
    if document.len() > MAX_DOCUMENT_BYTES {
        let detail = format!("it has {} bytes, and {MAX_DOCUMENT_BYTES} are the most", document.len());
        return Err(Fault::syntax(&Path::DOCUMENT, detail));
    }
    let characters = quota_characters(document);
    if characters > limits.max_characters {
        return Err(Fault::too_large(limits, characters));
    }
    let root = Path::DOCUMENT;
    let json = Json::read(document)?;
    let (mut version, mut id, mut statements) = (None, None, None);
    for (name, value) in json.object(&root)? {
        let path = root.member(name);
        match name.as_str() {
            "Version" => version = Some(read_version(value.string(&path)?, &path)?),
            "Id" => id = Some(value.string(&path)?.into()),
            "Statement" => statements = Some(value),
            _ => return Err(unknown_member(&root, name, &["Version", "Id", "Statement"])),
        }
    }
    let path = root.member("Statement");
    let json = statements.ok_or_else(|| Fault::syntax(&path, "is missing"))?;
    let items = json.items();
    if items.is_empty() || items.len() > limits.max_statements {
        let detail = format!("must have 1 to {} statements, not {}", limits.max_statements, items.len());
        return Err(Fault::syntax(&path, detail));
    }
    let reader = statement::Reader { kind: limits.kind, variables: version == Some(Version::V2012) };
    let statements: Box<[_]> = items
        .iter()
        .enumerate()
        .map(|(index, item)| reader.statement(item, &json.item_path(&path, index)))
        .collect::<Result<_, Fault>>()?;
    let mut sids = BTreeSet::new();
    for (index, statement) in statements.iter().enumerate() {
        let sid = statement.sid.as_deref().filter(|sid| !sid.is_empty());
        if let Some(sid) = sid.filter(|sid| !sids.insert(*sid)) {
            let statement = json.item_path(&path, index);
            return Err(Fault::new(
                "Statement IDs (SID) in a single policy must be unique.",
                &statement.member("Sid"),
                format!("\"{}\" is an earlier statement's", shown(sid)),
            ));
        }
    }
    Ok(Policy { kind: limits.kind, version, id, statements })
}

fn read_version(text: &str, path: &Path<'_>) -> Result<Version, Fault> {
    [Version::V2008, Version::V2012].into_iter().find(|version| version.name() == text).ok_or_else(|| {
        Fault::syntax(path, format!("must be \"2012-10-17\" or \"2008-10-17\", not \"{}\"", shown(text)))
    })
}
