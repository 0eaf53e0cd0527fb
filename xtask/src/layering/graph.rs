//! Who depends on whom, as cargo resolved it for every platform and with every feature on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::cargo::metadata;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// Nothing for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// The part of it that programs are linked from: ordinary dependencies only.
pub(crate) struct Graph {
    names: BTreeMap<String, String>,
    folders: BTreeMap<String, PathBuf>,
    ordinary: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    pub(crate) fn read() -> Result<Self> {
        let metadata: Metadata = serde_json::from_value(metadata(&[])?).context("cargo metadata changed its form")?;
        let mut graph = Self {
            names: BTreeMap::new(),
            folders: BTreeMap::new(),
            ordinary: BTreeMap::new(),
            members: metadata.workspace_members.into_iter().collect(),
        };
        for package in metadata.packages {
            let folder = package.manifest_path.parent().context("a manifest lies in a folder")?.to_owned();
            graph.folders.insert(package.name.clone(), folder);
            graph.names.insert(package.id, package.name);
        }
        for node in metadata.resolve.nodes {
            let is_ordinary = |dependency: &Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
            let ordinary = node.deps.into_iter().filter(is_ordinary).map(|dependency| dependency.pkg).collect();
            graph.ordinary.insert(node.id, ordinary);
        }
        Ok(graph)
    }

    /// The names of the workspace's own crates.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|id| self.name(id))
    }

    /// The workspace's own crates that `member` names in its manifest.
    pub(crate) fn own_dependencies(&self, member: &str) -> impl Iterator<Item = &str> {
        let ids = self.members.iter().filter(move |id| self.name(id) == member);
        ids.flat_map(|id| &self.ordinary[id]).filter(|id| self.members.contains(*id)).map(|id| self.name(id))
    }

    /// The folder of a crate.
    pub(crate) fn folder(&self, name: &str) -> &PathBuf {
        &self.folders[name]
    }

    /// Every way from `member` down to a package for which `is_forbidden` holds, the shortest first for each, written
    /// as a chain of names. What lies below a package for which `is_end` holds is not looked at.
    pub(crate) fn paths_to(
        &self,
        member: &str,
        is_forbidden: impl Fn(&str) -> bool,
        is_end: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let start = self.members.iter().filter(|id| self.name(id) == member);
        let mut waiting: std::collections::VecDeque<(&str, String)> =
            start.map(|id| (id.as_str(), member.to_owned())).collect();
        while let Some((id, path)) = waiting.pop_front() {
            for next in &self.ordinary[id] {
                let name = self.name(next);
                if !seen.insert(next) {
                    continue;
                }
                let path = format!("{path} → {name}");
                if is_forbidden(name) {
                    found.push(path);
                } else if !is_end(name) {
                    waiting.push_back((next, path));
                }
            }
        }
        found
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }
}
