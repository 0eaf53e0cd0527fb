//! The ini dialect of `~/.aws/config` and `~/.aws/credentials`: sections, `key = value`, one level of
//! indented sub-properties (`services` sections use it). It refuses nothing: a line that means nothing is
//! skipped, as the AWS tools do, because the file belongs to them. It reads a text; opening files is for others.

use std::collections::BTreeMap;

/// One parsed file: sections by their written name, e.g. `default`, `profile web`, `services local`.
#[derive(Default)]
pub struct Ini {
    sections: BTreeMap<String, Section>,
}

/// The properties of one section. Keys are lower case.
#[derive(Default)]
pub struct Section {
    values: BTreeMap<String, String>,
    nested: BTreeMap<String, BTreeMap<String, String>>,
}

impl Ini {
    /// Reads the text of a file.
    #[must_use]
    pub fn parse(text: &str) -> Ini {
        let mut ini = Ini::default();
        let mut section: Option<&mut Section> = None;
        let mut parent: Option<String> = None;
        for line in text.trim_start_matches('\u{feff}').lines() {
            let indented = line.starts_with([' ', '\t']);
            let content = without_comment(line).trim();
            if content.is_empty() {
                continue;
            }
            if let Some(name) = section_name(content)
                && !indented
            {
                section = Some(ini.sections.entry(name).or_default());
                parent = None;
                continue;
            }
            let (Some(section), Some((key, value))) = (section.as_deref_mut(), content.split_once('=')) else {
                continue;
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
            match &parent {
                Some(parent) if indented => {
                    section.nested.entry(parent.clone()).or_default().insert(key, value);
                }
                _ => {
                    parent = value.is_empty().then(|| key.clone());
                    section.values.insert(key, value);
                }
            }
        }
        ini
    }

    /// The section of this name, if there is one.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(name)
    }
}

impl Section {
    /// The value of `key`; an empty value counts as absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of `key` indented below `parent =`.
    #[must_use]
    pub fn get_nested(&self, parent: &str, key: &str) -> Option<&str> {
        self.nested.get(parent)?.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// `[profile "two words"]` is named `profile two words`: runs of blanks and quotes do not matter.
fn section_name(content: &str) -> Option<String> {
    let inner = content.strip_prefix('[')?.split(']').next()?;
    let words: Vec<&str> = inner.split([' ', '\t', '"', '\'']).filter(|word| !word.is_empty()).collect();
    Some(words.join(" "))
}

/// A comment starts a line, or follows a blank; `a#b` is a value.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let mark = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| line.find(mark)).min();
    line.get(..mark.unwrap_or(line.len())).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const FILE: &str = "\u{feff}# comment\r\n[default]\r\nregion = eu-west-1 ; here\naws_secret_access_key=a#b;c=d\n\
        [profile  \"two words\"]\nServices = local\n; no\nempty =\n\n[services local]\nssm =\n  endpoint_url = http://127.0.0.1:1\n\
        s3 =\n  endpoint_url = http://127.0.0.1:2\nstray\n";

    #[test]
    fn reads_sections_values_and_comments() {
        let ini = Ini::parse(FILE);
        let default = ini.section("default").unwrap();
        assert_eq!(default.get("region"), Some("eu-west-1"));
        assert_eq!(default.get("aws_secret_access_key"), Some("a#b;c=d"));
        let profile = ini.section("profile two words").unwrap();
        assert_eq!(profile.get("services"), Some("local"));
        assert_eq!(profile.get("empty"), None);
        assert!(ini.section("profile other").is_none());
    }

    #[test]
    fn reads_sub_properties_of_the_right_parent() {
        let ini = Ini::parse(FILE);
        let services = ini.section("services local").unwrap();
        assert_eq!(services.get_nested("ssm", "endpoint_url"), Some("http://127.0.0.1:1"));
        assert_eq!(services.get_nested("s3", "endpoint_url"), Some("http://127.0.0.1:2"));
        assert_eq!(services.get_nested("ec2", "endpoint_url"), None);
    }
}
