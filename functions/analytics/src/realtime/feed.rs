//! Feeds: the last messages of a channel, so that a repeated event gets no second message, and a client that reconnects
//! gets the messages it missed.

use std::ops::RangeInclusive;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The maximum number of stored messages. Fewer are stored if they are large.
const MAX_MESSAGES: usize = 32;

/// The maximum size of the stored messages in bytes, because each write of a feed costs by its size. The newest message
/// is always stored.
const MAX_BYTES: usize = 32 * 1024;

/// How long a feed lives after the last subscription, in seconds. This is longer than any connection.
pub const LIFETIME_SECONDS: i64 = 3600;

/// The last messages of one channel. A feed exists only while somebody follows the channel, or did within the last
/// hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The sequence of the newest message.
    pub head: u64,
    /// When the feed expires, in seconds since 1970.
    pub expires_at: i64,
    #[serde(rename = "kept")]
    messages: Vec<FeedMessage>,
}

/// A message as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedMessage {
    sequence: u64,
    /// The ids of the events in the message.
    events: Vec<String>,
    /// The id of the call that added the message.
    #[serde(rename = "by")]
    pub publisher: String,
    /// The message as JSON.
    pub body: String,
}

/// What a client that reconnects has missed.
#[derive(Debug, PartialEq, Eq)]
pub struct Missed<'a> {
    /// The sequences of messages that cannot be sent any more.
    pub gap: Option<RangeInclusive<u64>>,
    /// The messages that can be sent.
    pub messages: &'a [FeedMessage],
}

impl Feed {
    /// Creates a feed that begins `now`.
    ///
    /// Its sequences start at the current time in milliseconds. Even a feed with a message every millisecond would not
    /// reach the first sequence of the next feed of its channel. Sequences therefore increase from feed to feed, and a
    /// client of an earlier feed finds a gap and never a sequence that it has already received.
    pub fn begin(now: Timestamp) -> Self {
        let head = u64::try_from(now.as_millis()).unwrap_or_default();
        Self { head, expires_at: now.as_seconds() + LIFETIME_SECONDS, messages: Vec::new() }
    }

    /// Returns whether the feed has not expired. DynamoDB may delete an expired item days later.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.expires_at > now.as_seconds()
    }

    /// Returns the message with an event.
    pub fn message_of(&self, event: &str) -> Option<&FeedMessage> {
        self.messages.iter().find(|message| message.events.iter().any(|known| known == event))
    }

    /// Adds a message with `events`, which `render` creates from its sequence, and returns its JSON.
    pub fn add(&mut self, publisher: &str, events: Vec<String>, render: impl FnOnce(u64) -> String) -> String {
        self.head += 1;
        let body = render(self.head);
        self.messages.push(FeedMessage {
            sequence: self.head,
            events,
            publisher: publisher.to_owned(),
            body: body.clone(),
        });
        let mut bytes = 0;
        let within_limits = self.messages.iter().rev().take(MAX_MESSAGES).take_while(|message| {
            bytes += message.size();
            bytes <= MAX_BYTES
        });
        let count = within_limits.count().max(1);
        self.messages.drain(..self.messages.len() - count);
        body
    }

    /// Returns what a client missed that received everything up to `last`. A client without `last` has missed nothing.
    pub fn missed(&self, last: Option<u64>) -> Missed<'_> {
        let Some(last) = last else {
            return Missed { gap: None, messages: &[] };
        };
        // A sequence that was never used says nothing about what was received.
        let last = if last > self.head { 0 } else { last };
        let oldest = self.messages.first().map_or(self.head + 1, |message| message.sequence);
        let gap = (last + 1 < oldest).then(|| last + 1..=oldest - 1);
        let received = self.messages.partition_point(|message| message.sequence <= last);
        Missed { gap, messages: &self.messages[received..] }
    }
}

impl FeedMessage {
    fn size(&self) -> usize {
        self.body.len() + self.publisher.len() + self.events.iter().map(String::len).sum::<usize>()
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

    fn sequences(missed: &Missed<'_>) -> Vec<u64> {
        missed.messages.iter().map(|message| message.sequence).collect()
    }

    #[test]
    fn the_message_of_an_event_is_found_while_it_is_stored() {
        let feed = feed_of(MAX_MESSAGES + 1, 1);
        assert_eq!(feed.message_of("0"), None, "the oldest message is dropped");
        assert_eq!(feed.message_of("1").map(|message| message.sequence), Some(feed.head - 31));
        assert_eq!(feed.message_of("32").map(|message| message.sequence), Some(feed.head));
    }

    #[test]
    fn fewer_large_messages_are_stored_and_the_newest_always() {
        assert_eq!(feed_of(9, MAX_BYTES / 3).messages.len(), 2, "the ids count too");
        assert_eq!(feed_of(9, MAX_BYTES + 1).messages.len(), 1);
    }

    #[test]
    fn a_client_of_an_expired_feed_finds_a_gap() {
        let before = feed_of(5, 1);
        let later = now().plus_seconds(LIFETIME_SECONDS);
        assert!(!before.is_alive(later) && before.is_alive(later.plus_seconds(-1)));
        let after = Feed::begin(later);
        let missed = after.missed(Some(before.head));
        assert_eq!(missed, Missed { gap: Some(before.head + 1..=after.head), messages: &[] });
        assert_eq!(after.missed(Some(after.head)), Missed { gap: None, messages: &[] });
    }

    proptest! {
        /// The gap and the messages are together everything after the last sequence received, once and in order.
        #[test]
        fn no_sequence_is_lost(messages in 0_usize..80, size in 1_usize..2_000, received in 0_u64..100) {
            let feed = feed_of(messages, size);
            let first = u64::try_from(NOW).expect("a number");
            let last = first + received;
            let missed = feed.missed(Some(last));
            if last <= feed.head {
                let all: Vec<u64> = missed.gap.clone().into_iter().flatten().chain(sequences(&missed)).collect();
                prop_assert_eq!(all, (last + 1..=feed.head).collect::<Vec<_>>());
            } else {
                prop_assert!(missed.gap.is_some_and(|gap| *gap.start() == 1));
                prop_assert_eq!(missed.messages.len(), feed.messages.len());
            }
            prop_assert_eq!(feed.missed(None), Missed { gap: None, messages: &[] });
        }
    }
}
