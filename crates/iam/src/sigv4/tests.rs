//! Signatures against everything outside this crate that knows how they are made: AWS's published suite, captured
//! requests of a stock agent, and AWS's own signer; and against everything that must be refused.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod canonical;
mod captures;
mod oracle;
mod refusals;
mod suite;
mod totality;

use super::*;
use crate::secret::SecretString;

/// 2015-08-30T12:36:00Z, the time of AWS's examples.
const EXAMPLE_MILLIS: u64 = 1_440_938_160_000;

fn example_credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SecretString::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: None,
    }
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
