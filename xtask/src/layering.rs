//! `cargo xtask layering`: the dependency rule of ARCHITECTURE.md, checked on cargo's own graph and on the sources.

mod graph;
mod rules;
mod sources;

use anyhow::Result;

use graph::Graph;

/// Prints what breaks the rules; tells whether nothing does.
pub(crate) fn run() -> Result<bool> {
    let graph = Graph::read()?;
    let mut broken = rules::check(&graph);
    broken.extend(sources::check(&graph)?);
    for sentence in &broken {
        eprintln!("layering: {sentence}");
    }
    if broken.is_empty() {
        println!("layering: {} crates keep the rules", graph.members().count());
    }
    Ok(broken.is_empty())
}
