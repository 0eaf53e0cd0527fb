//! What these tests look at.

use std::fs;
use std::time::Duration;

use postern_testkit::{Agent, Output, Scheme, Service, eventually, temporary_folder};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A service with a node.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) agent: Agent,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let service = Service::start(Scheme::Http);
        let agent = Agent::start(&service);
        Self { service, agent, folder: temporary_folder() }
    }

    /// The ended session, when there is one and its recording has ended.
    pub(crate) fn ended_session(&self) -> String {
        let id = eventually("the session to be history", PATIENCE, || {
            let listed = self.service.try_postern(["sessions", "--history", "--json"]).stdout;
            let listed: serde_json::Value = serde_json::from_str(&listed).ok()?;
            Some(listed.get(0)?.get("SessionId")?.as_str()?.to_owned())
        });
        eventually("the recording to have its end", PATIENCE, || {
            let told = self.service.try_postern(["recordings", "verify", &id, "--json"]).stdout;
            let told: serde_json::Value = serde_json::from_str(&told).ok()?;
            (told["goesOn"] == false).then_some(())
        });
        id
    }

    pub(crate) fn export(&self, session: &str, format: &str) -> Vec<u8> {
        let file = self.folder.path().join(format!("export.{format}"));
        let _ = fs::remove_file(&file);
        let shown = file.to_str().expect("a path of ours is text");
        let arguments = ["recordings", "export", session, "--format", format, "--output", shown];
        self.service.try_postern(arguments).expect_success("the export");
        fs::read(&file).expect("it was written")
    }

    pub(crate) fn verify(&self, what: &str) -> Output {
        self.service.try_postern(["recordings", "verify", what])
    }
}
