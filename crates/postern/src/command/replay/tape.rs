//! A recording that is read forwards and can be taken back: while it is read, marks are set from which it can go on.

use postern_recording::Opening;
use postern_recording::playback::{Event, Playback, What};
use postern_rendering::{Lines, Screen};

use crate::command::recordings::rendered::lines_of;
use crate::command::recordings::source::{Place, Source};

/// The most marks; when there are more, every other one goes.
const MAX_MARKS: usize = 256;

/// See the module.
pub(super) struct Tape {
    source: Source,
    playback: Playback,
    opening: Box<Opening>,
    screen: Screen,
    /// What happens next.
    next: Option<Event>,
    is_at_end: bool,
    /// The time of the latest event that was shown.
    time: u64,
    /// How long it is, if that is known.
    duration: Option<u64>,
    marks: Vec<Mark>,
}

/// A moment from which it can go on.
struct Mark {
    time: u64,
    place: Place,
    playback: Playback,
    screen: Screen,
}

impl Tape {
    /// One that stands at its beginning.
    pub(super) async fn open(mut source: Source) -> anyhow::Result<Self> {
        let duration = duration(&mut source).await?;
        let beginning =
            Mark { time: 0, place: source.place()?, playback: Playback::new(), screen: Screen::new(Lines::default()) };
        let mut playback = Playback::new();
        let opening = loop {
            let Some(piece) = source.next().await? else { anyhow::bail!("there is nothing in the recording") };
            playback.push(&piece)?;
            if let Some(Event { what: What::Opened(opening), .. }) = playback.next_event() {
                break opening;
            }
        };
        let screen = Screen::new(lines_of(&opening));
        let mut tape = Self {
            source,
            playback,
            opening,
            screen,
            next: None,
            is_at_end: false,
            time: 0,
            duration,
            marks: vec![beginning],
        };
        tape.look_ahead().await?;
        Ok(tape)
    }

    pub(super) fn opening(&self) -> &Opening {
        &self.opening
    }

    pub(super) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// When the next thing happens, in microseconds since the beginning. Nothing at the end.
    pub(super) fn next_time(&self) -> Option<u64> {
        self.next.as_ref().map(|event| event.time)
    }

    /// When the latest thing happened that is shown.
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    /// How long it is, as far as that is known.
    pub(super) fn duration(&self) -> Option<u64> {
        self.duration.or_else(|| self.is_at_end.then_some(self.time))
    }

    /// Shows the next thing that happened.
    pub(super) async fn advance(&mut self) -> anyhow::Result<()> {
        let Some(event) = self.next.take() else { return Ok(()) };
        self.time = event.time;
        match event.what {
            What::Opened(opening) => self.screen = Screen::new(lines_of(&opening)),
            What::Output(data) | What::StandardError(data) => self.screen.feed(&data),
            What::Resized(cols, rows) => self.screen.resize(cols, rows),
            What::Input(_) | What::ExitStatus(_) | What::Leg(_) | What::Gap(_) | What::Resumed(_) | What::Closed(_) => {
            }
        }
        self.look_ahead().await
    }

    /// Goes back to a mark before this moment. What is shown then is what was shown there.
    pub(super) async fn go_back(&mut self, time: u64) -> anyhow::Result<()> {
        let before = self.marks.iter().rposition(|mark| mark.time <= time).unwrap_or(0);
        let Some(mark) = self.marks.get(before) else { return Ok(()) };
        self.source.go_to(&mark.place)?;
        (self.playback, self.screen, self.time) = (mark.playback.clone(), mark.screen.copied(), mark.time);
        (self.next, self.is_at_end) = (None, false);
        self.look_ahead().await
    }

    async fn look_ahead(&mut self) -> anyhow::Result<()> {
        while self.next.is_none() && !self.is_at_end {
            self.next = self.playback.next_event();
            if self.next.is_some() {
                break;
            }
            self.mark()?;
            match self.source.next().await? {
                Some(piece) => self.playback.push(&piece)?,
                None => {
                    self.playback.finish();
                    self.next = self.playback.next_event();
                    self.is_at_end = self.next.is_none();
                }
            }
        }
        Ok(())
    }

    /// Between two pieces everything is in what was read and in what is shown.
    fn mark(&mut self) -> anyhow::Result<()> {
        if self.marks.last().is_some_and(|last| last.time >= self.time) {
            return Ok(());
        }
        if self.marks.len() >= MAX_MARKS {
            let mut at = 0;
            self.marks.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
        let (playback, screen) = (self.playback.clone(), self.screen.copied());
        self.marks.push(Mark { time: self.time, place: self.source.place()?, playback, screen });
        Ok(())
    }
}

/// How long a recording is: a service says it of one that has ended, a file is read through.
async fn duration(source: &mut Source) -> anyhow::Result<Option<u64>> {
    if let Some(known) = source.describe().await? {
        let millis = |at: postern_model::Timestamp| at.millis();
        return Ok(known.ended_at.map(|ended| millis(ended).saturating_sub(millis(known.started_at)) * 1000));
    }
    let (beginning, mut playback, mut duration) = (source.place()?, Playback::new(), 0);
    while let Some(piece) = source.next().await? {
        // What is wrong with it is said when it is played.
        if playback.push(&piece).is_err() {
            break;
        }
        while let Some(event) = playback.next_event() {
            duration = event.time;
        }
    }
    source.go_to(&beginning)?;
    Ok(Some(duration))
}
