//! Ours against the others. A ratio is taken inside each round, where both had the same machine; the median of those
//! counts.

use super::way::Way;
use crate::Row;
use crate::stats::Samples;

/// Which of a way's figures is compared.
type Figure = fn(&Way) -> &Samples;

const DOWN: Figure = |way| &way.down;
const UP: Figure = |way| &way.up;

pub(super) fn rows(ways: &[Way]) -> Vec<Row> {
    let rates: [(&str, Figure, &str, &str, &'static str); 8] = [
        ("P1, down", DOWN, "postern", "ssh -J", ">= 2.0"),
        ("P1, up", UP, "postern", "ssh -J", ">= 2.0"),
        ("P1, down", DOWN, "postern", "ssh -L chacha20", ">= 0.8"),
        ("P1, up", UP, "postern", "ssh -L chacha20", ">= 0.8"),
        ("P1, down", DOWN, "postern", "AWS plugin and agent", ">= 250"),
        ("P1, up", UP, "postern", "AWS plugin and agent", ">= 250"),
        ("P4, down", DOWN, "AWS plugin, our agent", "AWS plugin and agent", ">= 30"),
        ("P4, up", UP, "postern, AWS agent", "AWS plugin and agent", ">= 30"),
    ];
    let mut rows: Vec<Row> = rates
        .into_iter()
        .filter_map(|(name, figure, ours, other, goal)| row(ways, name, figure, ours, other, goal))
        .collect();
    let costs: [(&str, Figure, &'static str); 2] =
        [("P2, CPU down", |way| &way.down_cost, "<= 0.5"), ("P2, CPU up", |way| &way.up_cost, "<= 0.5")];
    rows.extend(
        costs.into_iter().filter_map(|(name, figure, goal)| row(ways, name, figure, "postern", "ssh -J", goal)),
    );
    if let Some(postern) = find(ways, "postern") {
        rows.push(Row {
            measure: "P3, 8 streams: sum to one stream / slowest to mean".to_owned(),
            result: format!("{:.2} / {:.2}", by_round(&postern.sum, &postern.down), postern.fairness.median()),
            goal: ">= 1.0 / >= 0.7",
        });
    }
    let latencies: [(&str, Figure, &str, f64, &'static str); 5] = [
        ("P5, request p50", |way| &way.requests, "ssh -J", 50.0, "<= 1.1"),
        ("P5, request p50", |way| &way.requests, "AWS plugin and agent", 50.0, "<= 0.3"),
        ("P6, request beside a download p50", |way| &way.busy_requests, "ssh -L chacha20", 50.0, "<= 0.5"),
        ("P6, request beside a download p99", |way| &way.busy_requests, "ssh -L chacha20", 99.0, "<= 1.0"),
        ("P6, request beside a download p50", |way| &way.busy_requests, "AWS plugin and agent", 50.0, "<= 0.01"),
    ];
    rows.extend(latencies.into_iter().filter_map(|(name, figure, other, percent, goal)| {
        let (ours, theirs) = (figure(find(ways, "postern")?), figure(find(ways, other)?));
        let ratio = ours.percentile(percent) / theirs.percentile(percent);
        Some(Row { measure: format!("{name}: postern to {other}"), result: format!("{ratio:.3}"), goal })
    }));
    rows
}

/// Over long paths.
pub(super) fn far_rows(ways: &[Way]) -> Vec<Row> {
    [("P17, down", DOWN), ("P17, up", UP)]
        .into_iter()
        .filter_map(|(name, figure)| row(ways, name, figure, "postern", "ssh -J", ">= 1.0"))
        .collect()
}

fn find<'a>(ways: &'a [Way], name: &str) -> Option<&'a Way> {
    ways.iter().find(|way| way.name == name)
}

fn row(ways: &[Way], name: &str, figure: Figure, ours: &str, other: &str, goal: &'static str) -> Option<Row> {
    let ratio = by_round(figure(find(ways, ours)?), figure(find(ways, other)?));
    Some(Row { measure: format!("{name}: {ours} to {other}"), result: format!("{ratio:.2}"), goal })
}

fn by_round(ours: &Samples, theirs: &Samples) -> f64 {
    let mut ratios = Samples::default();
    for (ours, theirs) in ours.iter().zip(theirs.iter()) {
        ratios.add_number(ours / theirs);
    }
    ratios.median()
}
