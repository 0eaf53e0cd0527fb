//! `posternd check` on services that requests are passed on to.

use std::path::Path;

use postern_testkit::{Moto, Output, PythonEnvironment, Scheme, Service, program, run};

use crate::{PATIENCE, endpoint};

fn check(service: &Service, settings: &[(&str, &str)]) -> Output {
    let folder = service.folder().to_str().expect("temporary folders have UTF-8 names");
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    run(&program("posternd"), ["check", "--data-dir", folder], &settings, PATIENCE)
}

fn credentials(folder: &Path, (id, secret): (&str, &str)) -> String {
    let file = folder.join("credentials");
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    std::fs::write(&file, text).expect("the folder is writable");
    file.to_str().expect("temporary folders have UTF-8 names").to_owned()
}

#[test]
fn check_says_what_can_be_used_and_what_to_do_where_it_cannot() {
    let Some(python) = PythonEnvironment::get() else { return };
    let Some(moto) = Moto::checking_signatures(&python.aws()) else { return };
    let service = Service::start(Scheme::Http);
    let endpoint = endpoint(&moto);
    let file = credentials(service.folder(), moto.access_key());
    let good = check(&service, &[("POSTERN_KMS_ENDPOINT", &endpoint), ("POSTERN_KMS_CREDENTIALS_FILE", &file)]);
    assert_eq!(good.status, Some(0), "{good:#?}");
    assert!(good.stdout.contains(&format!("good   kms_endpoint: {endpoint}: answers, and accepts the credentials")));
    assert!(!good.stdout.contains("logs_endpoint"), "{good:#?}");

    let file = credentials(service.folder(), (moto.access_key().0, "wrong"));
    let wrong = [
        ("POSTERN_KMS_ENDPOINT", endpoint.as_str()),
        ("POSTERN_KMS_CREDENTIALS_FILE", &file),
        ("POSTERN_LOGS_ENDPOINT", "http://127.0.0.1:1"),
        ("POSTERN_LOGS_CREDENTIALS_FILE", "/nonexistent"),
    ];
    let bad = check(&service, &wrong);
    assert_eq!(bad.status, Some(1), "{bad:#?}");
    assert!(bad.stdout.contains("it refuses the credentials that requests are signed with; check them"), "{bad:#?}");
    assert!(bad.stdout.contains("`logs_credentials_file`: /nonexistent cannot be read"), "{bad:#?}");
    assert!(bad.stderr.contains("posternd: 2 of 4 things that the settings name cannot be used"), "{bad:#?}");

    let half = check(&service, &[("POSTERN_KMS_ENDPOINT", &endpoint)]);
    assert_eq!(half.status, Some(1));
    assert!(half.stderr.starts_with("posternd: `kms_endpoint` needs credentials: set"), "{half:#?}");
}
