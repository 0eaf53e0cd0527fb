#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use std::time::Duration;

fn load_file(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("posternd.toml");
    fs::write(&path, text).unwrap();
    Config::load(Some(&path), std::iter::empty(), [])
}

fn complaint(text: &str) -> String {
    let error = load_file(text).unwrap_err().to_string();
    error.split_once("posternd.toml").map_or(error.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn every_default_is_valid_and_the_commented_file_says_the_same() {
    let from_nothing = Config::load(None, std::iter::empty(), []).unwrap();
    let commented = commented_file(&[]);
    assert!(commented.lines().all(|line| line.is_empty() || line.starts_with('#')));
    let uncommented: String = commented
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| DECLARATIONS.iter().any(|known| line.starts_with(&format!("{} = ", known.key))))
        .map(|line| format!("{line}\n"))
        .collect();
    let from_file = load_file(&uncommented).unwrap();
    assert_eq!(from_file.listen, from_nothing.listen);
    assert_eq!(from_file.client_return_timeout.0, Duration::from_secs(20 * 60));
    assert_eq!(uncommented.lines().count(), DECLARATIONS.len());
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("posternd.toml");
    fs::write(&path, "listen = \"127.0.0.1:1\"\nregion = \"eu-west-1\"\naccount_id = \"111111111111\"\n").unwrap();
    let environment = [("POSTERN_LISTEN", "127.0.0.1:2"), ("POSTERN_REGION", "eu-west-2"), ("POSTERN_LOG", "debug")];
    let environment = environment.map(|(key, value)| (OsString::from(key), OsString::from(value)));
    let config = Config::load(Some(&path), environment.into_iter(), [("listen", "127.0.0.1:3".to_owned())]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3");
    assert_eq!(config.region, "eu-west-2");
    assert_eq!(config.account_id, "111111111111");
    assert_eq!(config.data_dir, folder.path().join("."));
}

#[test]
fn complaints_name_the_key_and_the_fix() {
    for (text, expected) in [
        ("lisen = 1", ": unknown key `lisen`; did you mean `listen`?"),
        (
            "client_return_timeout = 20",
            ": `client_return_timeout` is 20, but it must be a length of time with its unit, for example \"30s\", \
             \"20m\", \"1h\" or \"2d\"",
        ),
        (
            "listen = \"8443\"",
            ": `listen` is \"8443\", but it must be HOST:PORT, for example \"0.0.0.0:8443\" or \"127.0.0.1:0\"",
        ),
        ("names = \"a\"", ": `names` is \"a\", but it must be a list of texts, for example [\"one\", \"two\"]"),
        (
            "max_concurrent_handshakes = 0",
            ": `max_concurrent_handshakes` is 0, but it must be a whole number from 1 to 1000000",
        ),
        (
            "tls_key = \"k.pem\"",
            "`tls_certificate` and `tls_key` belong together: set both, or neither to use the built-in authority",
        ),
        ("account_id = \"12\"", "`account_id` must be twelve digits, for example \"000000000000\""),
    ] {
        assert_eq!(complaint(text), expected, "for {text}");
    }
    assert!(complaint("listen = ").starts_with(" is not valid TOML: "));
}

#[test]
fn plain_http_needs_loopback_or_a_clear_word() {
    assert!(complaint("plain_http = true").contains("would send credentials in the clear"));
    assert!(load_file("plain_http = true\nlisten = \"127.0.0.1:0\"").is_ok());
    assert!(load_file("plain_http = true\nlisten = \"[::1]:0\"").is_ok());
    assert!(load_file("plain_http = true\nlisten = \"localhost:0\"").is_ok());
    assert!(load_file("plain_http = true\nplain_http_anywhere = true").is_ok());
}

#[test]
fn a_missing_file_is_one_sentence_with_the_fix() {
    let error = Config::load(Some(Path::new("/nowhere/posternd.toml")), std::iter::empty(), []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the configuration file /nowhere/posternd.toml: No such file or directory (os error 2); make one \
         with `posternd init --data-dir DIR`, or name another with --config"
    );
}

#[test]
fn what_is_passed_on_needs_an_address_credentials_and_privacy() {
    let kms = "kms_endpoint = \"https://kms.example.org\"\n";
    for (text, expected) in [
        (
            "kms_region = \"eu-west-1\"".to_owned(),
            "`kms_region` is set, but requests are passed on to nobody: set `kms_endpoint` too, or remove it",
        ),
        (
            kms.to_owned(),
            "`kms_endpoint` needs credentials: set `kms_credentials_file`, or `kms_access_key_id` and \
             `kms_secret_access_key`",
        ),
        (
            format!("{kms}kms_access_key_id = \"a\""),
            "`kms_access_key_id` and `kms_secret_access_key` belong together: set both",
        ),
        (
            format!("{kms}kms_access_key_id = \"a\"\nkms_credentials_file = \"f\""),
            "`kms_credentials_file` contradicts `kms_access_key_id` and `kms_secret_access_key`: use one or the other",
        ),
        (
            "logs_endpoint = \"http://192.0.2.1\"".to_owned(),
            "`logs_endpoint` is http://192.0.2.1, which would send secrets over the network in the clear: use https://",
        ),
        (
            "kms_endpoint = \"kms\"".to_owned(),
            ": `kms_endpoint` is \"kms\", but it must be a URL, for example \"https://kms.eu-west-1.amazonaws.com\"",
        ),
    ] {
        assert_eq!(complaint(&text), expected, "for {text}");
    }
    let config = load_file(&format!("{kms}region = \"eu-west-1\"\nkms_credentials_file = \"aws\"")).unwrap();
    let upstream = config.kms_upstream().unwrap().unwrap();
    assert_eq!((upstream.region.as_str(), upstream.timeout), ("eu-west-1", Duration::from_secs(10)));
    assert!(
        matches!(upstream.credentials, CredentialSource::File(path) if path.ends_with("aws") && path.is_absolute())
    );
    assert!(config.logs_upstream().unwrap().is_none());
}

#[test]
fn a_secret_is_shown_by_no_error_and_no_debugger() {
    assert_eq!(
        complaint("kms_secret_access_key = 12345"),
        ": `kms_secret_access_key` is not shown, but it must be a text that is not empty"
    );
    let broken = complaint("region = \"x\"\nkms_secret_access_key = \"hunter2");
    assert!(broken.starts_with(" is not valid TOML: line 2: ") && !broken.contains("hunter2"), "{broken}");
    let config =
        "kms_endpoint = \"https://kms.example.org\"\nkms_access_key_id = \"a\"\nkms_secret_access_key = \"hunter2\"";
    assert!(!format!("{:?}", load_file(config).unwrap()).contains("hunter2"));
}

#[test]
fn trusted_proxies_are_addresses_and_networks() {
    let read = |text: &str| load_file(text).unwrap().trusted_proxies.0;
    let shown = |text: &str| read(text).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(shown(""), "");
    let both = "trusted_proxies = [\"10.0.0.7\", \"10.1.0.0/16\", \"2001:db8::/48\", \"fd00::1\"]";
    assert_eq!(shown(both), "10.0.0.7/32 10.1.0.0/16 2001:db8::/48 fd00::1/128");
    let variable = [(OsString::from("POSTERN_TRUSTED_PROXIES"), OsString::from("10.0.0.7, fd00::/8"))];
    let config = Config::load(None, variable.into_iter(), []).unwrap();
    assert_eq!(config.trusted_proxies.0.len(), 2);
    for (text, fault) in [
        ("trusted_proxies = \"10.0.0.7\"", "it must be a list of addresses and networks"),
        ("trusted_proxies = [\"proxy.example.org\"]", "\"proxy.example.org\" is neither"),
        ("trusted_proxies = [\"10.0.0.7\", \"10.0.0.0/33\"]", "\"10.0.0.0/33\" is neither"),
        ("trusted_proxies = [\"0.0.0.0/0\"]", "\"0.0.0.0/0\" is everybody"),
        ("trusted_proxies = [\"::/0\"]", "\"::/0\" is everybody"),
    ] {
        let complaint = complaint(text);
        assert!(complaint.contains("`trusted_proxies`") && complaint.contains(fault), "{text}: {complaint}");
    }
}
