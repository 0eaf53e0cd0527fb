//! What a tunnel carries: one stream down and up, eight at once, small requests, small requests beside a download, new
//! connections, and what all of it costs in processor time. Each way in turn, round by round: `postern forward`,
//! OpenSSH's `-L` with two ciphers and through a bastion, and AWS's programs where they are, in every mixture.
//!
//! Every byte is checked where it arrives.

pub(crate) mod far;
mod far_end;
mod load;
mod ratio;
mod way;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use postern_testkit::{Agent, Scheme, Service, StockAgentProcess, StockPlugin};

use self::far_end::FarEnd;
use self::load::Load;
use self::way::Way;
use crate::Row;
use crate::yardstick::OpenSsh;

/// How much is measured in each round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    /// Bytes of each bulk transfer.
    pub(crate) bulk_bytes: u64,
    /// The same where one of AWS's programs sends: it does not send 1 MB in a second.
    pub(crate) slow_bytes: u64,
    /// Small requests of each kind.
    pub(crate) requests: usize,
}

/// Streams that are carried at once in the case with several.
const STREAMS: usize = 8;

/// Measures all ways in turn, round by round.
pub(crate) fn measure(rounds: usize, amounts: Amounts) -> Result<Vec<Row>> {
    let far_end = FarEnd::start()?;
    let service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    let ssh = OpenSsh::start()?;
    let plugin = StockPlugin::get();
    let stock_agent = StockAgentProcess::start(&service);

    let mut ways = vec![Way::forward("postern", &service, agent.node_id(), agent.process_id(), far_end.address())?];
    if let Some(ssh) = &ssh {
        let ciphers =
            [("ssh -L chacha20", "chacha20-poly1305@openssh.com"), ("ssh -L aes128-gcm", "aes128-gcm@openssh.com")];
        for (name, cipher) in ciphers {
            ways.push(Way::ssh(name, ssh, "direct", Some(cipher), far_end.address())?);
        }
        ways.push(Way::ssh("ssh -J", ssh, "jumped", None, far_end.address())?);
    }
    if let Some(plugin) = &plugin {
        let (node, process) = (agent.node_id(), agent.process_id());
        ways.push(Way::plugin("AWS plugin, our agent", plugin, &service, node, process, far_end.address())?.slow_up());
    }
    if let Some(stock) = &stock_agent {
        let (node, process) = (stock.node_id(), stock.process_id());
        ways.push(Way::forward("postern, AWS agent", &service, node, process, far_end.address())?.slow_down());
        if let Some(plugin) = &plugin {
            let way = Way::plugin("AWS plugin and agent", plugin, &service, node, process, far_end.address())?;
            ways.push(way.slow_down().slow_up());
        }
    }
    for round in 0..rounds {
        for way in &mut ways {
            eprintln!("tunnels: round {} of {rounds}, {}", round + 1, way.name);
            one_round(way, amounts).with_context(|| way.name)?;
        }
    }
    Ok(rows(&ways))
}

fn one_round(way: &mut Way, amounts: Amounts) -> Result<()> {
    let load = Load { address: way.address() };
    let of = |slow| if slow { amounts.slow_bytes } else { amounts.bulk_bytes };
    let (down_bytes, up_bytes) = (of(way.is_slow_down), of(way.is_slow_up));

    let cost = way.cpu_time()?;
    way.down.add_number(rate(down_bytes, load.download(down_bytes)?));
    way.down_cost.add_number(cost.passed()?.as_secs_f64() * 1e3 / megabytes(down_bytes));
    let cost = way.cpu_time()?;
    way.up.add_number(rate(up_bytes, load.upload(up_bytes)?));
    way.up_cost.add_number(cost.passed()?.as_secs_f64() * 1e3 / megabytes(up_bytes));

    let each = down_bytes / STREAMS as u64;
    let streams = load.downloads(STREAMS, each)?;
    way.sum.add_number(rate(each * STREAMS as u64, streams.all));
    way.fairness.add_number(streams.slowest_share());

    load.requests(amounts.requests, &mut way.requests)?;
    load.requests_under_bulk(amounts.requests, &mut way.busy_requests)?;
    load.fresh_requests(amounts.requests / 4, &mut way.fresh_requests)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn rate(bytes: u64, took: Duration) -> f64 {
    megabytes(bytes) / took.as_secs_f64()
}

fn rows(ways: &[Way]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |measure: &str, show: &dyn Fn(&Way) -> String| {
        for way in ways {
            rows.push(Row { measure: format!("{measure}, {}", way.name), result: show(way), goal: "" });
        }
    };
    row("tunnel, one stream down / up (MB/s)", &|way| format!("{:.2} / {:.2}", way.down.median(), way.up.median()));
    row("CPU of client, servers and agent, down / up (ms per MB)", &|way| {
        format!("{:.2} / {:.2}", way.down_cost.median(), way.up_cost.median())
    });
    row("8 streams down, sum (MB/s) / slowest to mean", &|way| {
        format!("{:.2} / {:.2}", way.sum.median(), way.fairness.median())
    });
    row("request of 64 B and answer, p50 / p99 (ms)", &|way| quantiles(&way.requests));
    row("the same beside a download, p50 / p99 (ms)", &|way| quantiles(&way.busy_requests));
    row("new connection and request, p50 / p99 (ms)", &|way| quantiles(&way.fresh_requests));
    rows.extend(ratio::rows(ways));
    rows
}

fn quantiles(samples: &crate::stats::Samples) -> String {
    format!("{:.3} / {:.3}", samples.median(), samples.percentile(99.0))
}

/// A loopback address with a port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
