//! What was lately told to those who follow something, so that nothing is told twice and who comes back is told the rest.

use std::ops::RangeInclusive;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// How many messages are kept at most; fewer, if they are large.
const MOST_KEPT: usize = 32;

/// How much of them is kept at most, in bytes, though the newest always is: each write of a feed costs by its size.
const MOST_BYTES: usize = 32 * 1024;

/// How long a feed lives after the last subscription, in seconds: longer than any connection.
pub const LIFETIME_SECONDS: i64 = 3600;

/// The messages of one channel. There is one only while somebody follows it, or did within the hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The sequence of the newest message.
    pub head: u64,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
    kept: Vec<Kept>,
}

/// A message as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    sequence: u64,
    /// What it tells of: the events' ids.
    events: Vec<String>,
    /// Who wrote it.
    pub by: String,
    /// The JSON.
    pub body: String,
}

/// What somebody has not seen who comes back.
#[derive(Debug, PartialEq, Eq)]
pub struct Missed<'a> {
    /// What cannot be sent any more.
    pub gap: Option<RangeInclusive<u64>>,
    /// What can.
    pub messages: &'a [Kept],
}

impl Feed {
    /// One that begins `now`.
    ///
    /// It begins at the time in milliseconds: a feed that had a message every millisecond could not overtake the next one of its channel.
    /// So sequences rise from one feed to the next, and who was told by an earlier one finds a gap, never a number that it has seen.
    pub fn begin(now: Timestamp) -> Self {
        let head = u64::try_from(now.as_millis()).unwrap_or_default();
        Self { head, expires_at: now.as_seconds() + LIFETIME_SECONDS, kept: Vec::new() }
    }

    /// Whether it has not ended. An item whose time has come may lie there for days.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.expires_at > now.as_seconds()
    }

    /// The message that tells of an event.
    pub fn telling(&self, event: &str) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.events.iter().any(|known| known == event))
    }

    /// Adds a message `by` somebody that tells of `events`, as `write` makes it of its sequence; its JSON.
    pub fn add(&mut self, by: &str, events: Vec<String>, write: impl FnOnce(u64) -> String) -> String {
        self.head += 1;
        let body = write(self.head);
        self.kept.push(Kept { sequence: self.head, events, by: by.to_owned(), body: body.clone() });
        let mut bytes = 0;
        let within = self.kept.iter().rev().take(MOST_KEPT).take_while(|kept| {
            bytes += kept.size();
            bytes <= MOST_BYTES
        });
        let keep = within.count().max(1);
        self.kept.drain(..self.kept.len() - keep);
        body
    }

    /// What somebody has missed who has seen all up to `last`; who has seen nothing has missed nothing.
    pub fn missed(&self, last: Option<u64>) -> Missed<'_> {
        let Some(last) = last else {
            return Missed { gap: None, messages: &[] };
        };
        // A number that was never given out says nothing about what was seen.
        let last = if last > self.head { 0 } else { last };
        let oldest = self.kept.first().map_or(self.head + 1, |kept| kept.sequence);
        let gap = (last + 1 < oldest).then(|| last + 1..=oldest - 1);
        let seen = self.kept.partition_point(|kept| kept.sequence <= last);
        Missed { gap, messages: &self.kept[seen..] }
    }
}

impl Kept {
    fn size(&self) -> usize {
        self.body.len() + self.by.len() + self.events.iter().map(String::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_767_323_045_600;

    fn now() -> Timestamp {
        Timestamp::from_millis(NOW)
    }

    fn feed_of(messages: usize, size: usize) -> Feed {
        let mut feed = Feed::begin(now());
        for index in 0..messages {
            feed.add("a test", vec![index.to_string()], |sequence| format!("{sequence:0size$}"));
        }
        feed
    }

    fn sent(missed: &Missed<'_>) -> Vec<u64> {
        missed.messages.iter().map(|kept| kept.sequence).collect()
    }

    #[test]
    fn an_event_is_told_once_as_long_as_its_message_is_kept() {
        let feed = feed_of(MOST_KEPT + 1, 1);
        assert_eq!(feed.telling("0"), None, "the oldest is gone");
        assert_eq!(feed.telling("1").map(|kept| kept.sequence), Some(feed.head - 31));
        assert_eq!(feed.telling("32").map(|kept| kept.sequence), Some(feed.head));
    }

    #[test]
    fn large_messages_are_fewer_and_the_newest_is_always_kept() {
        assert_eq!(feed_of(9, MOST_BYTES / 3).kept.len(), 2, "their ids count too");
        assert_eq!(feed_of(9, MOST_BYTES + 1).kept.len(), 1);
    }

    #[test]
    fn who_comes_back_after_its_end_finds_a_gap() {
        let before = feed_of(5, 1);
        let later = now().plus_seconds(LIFETIME_SECONDS);
        assert!(!before.is_alive(later) && before.is_alive(later.plus_seconds(-1)));
        let anew = Feed::begin(later);
        let missed = anew.missed(Some(before.head));
        assert_eq!(missed, Missed { gap: Some(before.head + 1..=anew.head), messages: &[] });
        assert_eq!(anew.missed(Some(anew.head)), Missed { gap: None, messages: &[] });
    }

    proptest! {
        /// What is sent and what is told to be missing are together all after the last one seen, once and in order.
        #[test]
        fn nothing_is_lost_on_the_way(messages in 0_usize..80, size in 1_usize..2_000, seen in 0_u64..100) {
            let feed = feed_of(messages, size);
            let begun = u64::try_from(NOW).expect("a number");
            let last = begun + seen;
            let missed = feed.missed(Some(last));
            if last <= feed.head {
                let told: Vec<u64> = missed.gap.clone().into_iter().flatten().chain(sent(&missed)).collect();
                prop_assert_eq!(told, (last + 1..=feed.head).collect::<Vec<_>>());
            } else {
                prop_assert!(missed.gap.is_some_and(|gap| *gap.start() == 1));
                prop_assert_eq!(missed.messages.len(), feed.kept.len());
            }
            prop_assert_eq!(feed.missed(None), Missed { gap: None, messages: &[] });
        }
    }
}
