//! Idle time, maximum duration, and the warnings before them.

use super::*;

#[test]
fn silence_ends_it_and_activity_does_not() {
    let mut story = Story::open();
    story.at(3000).activity().at(6000).activity();
    assert_eq!((story.actions(), story.waits_for()), (vec![], Some((9540, Wait::IdleWarning))));
    story.at(9599).actions();
    story.at(9600);
    let reason = EndReason::IdleTimeout { minutes: 60 };
    assert_eq!(story.actions(), [Action::StoreTerminating(reason.clone()), Action::TellAgent]);
    story.outcome(false, "");
    assert_eq!(story.ends(), (reason.clone(), reason.details()));
}

#[test]
fn a_maximum_duration_holds_whatever_happens() {
    let timeouts = Timeouts { max_duration: Some(Duration::from_secs(600)), ..TIMEOUTS };
    let mut story = Story::with(timeouts);
    story.attach(Side::Agent).attach(Side::Client).at(599).activity();
    story.actions();
    assert_eq!(story.at(600).actions()[0], Action::StoreTerminating(EndReason::MaxDuration { minutes: 10 }));
}

// After a restart of the service.

/// What the client is told within so many seconds of the beginning: the limit, and how long before its end.
fn warnings(story: &mut Story, seconds: u64) -> Vec<(u64, EndingCause, u64)> {
    let mut said = Vec::new();
    for second in 0..=seconds {
        if story.begin + Duration::from_secs(second) < story.now.instant {
            continue;
        }
        story.at(second);
        for action in story.actions() {
            if let Action::WarnClient(Ending { cause, limit, at }) = action {
                let is_of = if cause == EndingCause::Idle {
                    story.timeouts.idle
                } else {
                    story.timeouts.max_duration.expect("it is warned of")
                };
                assert_eq!(limit, is_of);
                said.push((second, cause, at.duration_since(story.now.instant).as_secs()));
            }
        }
    }
    said
}

fn open_with(timeouts: Timeouts) -> Story {
    let mut story = Story::with(timeouts);
    story.attach(Side::Agent).attach(Side::Client);
    assert_eq!(story.actions(), [Action::StoreConnected]);
    story
}

#[test]
fn people_are_warned_a_minute_before_an_end_or_a_tenth_of_a_short_limit() {
    for (idle, lead) in [(60, 6), (300, 30), (600, 60), (3600, 60)] {
        let mut story = open_with(Timeouts { idle: Duration::from_secs(idle), ..TIMEOUTS });
        let said = warnings(&mut story, idle - 1);
        assert_eq!(said, [(idle - lead, EndingCause::Idle, lead)]);
        story.at(idle).at(idle + 5);
        assert_eq!(story.ends().0, EndReason::IdleTimeout { minutes: u32::try_from(idle / 60).expect("short") });
    }
    let mut story = open_with(Timeouts { max_duration: Some(Duration::from_secs(120)), ..TIMEOUTS });
    story.at(50).activity();
    let said = warnings(&mut story, 119);
    assert_eq!(said, [(108, EndingCause::MaxDuration, 12)], "whatever happens in it");
}

#[test]
fn activity_takes_a_warning_back_and_the_next_idle_time_has_its_own() {
    let mut story = open_with(Timeouts { idle: Duration::from_secs(600), ..TIMEOUTS });
    assert_eq!(warnings(&mut story, 570), [(540, EndingCause::Idle, 60)]);
    story.activity();
    assert_eq!(warnings(&mut story, 1169), [(1110, EndingCause::Idle, 60)]);
    story.at(1170).at(1175);
    assert_eq!(story.ends().0, EndReason::IdleTimeout { minutes: 10 });
}

#[test]
fn nobody_is_warned_of_what_does_not_matter_any_more() {
    let timeouts = Timeouts { idle: Duration::from_secs(600), start: Duration::from_secs(3000), ..TIMEOUTS };
    let mut story = Story::with(timeouts);
    assert_eq!(warnings(&mut story, 599), [], "the session has not begun");

    let mut story = open_with(timeouts);
    story.activity().output(Delivery::Pending).agent_terminating();
    assert_eq!(warnings(&mut story, 599), [], "it is over on the node; the client is to have the rest");

    let mut story = open_with(timeouts);
    story.at(500).terminate();
    assert_eq!(warnings(&mut story, 599), [], "it is being ended anyway");
}

#[test]
fn a_restarted_service_warns_of_what_is_left() {
    let timeouts = Timeouts { max_duration: Some(Duration::from_secs(600)), ..TIMEOUTS };
    let mut story = Story::restored(SessionStatus::Connected, None, timeouts, 570);
    story.node(true).attach(Side::Agent).attach(Side::Client);
    assert_eq!(warnings(&mut story, 29), [(0, EndingCause::MaxDuration, 30)]);
}

// Laws.
