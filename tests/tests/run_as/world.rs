//! A service, a node whose agent is root, IAM's users, and accounts that go with the test.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use postern_testkit::{
    Agent, Output, PythonEnvironment, Scheme, Service, Terminal, program, run, skip, temporary_folder,
};
use serde_json::{Value, json};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Environment = Vec<(String, String)>;

pub(crate) struct World {
    pub(crate) python: &'static PythonEnvironment,
    pub(crate) service: Service,
    pub(crate) agent: Agent,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// `None`, after saying why, without root or the `aws` CLI.
    pub(crate) fn new(settings_of_agent: &str) -> Option<Self> {
        if run("id".as_ref(), ["-u"], &[], PATIENCE).stdout.trim() != "0" {
            skip("sessions run as other users only with an agent that is root");
            return None;
        }
        let python = PythonEnvironment::get()?;
        let service = Service::start(Scheme::Https);
        let agent = Agent::start_configured(&service, settings_of_agent);
        Some(Self { python, service, agent, folder: temporary_folder() })
    }

    /// The administrator's, or that of somebody with these credentials.
    fn environment(&self, credentials: Option<[&str; 3]>) -> Environment {
        let mut environment = self.service.environment();
        if let Some(credentials) = credentials {
            let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
            environment.retain(|(name, _)| !names.contains(&name.as_str()));
            let given = names.into_iter().zip(credentials).filter(|(_, value)| !value.is_empty());
            environment.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let path = self.python.path_with_plugin(self.folder.path(), &program("postern"));
        environment.push(("PATH".to_owned(), path));
        environment.push(("AWS_PAGER".to_owned(), String::new()));
        environment
    }

    pub(crate) fn aws(&self, words: &[&str]) -> String {
        self.aws_as(&self.environment(None), words).expect_success(&words.join(" ")).stdout
    }

    pub(crate) fn aws_as(&self, who: &Environment, words: &[&str]) -> Output {
        run(&self.python.aws(), words, who, PATIENCE)
    }

    /// A user of the service that may start every session.
    pub(crate) fn user(&self, name: &str) -> Environment {
        self.aws(&["iam", "create-user", "--user-name", name]);
        self.may_start(name, &json!({}));
        let query = "AccessKey.[AccessKeyId,SecretAccessKey]";
        let made = self.aws(&["iam", "create-access-key", "--user-name", name, "--output", "text", "--query", query]);
        let (id, secret) = made.trim().split_once('\t').expect("two columns");
        self.environment(Some([id, secret, ""]))
    }

    /// Changes under which conditions a user may start sessions; an empty one is none.
    pub(crate) fn may_start(&self, user: &str, condition: &Value) {
        let actions = ["ssm:StartSession", "ssm:DescribeInstanceInformation", "sts:AssumeRole", "sts:TagSession"];
        let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
        if condition.as_object().is_some_and(|condition| !condition.is_empty()) {
            statement["Condition"] = condition.clone();
        }
        let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let named = ["--user-name", user, "--policy-name", "start", "--policy-document", &document];
        self.aws(&[&["iam", "put-user-policy"], &named[..]].concat());
    }

    pub(crate) fn tag(&self, user: &str, account: &str) {
        let tag = format!("Key=SSMSessionRunAs,Value={account}");
        self.aws(&["iam", "tag-user", "--user-name", user, "--tags", &tag]);
    }

    /// A session of a role, with this tag of its own.
    pub(crate) fn role_session(&self, who: &Environment, role: &str, account: &str) -> Environment {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
            "Action": ["sts:AssumeRole", "sts:TagSession"]}]});
        self.aws(&["iam", "create-role", "--role-name", role, "--assume-role-policy-document", &trust.to_string()]);
        self.aws(&["iam", "tag-role", "--role-name", role, "--tags", "Key=SSMSessionRunAs,Value=nobody-here"]);
        let everything = "arn:aws:iam::aws:policy/AdministratorAccess";
        self.aws(&["iam", "attach-role-policy", "--role-name", role, "--policy-arn", everything]);
        let arn = format!("arn:aws:iam::000000000000:role/{role}");
        let tag = format!("Key=SSMSessionRunAs,Value={account}");
        let query = "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]";
        let words = ["sts", "assume-role", "--role-arn", &arn, "--role-session-name", "jane", "--tags", &tag];
        let words = [&words[..], &["--output", "text", "--query", query]].concat();
        let given = self.aws_as(who, &words).expect_success("assume-role").stdout;
        let credentials: Vec<&str> = given.trim().split('\t').collect();
        self.environment(Some(credentials.try_into().expect("three columns")))
    }

    /// Writes the account's preferences for sessions; the newest version counts.
    pub(crate) fn prefer(&self, inputs: &Value) {
        let name = "SSM-SessionManagerRunShell";
        let document = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs});
        let file = self.folder.path().join("preferences.json");
        std::fs::write(&file, document.to_string()).expect("the folder is writable");
        let content = format!("file://{}", file.display());
        let named = ["--name", name, "--content", &content];
        let create = [&["ssm", "create-document", "--document-type", "Session"], &named[..]].concat();
        if self.aws_as(&self.environment(None), &create).status == Some(0) {
            return;
        }
        let query = "DocumentDescription.DocumentVersion";
        let latest = ["--document-version", "$LATEST", "--output", "text", "--query", query];
        let version = self.aws(&[&["ssm", "update-document"], &named[..], &latest[..]].concat());
        let default = ["ssm", "update-document-default-version", "--name", name, "--document-version", version.trim()];
        self.aws(&default);
    }

    /// `aws ssm start-session` in a terminal, with our plugin.
    pub(crate) fn session(&self, who: &Environment, more: &[&str]) -> Terminal {
        let start = ["ssm", "start-session", "--target", self.agent.node_id()];
        Terminal::start(&self.python.aws(), &[&start[..], more].concat(), who)
    }

    /// What `id` says in a shell by `aws`.
    pub(crate) fn shell_is(&self, who: &Environment, account: &str) {
        let mut terminal = self.session(who, &[]);
        terminal.type_text("echo $((40+2))-$(id -un)-$((40+3)); exit\r");
        terminal.expect(&format!("42-{account}-43"), PATIENCE);
        assert_eq!(terminal.wait(PATIENCE), 0);
    }

    /// A session that is refused by the service, in these words.
    pub(crate) fn is_refused(&self, who: &Environment, words: &[&str]) {
        let refused = self.aws_as(who, &["ssm", "start-session", "--target", self.agent.node_id()]);
        assert_ne!(refused.status, Some(0), "{refused:#?}");
        for word in words {
            assert!(refused.stderr.contains(word), "{word:?} is not in {}", refused.stderr);
        }
    }

    pub(crate) fn postern(&self, who: &Environment, words: &[&str]) -> Output {
        run(&program("postern"), words, who, PATIENCE)
    }

    pub(crate) fn exec(&self, who: &Environment, script: &str) -> Output {
        self.postern(who, &["exec", self.agent.node_id(), "--", "sh", "-c", script])
    }
}

