#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
use super::*;

/// A home folder with the two files and the given variables.
struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new(config: &str, credentials: &str) -> Home {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".aws")).unwrap();
        std::fs::write(folder.path().join(".aws/config"), config).unwrap();
        std::fs::write(folder.path().join(".aws/credentials"), credentials).unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let variables = vec![("HOME".to_owned(), home.clone()), ("USERPROFILE".to_owned(), home)];
        Home { folder, variables }
    }

    fn with(mut self, name: &str, value: &str) -> Home {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self, name: Option<&str>) -> Result<Profile, ConfigError> {
        assert!(self.folder.path().exists());
        Profile::load(self.variables.iter().cloned().collect(), name)
    }
}

const CONFIG: &str = "[default]\nregion = eu-west-1\nendpoint_url = http://default:1\n\
    [profile lab]\nregion = eu-north-1\nservices = lab\nca_bundle = /lab/ca.pem\n\
    [services lab]\nssm =\n  endpoint_url = http://lab:2\n\
    [profile sso]\nsso_session = corp\n[profile half]\naws_access_key_id = AKIAHALF\n";
const CREDENTIALS: &str = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s1\n\
    [lab]\naws_access_key_id = AKIALAB\naws_secret_access_key = s2\naws_session_token = t2\n";

async fn key_id(profile: &Profile) -> Option<String> {
    profile.credentials().await.unwrap().map(|credentials| credentials.access_key_id)
}

#[tokio::test]
async fn the_default_profile_is_read_from_both_files() {
    let profile = Home::new(CONFIG, CREDENTIALS).load(None).unwrap();
    assert_eq!(profile.region(), Some("eu-west-1"));
    assert_eq!(profile.endpoint(), Some("http://default:1"));
    assert_eq!(profile.ca_bundle(), None);
    assert_eq!(key_id(&profile).await.as_deref(), Some("AKIADEFAULT"));
}

#[tokio::test]
async fn a_named_profile_beats_keys_in_the_environment_and_aws_profile_does_not() {
    let home = Home::new(CONFIG, CREDENTIALS)
        .with("AWS_ACCESS_KEY_ID", "AKIAENV")
        .with("AWS_SECRET_ACCESS_KEY", "s3")
        .with("AWS_PROFILE", "lab");
    let by_argument = home.load(Some("lab")).unwrap();
    let credentials = by_argument.credentials().await.unwrap().unwrap();
    assert_eq!(credentials.access_key_id, "AKIALAB");
    assert_eq!(credentials.session_token.unwrap().expose(), "t2");
    let by_variable = home.load(None).unwrap();
    assert_eq!(by_variable.name(), "lab");
    assert_eq!(key_id(&by_variable).await.as_deref(), Some("AKIAENV"));
}

#[test]
fn endpoints_follow_the_order_of_the_aws_tools() {
    let steps = [
        ("POSTERN_ENDPOINT", "http://postern"),
        ("AWS_ENDPOINT_URL_SSM", "http://ssm"),
        ("AWS_ENDPOINT_URL", "http://all"),
    ];
    for (index, (_, expected)) in steps.iter().enumerate() {
        let home =
            steps[index..].iter().fold(Home::new(CONFIG, CREDENTIALS), |home, (name, value)| home.with(name, value));
        assert_eq!(home.load(Some("lab")).unwrap().endpoint(), Some(*expected));
    }
    let lab = Home::new(CONFIG, CREDENTIALS).load(Some("lab")).unwrap();
    assert_eq!(lab.endpoint(), Some("http://lab:2"));
    assert_eq!(lab.ca_bundle(), Some(PathBuf::from("/lab/ca.pem")));
    let ignored = Home::new(CONFIG, "").with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    assert_eq!(ignored.with("AWS_ENDPOINT_URL", "http://all").load(None).unwrap().endpoint(), None);
    assert_eq!(default_endpoint("cn-north-1"), "https://ssm.cn-north-1.amazonaws.com.cn");
}

#[tokio::test]
async fn what_cannot_be_used_is_said_in_words() {
    let home = Home::new(CONFIG, CREDENTIALS);
    let unknown = home.load(Some("nobody")).err().unwrap().to_string();
    assert!(unknown.contains("\"nobody\"") && unknown.contains("--profile"), "{unknown}");
    let sso = home.load(Some("sso")).unwrap().credentials().await.unwrap_err().to_string();
    assert!(sso.contains("sso_session") && sso.contains("export-credentials"), "{sso}");
    let half = home.load(Some("half")).unwrap().credentials().await.unwrap_err().to_string();
    assert!(half.contains("aws_secret_access_key"), "{half}");
    assert!(key_id(&Home::new("", "").load(None).unwrap()).await.is_none());
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_process_is_asked_and_its_failure_explained() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let script = format!(
        "[profile run]\ncredential_process = sh -c 'echo x >> {}; echo \"{{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"AKIARUN\\\",\\\"SecretAccessKey\\\":\\\"s\\\"}}\"'\n\
         [profile fail]\ncredential_process = sh -c 'exit 7'\n[profile text]\ncredential_process = echo no\n",
        count.display()
    );
    let home = Home::new(&script, "");
    let profile = home.load(Some("run")).unwrap();
    assert_eq!(key_id(&profile).await.as_deref(), Some("AKIARUN"));
    assert_eq!(key_id(&profile).await.as_deref(), Some("AKIARUN"));
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n", "the answer is used again for a while");
    let failed = home.load(Some("fail")).unwrap().credentials().await.unwrap_err().to_string();
    assert!(failed.contains("exit status: 7"), "{failed}");
    let text = home.load(Some("text")).unwrap().credentials().await.unwrap_err().to_string();
    assert!(text.contains("not the expected JSON"), "{text}");
}
