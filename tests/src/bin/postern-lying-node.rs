//! A node whose agent is ours in everything but in what it says while files are copied from it: then it lies as the name of
//! the file that it is asked for tells it to. For the test that no such node gets anything past a client.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use postern_agent::{AgentConfig, SessionsAtShutdown, WorkerCommand, run, session_worker_main};
use postern_protocol::transfer::{Attributes, Header, MAX_DATA_BYTES, Message, Total, VERSION};
use tokio_util::sync::CancellationToken;

/// What the session's process is started with to copy files.
const COPY_FILES: &str = "copy-files";

const PLAIN: Attributes = Attributes { mode: 0o644, modified_seconds: 1_700_000_000, modified_nanos: 0 };

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [COPY_FILES] => {
            // It ends when nobody listens any more; what the client says of it is what counts.
            let _ = lie();
            ExitCode::SUCCESS
        }
        ["session-worker", ..] => session_worker_main(COPY_FILES),
        ["run", "--config", config] => match serve(Path::new(config)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("postern-lying-node: {error}");
                ExitCode::FAILURE
            }
        },
        // To register there is nothing to lie about.
        _ => {
            let error = Command::new(honest_agent()).args(&words).exec();
            eprintln!("postern-lying-node: {error}");
            ExitCode::FAILURE
        }
    }
}

fn honest_agent() -> PathBuf {
    let folder = std::env::var_os("POSTERN_BIN_DIR").map(PathBuf::from);
    let own = std::env::current_exe().ok().and_then(|own| own.parent().map(Path::to_owned));
    folder.or(own).unwrap_or_default().join("postern-agent")
}

fn serve(config: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let config = AgentConfig::load(Some(config))?;
    let worker = WorkerCommand { program: std::env::current_exe()?, args: vec!["session-worker".to_owned()] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(config, worker, SessionsAtShutdown::Continue, CancellationToken::new()))?;
    Ok(())
}

/// The node's end of the conversation.
struct Liar {
    output: std::io::StdoutLock<'static>,
}

impl Liar {
    fn say(&mut self, message: &Message<'_>) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.raw(&bytes)
    }

    fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.output.write_all(bytes)?;
        self.output.flush()
    }

    fn total(&mut self, roots: u32, entries: u64, bytes: u64) -> std::io::Result<()> {
        self.say(&Message::Total(Total { roots, entries, bytes }))
    }

    fn file(&mut self, name: &str, size: u64) -> std::io::Result<()> {
        self.say(&Message::File { name: name.as_bytes(), size, attributes: PLAIN })
    }

    fn directory(&mut self, name: &str) -> std::io::Result<()> {
        self.say(&Message::Directory { name: name.as_bytes(), attributes: PLAIN })
    }

    fn link(&mut self, name: &str, target: &str) -> std::io::Result<()> {
        self.say(&Message::Link { name: name.as_bytes(), target: target.as_bytes() })
    }

    fn without_end(&mut self, message: &Message<'_>) -> std::io::Result<()> {
        loop {
            self.say(message)?;
        }
    }
}

fn hear(input: &mut impl std::io::Read) -> std::io::Result<Option<PathBuf>> {
    let mut header = [0; Header::BYTES];
    input.read_exact(&mut header)?;
    let header = Header::parse(header).map_err(std::io::Error::other)?;
    let mut body = vec![0; header.length];
    input.read_exact(&mut body)?;
    let message = Message::decode(header, &body).map_err(std::io::Error::other)?;
    let Message::Get { sources, .. } = message else { return Ok(None) };
    Ok(sources.first().map(|source| PathBuf::from(String::from_utf8_lossy(source).into_owned())))
}

fn lie() -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut node = Liar { output: std::io::stdout().lock() };
    node.say(&Message::Hello { version: VERSION })?;
    let asked = loop {
        if let Some(asked) = hear(&mut input)? {
            break asked;
        }
    };
    let name = asked.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let victim = asked.with_file_name("victim").display().to_string();
    tell(&mut node, &name, &victim)?;
    // The client's last words are read, or the pipe would break before it has said them.
    input.read_to_end(&mut Vec::new()).map(drop)
}

fn tell(node: &mut Liar, name: &str, victim: &str) -> std::io::Result<()> {
    match name {
        "upwards" => {
            node.total(1, 1, 4)?;
            node.file("../victim", 4)
        }
        "upwards-inside" => {
            node.total(1, 2, 4)?;
            node.directory(name)?;
            node.file("../../victim", 4)
        }
        "dots" => {
            node.total(1, 2, 0)?;
            node.directory(name)?;
            node.directory("..")
        }
        "absolute" => {
            node.total(1, 1, 4)?;
            node.file(victim, 4)
        }
        "unasked" => {
            node.total(1, 1, 4)?;
            node.file("authorized_keys", 4)
        }
        "link-unasked" => {
            node.total(1, 1, 0)?;
            node.link(name, victim)
        }
        "link-out" => {
            node.total(1, 3, 0)?;
            node.directory(name)?;
            node.link("absolute", victim)?;
            node.link("upwards", "../../victim")?;
            node.say(&Message::Leave)?;
            node.say(&Message::Finish)
        }
        "link-and-through" => {
            node.total(1, 3, 4)?;
            node.directory(name)?;
            node.link("l", ".")?;
            node.directory("l")?;
            node.file("victim", 4)
        }
        "twice" => {
            node.total(1, 3, 0)?;
            node.directory(name)?;
            node.file("x", 0)?;
            node.file("x", 0)
        }
        "longer" => {
            node.total(1, 1, 3_000_000)?;
            node.file(name, 3_000_000)?;
            node.say(&Message::Begin { offset: 0 })?;
            node.without_end(&Message::Data(&[7; MAX_DATA_BYTES]))
        }
        "more-bytes" => {
            node.total(1, 1, 10)?;
            node.file(name, u64::MAX)
        }
        "more-entries" => {
            node.total(1, 100, 0)?;
            node.directory(name)?;
            for number in 0_u64.. {
                node.directory(&format!("{number:020}"))?;
                node.say(&Message::Leave)?;
            }
            Ok(())
        }
        "deeper" => {
            node.total(1, u64::MAX, 0)?;
            node.directory(name)?;
            node.without_end(&Message::Directory { name: b"d", attributes: PLAIN })
        }
        "problems" => {
            node.total(1, 1, 1)?;
            node.without_end(&Message::Problem("\u{1b}]0;no\u{7}"))
        }
        "long-message" => {
            node.total(1, 1, 1)?;
            node.raw(&[0xff, 0xff, 0xff, 0xff, 0x16])?;
            loop {
                node.raw(&[7; 4096])?;
            }
        }
        "checksum" => {
            node.total(1, 1, 4)?;
            node.file(name, 4)?;
            node.say(&Message::Begin { offset: 0 })?;
            node.say(&Message::Data(b"evil"))?;
            node.say(&Message::End { digest: [7; 32] })?;
            node.say(&Message::Finish)
        }
        _ => node.raw(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    }
}
