//! Both ends of the control channel, rule by rule and with each other.

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::control_channel::{
    AgentControl, AgentControlConfig, AgentControlEvent, ControlTransmit, ServiceControl, ServiceControlConfig,
    ServiceControlEvent,
};
use postern_protocol::wire::payload::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, ChannelClosed, InteractiveShell, JsonPayload,
    TaskAcknowledge, TaskComplete, TaskStatus,
};
use postern_protocol::wire::{Flags, Frame, MessageType};

use crate::support::{SECONDS, at, decode, id, input, micros_of, plain};

fn agent() -> AgentControl {
    let mut agent = AgentControl::new(AgentControlConfig::new(1));
    agent.handle_connected(at(0));
    agent
}

fn service() -> ServiceControl {
    ServiceControl::new(ServiceControlConfig::new(2), at(0))
}

fn task(id: &str) -> TaskComplete {
    TaskComplete { task_id: id.to_owned(), final_task_status: TaskStatus::Success, ..TaskComplete::default() }
}

fn frame(transmit: Option<ControlTransmit>) -> Frame {
    match transmit {
        Some(ControlTransmit::Message(message)) => decode(&message),
        other => panic!("{other:?}"),
    }
}

fn sent_tasks(agent: &mut AgentControl, micros: u64) -> Vec<(String, i64)> {
    let mut sent = Vec::new();
    while let Some(transmit) = agent.poll_transmit(at(micros)) {
        if transmit == ControlTransmit::Ping {
            continue;
        }
        let task = TaskComplete::decode(&frame(Some(transmit)).payload).unwrap();
        sent.push((task.task_id, task.retry_number));
    }
    sent
}

#[test]
fn sessions_are_started_and_ended() {
    let (mut agent, mut service) = (agent(), service());
    let start = InteractiveShell { task_id: "s".to_owned(), content: "{}".to_owned(), ..InteractiveShell::default() };
    let end = ChannelClosed { session_id: "s".to_owned(), ..ChannelClosed::default() };
    assert!(service.start_session(&start, at(0)) && service.terminate_session(&end, at(0)));
    while let Some(transmit) = service.poll_transmit(at(0)) {
        let ControlTransmit::Message(message) = transmit else { panic!("a ping") };
        assert_eq!(decode(&message).flags, Flags::NONE);
        agent.handle_message(message, at(0)).unwrap();
    }
    assert_eq!(agent.poll_event(), Some(AgentControlEvent::StartSession(start)));
    assert_eq!(agent.poll_event(), Some(AgentControlEvent::TerminateSession(end)));
    assert_eq!(agent.poll_event(), None);
}

#[test]
fn reports_are_repeated_until_they_are_acknowledged() {
    let mut agent = agent();
    agent.complete_task(task("a"), at(0));
    let sent = |task: &str, retry| vec![(task.to_owned(), retry)];
    assert_eq!(sent_tasks(&mut agent, 0), sent("a", 1));
    for (second, retry) in [(1, 2), (2, 3), (32, 4), (62, 5)] {
        // Something else keeps the socket alive meanwhile.
        agent.handle_keepalive(at(second * SECONDS - 1));
        agent.handle_timeout(at(second * SECONDS - 1));
        assert_eq!(sent_tasks(&mut agent, second * SECONDS - 1), []);
        assert!(agent.poll_timeout().map(micros_of).unwrap() <= second * SECONDS);
        agent.handle_timeout(at(second * SECONDS));
        assert_eq!(sent_tasks(&mut agent, second * SECONDS), sent("a", retry));
    }
    agent.handle_disconnected(at(70 * SECONDS));
    agent.complete_task(task("b"), at(70 * SECONDS));
    assert_eq!(sent_tasks(&mut agent, 70 * SECONDS), []);
    agent.handle_connected(at(80 * SECONDS));
    assert_eq!(sent_tasks(&mut agent, 80 * SECONDS), [sent("a", 6), sent("b", 1)].concat());
    for task_id in ["a", "a", "unknown"] {
        let heard = TaskAcknowledge { task_id: task_id.to_owned(), ..TaskAcknowledge::default() };
        agent.handle_message(plain(MessageType::AgentTaskAcknowledge, &heard.encode()), at(80 * SECONDS)).unwrap();
    }
    assert_eq!(agent.poll_event(), Some(AgentControlEvent::TaskAcknowledged { task_id: "a".to_owned() }));
    assert_eq!((agent.poll_event(), agent.unacknowledged_tasks()), (None, 1));
}

#[test]
fn a_report_is_told_once_and_acknowledged_whenever_it_comes() {
    let mut service = service();
    let report = plain(MessageType::AgentTaskComplete, &task("s").encode());
    service.handle_message(report.clone(), at(0)).unwrap();
    assert_eq!(service.poll_transmit(at(0)), None, "not before it is taken");
    service.handle_message(report.clone(), at(0)).unwrap();
    assert_eq!(service.poll_event(at(0)), Some(ServiceControlEvent::TaskComplete(Box::new(task("s")))));
    assert_eq!(service.poll_event(at(0)), None);
    service.handle_message(report, at(1)).unwrap();
    assert_eq!(service.poll_event(at(1)), None, "a failed session is reported twice");
    for _ in 0..2 {
        let heard = frame(service.poll_transmit(at(1)));
        assert_eq!(heard.message_type, MessageType::AgentTaskAcknowledge);
        let heard = TaskAcknowledge::decode(&heard.payload).unwrap();
        assert_eq!((heard.task_id.as_str(), heard.message_id), ("s", id(0).to_string()));
        assert_eq!((heard.schema_version, heard.topic.as_str()), (1, TaskComplete::TOPIC));
    }
    assert_eq!(service.poll_transmit(at(1)), None);
}

