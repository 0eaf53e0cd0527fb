//! Whole sessions with everything that can go wrong on the way: connections that die, a service
//! that dies with all it knows, slow readers, small buffers. Every byte of both directions is
//! checked, and every acknowledgement against what was delivered.

use postern_protocol::channel::data_channel::{Config, Role};
use postern_protocol::channel::relay::{Delivery, Side};

use crate::support::{Chance, Counted, MILLIS, SECONDS};
use crate::world::{End, Fault, OurEnd, PATIENCE, StockAgent, StockClient, Weather, World, fair};

/// Runs one seed after the other, or the one of the environment. `POSTERN_SEEDS` is how many.
pub fn seeds(count: u64, run: impl Fn(u64)) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    if let Some(seed) = number("POSTERN_SEED") {
        return run(seed);
    }
    let count = number("POSTERN_SEEDS").unwrap_or(count);
    for seed in 0..count {
        let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed)));
        if let Err(panic) = attempt {
            eprintln!("failed with POSTERN_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn weather(chance: &mut Chance, restarts: bool) -> Weather {
    let mut faults = Vec::new();
    for _ in 0..chance.within(0..6) {
        let when = chance.within(0..3 * SECONDS);
        let pause = if chance.percent(80) { chance.within(0..300 * MILLIS) } else { chance.within(0..4 * SECONDS) };
        let fault = match chance.within(0..5) {
            0 | 1 => Fault::Drop(Side::Client, pause),
            2 | 3 => Fault::Drop(Side::Agent, pause),
            _ if restarts => Fault::Restart(pause),
            _ => Fault::Drop(Side::Agent, pause),
        };
        faults.push((when, fault));
    }
    faults.sort_by_key(|(when, _)| *when);
    Weather {
        client_delay: chance.within(100..80 * MILLIS),
        agent_delay: chance.within(100..80 * MILLIS),
        capacity: usize::try_from(chance.within(2048..65_536)).unwrap(),
        max_buffer_bytes: usize::try_from(chance.within(16 * 1024..256 * 1024)).unwrap(),
        faults,
    }
}

fn streams(chance: &mut Chance) -> (Counted, Counted) {
    let mut size = || if chance.percent(50) { chance.within(1..4_000) } else { chance.within(4_000..120_000) };
    (Counted::new(1, size()), Counted::new(2, size()))
}

fn ours(role: Role, sends: &Counted, receives: &Counted, chance: &mut Chance) -> Box<dyn End> {
    let config = Config {
        max_payload: usize::try_from(chance.within(200..6_000)).unwrap(),
        send_window_bytes: usize::try_from(chance.within(8_000..200_000)).unwrap(),
        receive_window_bytes: usize::try_from(chance.within(8_000..200_000)).unwrap(),
        // Faults may well last longer than the usual time.
        handshake_timeout: std::time::Duration::from_secs(300),
        ..Config::new(role, chance.next())
    };
    let end = OurEnd::new(config, sends.clone(), receives.clone(), Chance::new(chance.next()));
    // Now and then an older version of ours, that does not know of them.
    let end = end.cumulative(chance.percent(75));
    if chance.percent(20) {
        return Box::new(end.reading_every(chance.within(100..20 * MILLIS)));
    }
    Box::new(end)
}

fn run(mut world: World, limit: usize) {
    world.run(PATIENCE);
    let agreed = world.client.is_cumulative() && world.agent.is_cumulative();
    assert_eq!(agreed, world.cumulative > 0, "both say so, and only then");
    assert!(world.most_buffered <= limit, "the relay kept {} bytes, more than {limit}", world.most_buffered);
}

#[test]
fn ours_with_ours() {
    seeds(250, |seed| {
        let mut chance = Chance::new(seed);
        let (up, down) = streams(&mut chance);
        let client = ours(Role::Client, &up, &down, &mut chance);
        let agent = ours(Role::Agent, &down, &up, &mut chance);
        let weather = weather(&mut chance, true);
        let limit = weather.max_buffer_bytes;
        run(World::new(client, agent, weather, chance), limit);
    });
}

#[test]
fn stock_client_with_our_agent() {
    seeds(150, |seed| {
        let mut chance = Chance::new(seed);
        let (up, down) = streams(&mut chance);
        let client = Box::new(StockClient::new(up.clone(), down.clone()));
        let agent = ours(Role::Agent, &down, &up, &mut chance);
        let weather = weather(&mut chance, true);
        let limit = weather.max_buffer_bytes;
        run(World::new(client, agent, weather, chance), limit);
    });
}

#[test]
fn our_client_with_stock_agent() {
    seeds(150, |seed| {
        let mut chance = Chance::new(seed);
        let (up, down) = streams(&mut chance);
        let client = ours(Role::Client, &up, &down, &mut chance);
        let weather = weather(&mut chance, true);
        let limit = weather.max_buffer_bytes;
        run(World::new(client, stock_agent(&mut chance, down, up), weather, chance), limit);
    });
}

#[test]
fn stock_with_stock() {
    seeds(150, |seed| {
        let mut chance = Chance::new(seed);
        let (up, down) = streams(&mut chance);
        let client = Box::new(StockClient::new(up.clone(), down.clone()));
        let weather = weather(&mut chance, true);
        let limit = weather.max_buffer_bytes;
        run(World::new(client, stock_agent(&mut chance, down, up), weather, chance), limit);
    });
}

fn stock_agent(chance: &mut Chance, sends: Counted, receives: Counted) -> Box<dyn End> {
    if chance.percent(50) {
        return Box::new(StockAgent::shell(sends, receives));
    }
    Box::new(StockAgent::port(sends, receives))
}

/// Two seconds after its program's end a stock agent gives up what it still owes, and goes (spec session-types 3).
/// Whatever was lost by then, nobody may wait for it, and what is known to be missing is known.
#[test]
fn a_stock_agent_that_gives_up_keeps_nobody_waiting() {
    for client_is_stock in [true, false] {
        let cut = std::cell::Cell::new(0);
        seeds(60, |seed| {
            let mut chance = Chance::new(seed);
            let (up, down) = (Counted::new(1, chance.within(1..2_000)), Counted::new(2, chance.within(1..400_000)));
            let client: Box<dyn End> = if client_is_stock {
                Box::new(StockClient::new(up.clone(), down.clone()))
            } else {
                // It has room for all that a relay may have under way, so it never drops what was given up for it.
                let config = Config { receive_window_bytes: 1024 * 1024, ..Config::new(Role::Client, chance.next()) };
                let end = OurEnd::new(config, up.clone(), down.clone(), Chance::new(chance.next()));
                Box::new(end.reading_every(chance.within(100..20 * MILLIS)))
            };
            let weather = weather(&mut chance, false);
            let mut world = World::new(client, stock_agent(&mut chance, down.clone(), up), weather, chance);
            while world.agent.sends().left() > 0 {
                world.run_until(world.now + 10 * MILLIS);
                assert!(world.now < PATIENCE, "the program never ends");
            }
            let gives_up = world.now + 2 * SECONDS;
            while world.now < gives_up && !world.agent.is_drained() {
                world.run_until(world.now + 10 * MILLIS);
            }
            world.close(Side::Agent);
            // The client reads on, at its pace.
            while world.relay.output_delivery() == Delivery::Pending {
                world.run_until(world.now + 100 * MILLIS);
                assert!(world.now < PATIENCE, "the client waits for ever: {:?}", world.relay);
            }
            let has_all = world.client.receives().received == down.total;
            let is_cut = world.relay.output_delivery() == Delivery::Cut;
            // A stock client that has it all may have said so on a leg that died, and does not say it again.
            assert!(!(has_all && is_cut) || client_is_stock, "nothing is missing");
            cut.set(cut.get() + u32::from(is_cut && !has_all));
        });
        assert!(std::env::var_os("POSTERN_SEED").is_some() || cut.get() > 0, "nothing was ever lost");
    }
}

/// An agent's data channel dies in the middle of a flood: the stock pair hangs for ever at its own
/// service (measured, performance 2.3).
#[test]
fn an_agents_leg_may_die_in_a_flood() {
    for (name, client_is_stock, agent_is_stock, cumulative) in [
        ("stock", true, true, false),
        ("our agent", true, false, true),
        ("our client", false, true, true),
        ("ours", false, false, false),
        ("ours, cumulative", false, false, true),
    ] {
        let (up, down) = (Counted::new(1, 100), Counted::new(2, 3_000_000));
        let config = |role| Config::new(role, 7);
        let client: Box<dyn End> = if client_is_stock {
            Box::new(StockClient::new(up.clone(), down.clone()))
        } else {
            let client = OurEnd::new(config(Role::Client), up.clone(), down.clone(), Chance::new(1));
            Box::new(client.cumulative(cumulative))
        };
        let agent: Box<dyn End> = if agent_is_stock {
            Box::new(StockAgent::shell(down.clone(), up))
        } else {
            let agent = OurEnd::new(config(Role::Agent), down.clone(), up, Chance::new(2));
            Box::new(agent.writing_every(10 * MILLIS).cumulative(cumulative))
        };
        let mut world = fair(client, agent);
        world.run_until(1500 * MILLIS);
        let before = world.client.receives().received;
        assert!(before > 500_000, "{name}: {before} bytes");
        world.fault_now(Fault::Drop(Side::Agent, 16 * MILLIS));
        let cut_off = world.agent.sends().sent - before;
        world.run(PATIENCE);
        // What was cut off comes back at ten messages a second from a stock agent, at once from
        // ours; everything else must not wait for it.
        let frames = if agent_is_stock { cut_off.div_ceil(1024) } else { 0 };
        let flood = down.total / 1_024_000 * SECONDS;
        let limit = 1500 * MILLIS + flood + frames * 100 * MILLIS + 3 * SECONDS;
        assert!(world.now < limit, "{name}: {} ms, {frames} messages cut off", world.now / MILLIS);
    }
}

/// Nobody but the sender has what was given up, so it must not be paused for good.
#[test]
fn a_stopped_client_costs_no_more_than_the_bound_and_finds_everything_later() {
    for agent_is_stock in [true, false] {
        let (up, down) = (Counted::new(1, 10), Counted::new(2, 4_000_000));
        let slow = OurEnd::new(Config::new(Role::Client, 7), up.clone(), down.clone(), Chance::new(1));
        // One message of 1 KiB, or of 32 KiB, in 2 ms: a tenth of what comes.
        let client = Box::new(slow.reading_every(2 * MILLIS));
        let agent: Box<dyn End> = if agent_is_stock {
            Box::new(StockAgent::shell(down, up))
        } else {
            Box::new(OurEnd::new(Config::new(Role::Agent, 8), down, up, Chance::new(2)))
        };
        let mut world = fair(client, agent);
        world.run(PATIENCE);
        assert!(world.most_buffered <= 1024 * 1024, "{} bytes", world.most_buffered);
    }
}

/// While a client is stopped, its agent's pings must be answered, which they are not on a socket
/// that is not read; and all is there when the client goes on.
#[test]
fn a_client_may_be_stopped_for_long() {
    for agent_is_stock in [true, false] {
        let (up, down) = (Counted::new(1, 10), Counted::new(2, 6_000_000));
        let client = OurEnd::new(Config::new(Role::Client, 7), up.clone(), down.clone(), Chance::new(1));
        let client = Box::new(client.stopped(SECONDS..120 * SECONDS));
        let agent: Box<dyn End> = if agent_is_stock {
            Box::new(StockAgent::shell(down, up))
        } else {
            let agent = OurEnd::new(Config::new(Role::Agent, 8), down, up, Chance::new(2));
            Box::new(agent.writing_every(20 * MILLIS))
        };
        let mut world = fair(client, agent);
        world.run_until(30 * SECONDS);
        assert!(world.relay.wants_read(Side::Agent), "stock: {agent_is_stock}");
        world.run(PATIENCE);
        assert!(world.most_buffered <= 1024 * 1024, "{} bytes", world.most_buffered);
        let after = (world.now - 120 * SECONDS) / MILLIS;
        assert!(after < 12_000, "stock: {agent_is_stock}: {after} ms after it went on");
    }
}
