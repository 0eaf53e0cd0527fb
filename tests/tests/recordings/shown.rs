//! Recordings as people see them: exported, played by asciinema, replayed.

use std::path::Path;
use std::process::Command;

use postern_testkit::{Terminal, program, skip};
use serde_json::Value;

use super::world::{PATIENCE, World};

/// What a shell prints: colours, a bar that is drawn over, a program that takes the screen, and what a viewer's terminal must
/// not be told: to ring, to take a title or a clipboard, to answer.
const SCRIPT: &str = "printf 'first \\033[1;31mred\\033[0m\\r\\n10 %%\\r90 %%\\r\\n'; \
    printf '\\007\\033]0;evil-title\\007\\033]52;c;ZXZpbA==\\007\\033[6n\\033[?2004h\\033[c'; \
    printf '\\033[?1049hediting'; sleep 1; printf '\\033[?1049l'; printf 'last <b>line</b>\\r\\n'";

/// A session in a terminal that runs it, and is over.
fn session(world: &World) -> String {
    let document = world.folder.path().join("shown.json");
    let content = serde_json::json!({
        "schemaVersion": "1.0",
        "sessionType": "InteractiveCommands",
        "properties": {"linux": {"commands": SCRIPT, "runAsElevated": false}},
    });
    std::fs::write(&document, content.to_string()).expect("the folder is ours");
    let file = document.to_str().expect("a path of ours is text");
    world.service.try_postern(["document", "create", "Shown", "--file", file]).expect_success("the document");
    let command =
        format!("exec {} start {} --document Shown 2>/dev/null", program("postern").display(), world.agent.node_id());
    let mut terminal = Terminal::start(Path::new("/bin/sh"), &["-c", &command], &world.service.environment());
    terminal.expect("last <b>line</b>", PATIENCE);
    terminal.wait(PATIENCE);
    world.ended_session()
}

#[test]
fn exports_show_what_was_seen_and_nothing_that_acts() {
    let world = World::new();
    let id = session(&world);
    let text = String::from_utf8(world.export(&id, "text")).expect("text");
    assert!(text.contains("first red\n90 %\n"), "{text}");
    assert!(text.contains("[recording: a program had the whole screen from "), "{text}");
    assert!(text.ends_with("last <b>line</b>\n"), "{text}");
    assert!(!text.contains("editing") && !text.contains("evil") && !text.contains('\u{1b}'), "{text}");

    let page = String::from_utf8(world.export(&id, "html")).expect("text");
    assert!(page.contains("<span>first </span><span style=\"color:#e06c75;font-weight:bold;\">red</span>"), "{page}");
    assert!(page.contains("last &lt;b&gt;line&lt;/b&gt;") && page.contains(&id), "{page}");
    assert!(!page.contains("evil"), "{page}");

    for (format, version) in [("asciicast-v2", 2), ("asciicast", 3)] {
        let cast = String::from_utf8(world.export(&id, format)).expect("text");
        let mut lines = cast.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        let header = lines.next().expect("a header");
        assert_eq!(header["version"], version);
        let size = if version == 2 {
            [&header["width"], &header["height"]]
        } else {
            [&header["term"]["cols"], &header["term"]["rows"]]
        };
        assert_eq!(size, [80, 24], "{header}");
        let shown: String =
            lines.filter(|line| line[1] == "o").map(|line| line[2].as_str().expect("text").to_owned()).collect();
        assert!(shown.contains("first \u{1b}[1;31mred") && shown.contains("editing"), "{shown:?}");
        for hostile in ["\u{7}", "\u{1b}]", "\u{1b}[6n", "\u{1b}[c", "2004"] {
            assert!(!shown.contains(hostile), "{hostile:?} in {shown:?}");
        }
        plays(&world, format, version);
    }

    // The same from a file that was taken along, without the service.
    world.export(&id, "proof");
    let file = world.folder.path().join("export.proof");
    let file = file.to_str().expect("a path of ours is text");
    let from_file = world.service.try_postern(["recordings", "export", file, "--format", "text"]);
    assert_eq!(from_file.expect_success("the export of the file").stdout, text);
}

/// asciinema itself reads the cast, if it is one of its versions that knows the format.
fn plays(world: &World, format: &str, version: u32) {
    let Ok(known) = Command::new("asciinema").arg("--version").output() else {
        return skip("asciinema is not installed");
    };
    let known = String::from_utf8_lossy(&known.stdout);
    if version == 3 && !known.contains(" 3.") {
        return skip("this asciinema reads casts up to version 2");
    }
    let cast = world.folder.path().join(format!("export.{format}"));
    let (cast, home) =
        (cast.to_str().expect("a path of ours is text"), world.folder.path().to_string_lossy().into_owned());
    let environment = [("ASCIINEMA_CONFIG_HOME".to_owned(), home)];
    let play = format!("exec asciinema play --speed 100 --idle-time-limit 0.1 {cast}");
    let mut player = Terminal::start(Path::new("/bin/sh"), &["-c", &play], &environment);
    player.expect("last <b>line</b>", PATIENCE);
    assert_eq!(player.wait(PATIENCE), 0);
}

#[test]
fn a_replay_draws_the_session_and_gives_the_terminal_back() {
    let world = World::new();
    let id = session(&world);
    let postern = program("postern");
    let mut viewer = Terminal::start(&postern, &["replay", &id, "--idle-limit", "0.2"], &world.service.environment());
    let mut drawn = viewer.expect("at the end", PATIENCE);
    assert!(drawn.contains("last <b>line</b>"), "{drawn:?}");
    assert!(drawn.contains("90 %") && drawn.contains(&id[..20]), "{drawn:?}");
    // Back to the beginning, where nothing is shown yet, a step, and on.
    viewer.type_text("0");
    drawn += &viewer.expect("paused  0:00:00 of", PATIENCE);
    viewer.type_text(". ");
    drawn += &viewer.expect("last <b>line</b>", PATIENCE);
    drawn += &viewer.expect("at the end", PATIENCE);
    viewer.resize(10, 40);
    drawn += &viewer.expect("part of 80x24", PATIENCE);
    viewer.type_text("q");
    assert_eq!(viewer.wait(PATIENCE), 0);
    drawn += &viewer.expect("\u{1b}[?1049l", PATIENCE);
    for hostile in ["\u{7}", "\u{1b}]", "\u{1b}[6n", "\u{1b}[c", "2004", "evil"] {
        assert!(!drawn.contains(hostile), "{hostile:?} in {drawn:?}");
    }

    let missing = world.service.try_postern(["replay", &id]);
    assert_eq!(missing.status, Some(255));
    assert!(missing.stderr.contains("a replay needs a terminal"), "{}", missing.stderr);
}