/// A name that no account of this machine has; an account of that name, whoever has made it, ends with the test.
pub(crate) struct Account(pub(crate) String);

impl Account {
    pub(crate) fn unused() -> Self {
        let bytes = std::fs::read("/proc/sys/kernel/random/uuid").expect("Linux has it");
        Self(format!("postern-e-{}", String::from_utf8_lossy(&bytes[..8])))
    }

    pub(crate) fn made() -> Self {
        let account = Self::unused();
        let done = run("useradd".as_ref(), ["--create-home", &account.0], &[], PATIENCE);
        done.expect_success("useradd");
        account
    }

    pub(crate) fn exists(&self) -> bool {
        run("id".as_ref(), [&self.0], &[], PATIENCE).status == Some(0)
    }

    pub(crate) fn home(&self) -> PathBuf {
        PathBuf::from("/home").join(&self.0)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let uid = Command::new("id").args(["-u", &self.0]).output();
        if let Some(uid) = uid.ok().filter(|found| found.status.success()) {
            let uid = String::from_utf8_lossy(&uid.stdout).trim().to_owned();
            let _ = std::fs::remove_file(format!("/etc/sudoers.d/postern-{uid}"));
            let _ = Command::new("userdel").arg(&self.0).status();
        }
        let _ = std::fs::remove_dir_all(self.home());
    }
}
