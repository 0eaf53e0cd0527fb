//! A service whose key and log operations are passed on: to a real KMS and CloudWatch Logs of somebody else's (`moto`,
//! which checks signatures), and to ones that are gone, silent, loud, or do not know us.

mod failing;
mod keys_and_logs;
mod settings;

use std::path::Path;
use std::time::Duration;

use postern_testkit::{Moto, Output, Scheme, Service, run};

const PATIENCE: Duration = Duration::from_secs(60);

/// A service that passes key and log operations on to this address, signed with this key.
fn passing_on_to(endpoint: &str, (id, secret): (&str, &str)) -> Service {
    Service::start_with(
        Scheme::Http,
        &[
            ("POSTERN_KMS_ENDPOINT", endpoint),
            ("POSTERN_KMS_ACCESS_KEY_ID", id),
            ("POSTERN_KMS_SECRET_ACCESS_KEY", secret),
            ("POSTERN_KMS_TIMEOUT", "2s"),
            ("POSTERN_LOGS_ENDPOINT", endpoint),
            ("POSTERN_LOGS_ACCESS_KEY_ID", id),
            ("POSTERN_LOGS_SECRET_ACCESS_KEY", secret),
            ("POSTERN_LOGS_TIMEOUT", "2s"),
        ],
    )
}

fn endpoint(moto: &Moto) -> String {
    format!("http://{}", moto.address())
}

/// The stock CLI, which does not try again.
fn aws(program: &Path, service: &Service, words: &str) -> Output {
    let mut environment = service.environment();
    environment.push(("AWS_MAX_ATTEMPTS".to_owned(), "1".to_owned()));
    run(program, words.split_whitespace(), &environment, PATIENCE)
}