#[test]
fn commands_are_declined() {
    let mut agent = agent();
    let job = AgentJob { job_id: "aws.ssm.c.mi-0".to_owned(), ..AgentJob::default() };
    agent.handle_message(plain(MessageType::AgentJob, &job.encode()), at(0)).unwrap();
    assert_eq!(agent.poll_event(), None);
    let answer = frame(agent.poll_transmit(at(0)));
    assert_eq!(answer.message_type, MessageType::AgentJobAck);
    let answer = AgentJobAck::decode(&answer.payload).unwrap();
    assert_eq!((answer.job_id, answer.status_code.as_str()), (job.job_id, "51406"));
    assert_eq!(answer.acknowledged_message_id, id(0).to_string());
}

#[test]
fn a_result_that_makes_no_sense_is_not_acknowledged() {
    let mut service = service();
    let long = AgentJobReply { job_id: "j".repeat(300), ..AgentJobReply::default() };
    for wrong in [long.encode(), Bytes::from_static(b"rubbish")] {
        assert!(service.handle_message(plain(MessageType::AgentJobReply, &wrong), at(0)).is_err());
    }
    assert_eq!(service.poll_transmit(at(0)), None);
}

#[test]
fn what_is_unknown_is_ignored_and_what_is_wrong_is_dropped() {
    let telemetry: MessageType = "agent_telemetry".parse().unwrap();
    let (mut agent, mut service) = (agent(), service());
    agent.handle_message(plain(telemetry, b"?"), at(0)).unwrap();
    service.handle_message(plain(telemetry, b"?"), at(0)).unwrap();
    service.handle_message(plain(MessageType::AgentJobAck, b"?"), at(0)).unwrap();
    let message_type = MessageType::InputStreamData;
    let unexpected = Err(PeerError::Unexpected { message_type });
    assert_eq!(agent.handle_message(input(0, "x"), at(0)), unexpected);
    assert_eq!(service.handle_message(input(0, "x"), at(0)), unexpected);
    for message_type in [MessageType::InteractiveShell, MessageType::ChannelClosed, MessageType::AgentJob] {
        let error = agent.handle_message(plain(message_type, b"rubbish"), at(0));
        assert!(matches!(error, Err(PeerError::Payload(_))), "{message_type}");
    }
    // Queues are bounded however little they are emptied.
    let start = plain(MessageType::InteractiveShell, b"{}");
    let taken = (0..2000).filter(|_| agent.handle_message(start.clone(), at(0)).is_ok()).count();
    let reports = (0..2000).map(|number| plain(MessageType::AgentTaskComplete, &task(&number.to_string()).encode()));
    let reported = reports.filter(|report| service.handle_message(report.clone(), at(0)).is_ok()).count();
    assert_eq!((taken, reported), (256, 64));
    let starts = (0..2000).filter(|_| service.start_session(&InteractiveShell::default(), at(0))).count();
    assert_eq!(starts, 1024);
}

#[test]
fn a_dead_socket_is_found_in_half_a_minute() {
    let mut agent = agent();
    agent.handle_timeout(at(14 * SECONDS));
    assert_eq!(agent.poll_transmit(at(14 * SECONDS)), None);
    agent.handle_timeout(at(15 * SECONDS));
    assert_eq!(agent.poll_transmit(at(15 * SECONDS)), Some(ControlTransmit::Ping));
    agent.handle_keepalive(at(16 * SECONDS));
    agent.handle_timeout(at(31 * SECONDS));
    assert_eq!(agent.poll_transmit(at(31 * SECONDS)), Some(ControlTransmit::Ping));
    agent.handle_timeout(at(45 * SECONDS));
    assert_eq!(agent.poll_event(), None);
    agent.handle_timeout(at(46 * SECONDS));
    assert_eq!(agent.poll_event(), Some(AgentControlEvent::ServiceSilent));
    assert_eq!((agent.poll_timeout(), agent.poll_transmit(at(46 * SECONDS))), (None, None));

    let mut service = service();
    service.handle_timeout(at(18 * SECONDS));
    assert_eq!(service.poll_transmit(at(18 * SECONDS)), Some(ControlTransmit::Ping));
    service.handle_timeout(at(30 * SECONDS));
    assert_eq!(service.poll_event(at(30 * SECONDS)), Some(ServiceControlEvent::AgentSilent));
    assert_eq!((service.poll_event(at(30 * SECONDS)), service.poll_timeout()), (None, None));
}

/// Of a job that another service gave. Not acknowledged, it comes every five minutes for two hours.
#[test]
fn what_an_agent_says_of_a_job_is_acknowledged() {
    let mut service = service();
    let reply = AgentJobReply { job_id: "aws.ssm.1.mi-1".to_owned(), ..AgentJobReply::default() };
    let message = plain(MessageType::AgentJobReply, &reply.encode());
    service.handle_message(message.clone(), at(0)).unwrap();
    let acknowledge = frame(service.poll_transmit(at(0)));
    assert_eq!(acknowledge.message_type, MessageType::AgentJobReplyAck);
    let acknowledge = AgentJobReplyAck::decode(&acknowledge.payload).unwrap();
    assert_eq!(acknowledge.job_id, "aws.ssm.1.mi-1");
    assert_eq!(acknowledge.acknowledged_message_id, decode(&message).message_id.to_string());
    assert_eq!(service.poll_event(at(0)), None);
}
