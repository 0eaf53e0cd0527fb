//! Transcripts in S3, as far as an S3 takes them: the agent signs with what Postern gave it.

use postern_testkit::{Behaviour, S3Double, Scheme, Service, StockAgentProcess, StockAgentSetup, eventually};
use serde_json::json;

use crate::pair::{AGENT, PATIENCE, Pair, StockClient, active_sessions, prefer, talk, wait_until_no_session_is_active};

#[test]
fn a_transcript_is_put_into_an_s3_that_takes_it() {
    let Some(client) = StockClient::get() else { return };
    let Some(s3) = S3Double::start() else { return };
    let aws = client.aws();
    s3.aws(&aws, ["s3api", "create-bucket", "--bucket", "transcripts"]).expect_success("create-bucket");
    let service = Service::start(Scheme::Https);
    // The agent puts the bucket in front of the host, so both have to be names.
    let mut setup = StockAgentSetup::endpoints(&service.endpoint());
    setup.configure(|config| config["S3"] = json!({"Endpoint": format!("http://s3.test:{}", s3.address().port())}));
    setup.hosts.push(format!("{} s3.test transcripts.s3.test", s3.address().ip()));
    let Some(agent) = StockAgentProcess::start_with(&service, &setup) else { return };
    let behaviour = Behaviour::of("transcript in an S3 that does not check signatures", &[(AGENT, agent.version())]);
    let pair = Pair { client, agent, service };
    prefer(&pair, &json!({"s3BucketName": "transcripts", "s3KeyPrefix": "some/where", "s3EncryptionEnabled": false}))
        .expect_success("preferences");
    let mut terminal = pair.session(&[]);
    talk(&mut terminal, "written-down");
    let id = active_sessions(&pair.service)[0]["SessionId"].as_str().expect("it has an id").to_string();
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    let key = format!("s3://transcripts/some/where/{id}.log");
    let transcript = eventually("the transcript to be there", PATIENCE, || {
        let read = s3.aws(&aws, ["s3", "cp", &key, "-"]);
        (read.status == Some(0)).then_some(read.stdout)
    });
    assert!(transcript.contains("written-down-42"), "{transcript}");
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}
