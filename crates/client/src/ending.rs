//! What a person is told when a limit of the session is near.

use postern_protocol::wire::payload::{EndingCause, SessionEnding};

/// One sentence.
pub(crate) fn warning(ending: &SessionEnding) -> String {
    let SessionEnding { cause, limit_seconds, left_seconds } = *ending;
    let (left, limit) = (time(left_seconds), time(limit_seconds));
    match cause {
        EndingCause::Idle => {
            let idle = time(limit_seconds.saturating_sub(left_seconds));
            format!(
                "this session ends in {left}, because it was idle for {idle} (the limit is {limit}); any input or output \
                 keeps it"
            )
        }
        EndingCause::MaxDuration => format!("this session ends in {left}, because it may last {limit} at most"),
        EndingCause::Other => format!("this session ends in {left}, by a limit of the service"),
    }
}

/// Whole minutes from two on, which is when people stop counting seconds.
fn time(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        _ => format!("{} min", seconds.saturating_add(30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_learn_when_why_and_what_to_do() {
        let said = |cause, limit_seconds, left_seconds| warning(&SessionEnding { cause, limit_seconds, left_seconds });
        assert_eq!(
            said(EndingCause::Idle, 1200, 60),
            "this session ends in 60 s, because it was idle for 19 min (the limit is 20 min); any input or output keeps it"
        );
        assert_eq!(
            said(EndingCause::Idle, 60, 6),
            "this session ends in 6 s, because it was idle for 54 s (the limit is 60 s); any input or output keeps it"
        );
        assert_eq!(
            said(EndingCause::MaxDuration, 86_400, 60),
            "this session ends in 60 s, because it may last 1440 min at most"
        );
        assert_eq!(
            said(EndingCause::Other, 0, u64::MAX),
            format!("this session ends in {} min, by a limit of the service", u64::MAX / 60)
        );
    }
}
