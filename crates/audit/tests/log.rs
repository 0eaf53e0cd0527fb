//! A log that was changed in any way is found out: mutations of records, of their order and of their number.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use postern_audit::{Check, Event, EventType, Fault, Link, UserIdentity, link_before, moment, seal, start, terms};
use serde_json::{Map, json};

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }
}

fn event(number: u64) -> Event {
    Event {
        user_identity: UserIdentity {
            kind: "IAMUser",
            arn: Some("arn:aws:iam::000000000000:user/team/jane".to_owned()),
            access_key_id: Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
            ..UserIdentity::default()
        },
        event_time: moment(1_795_384_779_000 + number * 1000),
        event_source: "ssm.amazonaws.com".to_owned(),
        event_name: "StartSession".to_owned(),
        aws_region: "us-east-1".to_owned(),
        source_ip_address: Some("192.0.2.7".to_owned()),
        user_agent: None,
        error_code: None,
        error_message: None,
        request_parameters: Some(json!({"target": format!("mi-{number:017x}")})),
        response_elements: Some(json!({"sessionId": format!("jane-{number}")})),
        additional_event_data: Map::new(),
        request_id: Some(format!("request-{number}")),
        event_id: format!("event-{number}"),
        read_only: false,
        event_type: EventType::AwsApiCall,
        service_event_details: None,
        recipient_account_id: "000000000000".to_owned(),
    }
}

struct Log {
    first: Link,
    records: Vec<(u64, String)>,
    last: Link,
}

impl Log {
    fn of(count: u64, salt: u64) -> Self {
        let (mut link, mut records) = (start(), Vec::new());
        for number in 0..count {
            let (record, behind) = seal(event(number + salt), &link);
            records.push((number, record));
            link = behind;
        }
        Self { first: start(), records, last: link }
    }

    fn check(&self) -> Result<(), Fault> {
        check(self.first, &self.records, &self.last)
    }
}

fn check(first: Link, records: &[(u64, String)], last: &Link) -> Result<(), Fault> {
    let mut check = Check::new(first);
    records.iter().try_for_each(|(number, record)| check.next(*number, record))?;
    check.finish(last)
}

/// Changes a log in one way.
fn mutate(records: &mut Vec<(u64, String)>, other: &Log, chance: &mut Chance) {
    let (at, to) = (chance.below(records.len()), chance.below(records.len()));
    match chance.below(9) {
        0 | 1 => {
            let mut bytes = records[at].1.clone().into_bytes();
            let place = chance.below(bytes.len());
            bytes[place] ^= 1 << chance.below(7);
            records[at].1 = String::from_utf8_lossy(&bytes).into_owned();
        }
        2 => {
            records.remove(at);
        }
        // The same with numbers that close the gap.
        3 => {
            records.remove(at);
            records.iter_mut().zip(0..).for_each(|((number, _), place)| *number = place);
        }
        4 => {
            let (one, other) = (records[at].1.clone(), records[to].1.clone());
            (records[at].1, records[to].1) = (other, one);
        }
        5 => records.truncate(at),
        6 => {
            let copy = records[at].clone();
            records.insert(to, copy);
        }
        7 => records[at].1 = other.records[at % other.records.len()].1.clone(),
        _ => records.extend_from_slice(&other.records[at % other.records.len()..]),
    }
}

#[test]
fn a_whole_log_is_one() {
    assert_eq!(Log::of(0, 0).check(), Ok(()));
    assert_eq!(Log::of(40, 0).check(), Ok(()));
}

#[test]
fn every_change_of_forty_thousand_is_found() {
    let (whole, other) = (Log::of(12, 0), Log::of(12, 1));
    let mut chance = Chance(11);
    let mut changed = 0;
    while changed < 40_000 {
        let mut records = whole.records.clone();
        for _ in 0..=chance.below(3) {
            if !records.is_empty() {
                mutate(&mut records, &other, &mut chance);
            }
        }
        if records != whole.records {
            changed += 1;
            assert!(check(whole.first, &records, &whole.last).is_err(), "not found: {records:#?}");
        }
    }
}

#[test]
fn the_first_fault_is_named() {
    let whole = Log::of(6, 0);
    let fault = |change: fn(&mut Vec<(u64, String)>)| {
        let mut records = whole.records.clone();
        change(&mut records);
        check(whole.first, &records, &whole.last).unwrap_err()
    };
    let jane_to_joan = |record: &mut String| *record = record.replace("jane", "joan");
    assert_eq!(fault(|records| drop(records.remove(2))), Fault::Missing { expected: 2, found: 3 });
    assert_eq!(fault(|records| records.truncate(4)), Fault::CutOff { known: 6, found: 4 });
    assert_eq!(fault(|records| records.swap(1, 2)), Fault::Missing { expected: 1, found: 2 });
    assert_eq!(fault(|records| records[1].1 = records[2].1.clone()), Fault::Moved(1));
    assert_eq!(fault(|records| records[3].1.clear()), Fault::Malformed(3));
    let mut records = whole.records.clone();
    jane_to_joan(&mut records[3].1);
    let found = check(whole.first, &records, &whole.last).unwrap_err();
    assert_eq!(found.to_string(), "event 4 was changed, or event 3 before it was");
    let mut records = whole.records.clone();
    jane_to_joan(&mut records[5].1);
    assert_eq!(check(whole.first, &records, &whole.last), Err(Fault::Last(5)));
}

#[test]
fn what_is_kept_of_a_log_is_checked_from_where_it_was_cut() {
    let whole = Log::of(6, 0);
    let mut link = start();
    for (_, record) in &whole.records[..4] {
        link = link.after(record.as_bytes());
    }
    assert_eq!(check(link, &whole.records[4..], &whole.last), Ok(()));
    assert_eq!(link_before(&whole.records[4].1), Some(link), "a copy says itself where it begins");
    assert_eq!(check(start(), &whole.records[4..], &whole.last), Err(Fault::Missing { expected: 0, found: 4 }));
}

#[test]
fn an_event_has_cloudtrails_members() {
    let (record, _) = seal(event(0), &start());
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["eventVersion"], "1.11");
    assert_eq!(record["userIdentity"]["type"], "IAMUser");
    assert_eq!(record["sourceIPAddress"], "192.0.2.7");
    assert_eq!(record["requestID"], "request-0");
    assert_eq!(record["additionalEventData"]["sequenceNumber"], 0);
    assert_eq!(record["managementEvent"], true);
    let found: Vec<(&str, String)> = terms(&record).into_iter().map(|(term, value)| (term.name(), value)).collect();
    let expected = [
        ("EventId", "event-0"),
        ("EventName", "StartSession"),
        ("ReadOnly", "false"),
        ("Username", "jane"),
        ("ResourceType", "AWS::SSM::ManagedInstance"),
        ("ResourceType", "AWS::SSM::Session"),
        ("ResourceName", "jane-0"),
        ("ResourceName", "mi-00000000000000000"),
        ("EventSource", "ssm.amazonaws.com"),
        ("AccessKeyId", "AKIAIOSFODNN7EXAMPLE"),
    ];
    assert_eq!(found, expected.map(|(term, value)| (term, value.to_owned())));
}
