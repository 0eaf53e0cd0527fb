//! What an idle managed node costs the service: thousands of real control channels, held by this process.

use std::time::{Duration, Instant};

use anyhow::Result;
use postern_protocol::wire::websocket::Message;
use postern_testkit::{Scheme, Service};
use postern_transport::{NetStream, WebSocket, WsEvent};
use tokio::task::JoinSet;

use crate::Row;
use crate::cpu::CpuTime;
use crate::fleet::Fleet;
use crate::memory::Memory;

/// Holds `counts` control channels, plain and over TLS, and measures the service each time.
pub(crate) fn measure(counts: &[usize]) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let mut rows = Vec::new();
    for (scheme, name, goal) in [(Scheme::Http, "plain", "P10: <= 4 KB"), (Scheme::Https, "TLS", "P10: <= 12 KB")] {
        let service = Service::start(scheme);
        let before = Memory::of(service.process_id())?;
        let fleet = Fleet::of(&service)?;
        let mut held = JoinSet::new();
        let mut previous = None;
        for &count in counts {
            eprintln!("idle: {count} control channels, {name}");
            let started = Instant::now();
            let further = count.saturating_sub(held.len());
            runtime.block_on(fleet.raise(&service, further, |node| drop(held.spawn(keep_alive(node.control)))))?;
            let took = started.elapsed();
            // What connecting needed and idling does not has been given back by then.
            std::thread::sleep(Duration::from_secs(3));
            let memory = Memory::of(service.process_id())?;
            let cpu = CpuTime::of(service.process_id())?;
            std::thread::sleep(Duration::from_secs(20));
            let busy = cpu.passed()?.as_secs_f64() / 20.0 * 100.0;
            let each = memory.rss.saturating_sub(before.rss) as f64 / 1e3 / count as f64;
            rows.push(Row {
                measure: format!("service, RSS per idle node, {count} control channels, {name} (KB)"),
                result: format!("{each:.1} (process {:.0} MB, {busy:.1} % of a core)", memory.rss as f64 / 1e6),
                goal,
            });
            // What the process holds for itself falls out of the difference of two counts.
            if let Some((fewer, less)) = previous.replace((count, memory.rss)) {
                let further = memory.rss.saturating_sub(less) as f64 / 1e3 / count.saturating_sub(fewer).max(1) as f64;
                rows.push(Row {
                    measure: format!("service, RSS per further node, {fewer} to {count}, {name} (KB)"),
                    result: format!("{further:.1}"),
                    goal,
                });
            }
            rows.push(Row {
                measure: format!("registered and connected up to {count}, {name} (s)"),
                result: format!("{:.1}", took.as_secs_f64()),
                goal: "",
            });
        }
    }
    Ok(rows)
}

/// Reads for ever, so that the service's pings are answered, and pings as an agent does.
async fn keep_alive(mut socket: WebSocket<NetStream>) {
    let mut due = tokio::time::interval(Duration::from_secs(54));
    loop {
        tokio::select! {
            _ = due.tick() => socket.feed(Message::Ping("keepalive".into())),
            event = socket.next() => match event {
                Ok(WsEvent::Message(_) | WsEvent::Writable) => {}
                Ok(WsEvent::Closed) | Err(_) => return eprintln!("idle: a control channel was lost"),
            },
        }
    }
}
