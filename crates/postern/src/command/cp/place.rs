//! What the words of the command line mean: which of them are on a node.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use postern_client::CopyWork;
use postern_transfer::NodePath;

/// Standard input or output.
const STREAM: &str = "-";

/// A copy as it was asked for.
#[derive(Debug)]
pub(super) struct Copying {
    /// The node, as the user calls it.
    pub(super) node: String,
    /// What is copied, and in which direction.
    pub(super) work: CopyWork,
}

/// Reads the places: sources, and the destination at last.
pub(super) fn copying(places: &[String]) -> anyhow::Result<Copying> {
    let (destination, sources) = places.split_last().context("there is nothing to copy")?;
    let sources_have_stream = sources.iter().any(|source| source == STREAM);
    match (sources, on_node(destination)) {
        ([source], Some((node, path))) if source == STREAM => {
            let work = CopyWork::PutFromInput { destination: node_path(destination, path)? };
            return Ok(Copying { node: node.to_owned(), work });
        }
        ([source], None) if destination == STREAM => {
            if let Some((node, path)) = on_node(source) {
                let work = CopyWork::GetToOutput { source: node_path(source, path)? };
                return Ok(Copying { node: node.to_owned(), work });
            }
        }
        _ if sources_have_stream || (destination == STREAM && sources.len() > 1) => {
            bail!("- is the content of one file; copy other files by themselves (a file called - is ./-)")
        }
        _ => {}
    }
    let on_nodes: Vec<_> = sources.iter().filter_map(|source| on_node(source)).collect();
    match (on_node(destination), on_nodes.as_slice()) {
        (Some(_), [_, ..]) => {
            bail!(
                "both sides are on nodes; copy to this machine first and from here to {destination:?}, or one file \
                 through it: postern cp NODE:FILE - | postern cp - NODE:FILE"
            )
        }
        (None, []) => {
            bail!("none of the places is on a node, which is written NODE:PATH; for copies on this machine there is cp")
        }
        (Some((node, path)), []) => {
            let sources = sources.iter().map(PathBuf::from).collect();
            let destination = node_path(destination, path)?;
            Ok(Copying { node: node.to_owned(), work: CopyWork::Put { sources, destination } })
        }
        (None, [(node, _), ..]) => {
            if on_nodes.len() < sources.len() || on_nodes.iter().any(|(other, _)| other != node) {
                bail!("the sources are on different machines; copy from one at a time");
            }
            let paths = sources.iter().zip(&on_nodes).map(|(source, (_, path))| node_path(source, path));
            let work = CopyWork::Get { sources: paths.collect::<Result<_, _>>()?, destination: destination.into() };
            Ok(Copying { node: (*node).to_owned(), work })
        }
    }
}

fn node_path(place: &str, path: &str) -> anyhow::Result<NodePath> {
    NodePath::new(path).map_err(|reason| anyhow::anyhow!("{place:?} cannot be copied: {reason}"))
}

/// Node and path. A path here may contain a colon behind a slash: `./a:b`.
fn on_node(place: &str) -> Option<(&str, &str)> {
    let after = if place.starts_with("tag:") { "tag:".len() } else { 0 };
    let colon = place.get(after..)?.find([':', '/'])? + after;
    let (node, path) = place.split_at(colon);
    let path = path.strip_prefix(':')?;
    // C:\x is no node.
    let is_drive = cfg!(windows) && node.len() == 1;
    (!node.is_empty() && !is_drive).then_some((node, path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_node_stands_before_the_first_colon() {
        for (place, expected) in [
            ("web-1:/var/log/*.log", Some(("web-1", "/var/log/*.log"))),
            ("web-1:", Some(("web-1", ""))),
            ("web-1:a:b", Some(("web-1", "a:b"))),
            ("tag:env=prod:/etc/x", Some(("tag:env=prod", "/etc/x"))),
            ("tag:env", None),
            ("./a:b", None),
            ("/a:b", None),
            ("a", None),
            (":a", None),
            ("", None),
        ] {
            assert_eq!(on_node(place), expected, "{place}");
        }
    }

    #[test]
    fn one_side_is_here_and_the_other_on_one_node() {
        let read = |places: &[&str]| copying(&places.iter().map(|place| (*place).to_owned()).collect::<Vec<_>>());
        assert!(
            matches!(read(&["n:/a", "n:b", "."]).unwrap().work, CopyWork::Get { sources, .. } if sources.len() == 2)
        );
        assert!(matches!(read(&["a", "b", "n:"]).unwrap().work, CopyWork::Put { sources, .. } if sources.len() == 2));
        assert!(matches!(read(&["-", "n:a"]).unwrap().work, CopyWork::PutFromInput { .. }));
        assert!(matches!(read(&["n:a", "-"]).unwrap().work, CopyWork::GetToOutput { .. }));
        assert!(matches!(read(&["./-", "n:a"]).unwrap().work, CopyWork::Put { .. }));
        for (places, wanted) in [
            (vec!["-", "b"], "content of one file"),
            (vec!["-", "-"], "none of the places is on a node"),
            (vec!["a", "-"], "none of the places is on a node"),
            (vec!["-", "a", "n:b"], "content of one file"),
            (vec!["n:a", "n:b", "-"], "content of one file"),
            (vec!["a", "b"], "none of the places is on a node"),
            (vec!["n:a", "m:b"], "both sides are on nodes"),
            (vec!["n:a", "m:b", "c"], "on different machines"),
            (vec!["n:a", "b", "c"], "on different machines"),
        ] {
            let error = read(&places).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
