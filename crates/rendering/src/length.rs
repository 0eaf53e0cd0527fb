//! Times, as people read them.

/// `1:02:03.4`, `2:03.4`: hours only where there are some.
pub(crate) fn clock(micros: u64) -> String {
    let tenths = micros / 100_000;
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{tenth}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}.{tenth}"),
    }
}

/// `2026-11-27 19:59:26 UTC`, of milliseconds since the Unix epoch.
pub(crate) fn moment(millis: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(millis / 1000).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = at.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
}
