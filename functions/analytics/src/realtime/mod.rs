//! Live updates over WebSocket: connections, the topics they follow, and the messages they missed.
//!
//! A client connects with its access token, subscribes to topics (`messages.rs` has the messages, `topics.rs` the roles
//! that may follow a topic), and receives messages about what happens. A connection ends with its token, after 15
//! minutes at most: the client connects again with a new token, names the last sequence that it received, and gets the
//! messages that it missed. The connections of a user who is deleted, or gets another role or password, are closed at
//! once; after a logout, they end with the token.
//!
//! # No message is lost
//!
//! Each channel that somebody follows has one item, its feed (`feed.rs`): the newest sequence and the last messages.
//!
//! - A publisher (`publish.rs`) reads the feed, writes it with the new message on the condition that it has not
//!   changed, and **then** reads the followers and posts to them. All of these reads are consistent.
//! - A subscription (`handlers.rs`) writes its follower item, and **then** reads the feed.
//!
//! Consider the time at which the feed was written with a message. If this was before the subscription read the feed,
//! the subscriber gets the message from there. If it was after, the follower item had been written before, and the
//! publisher, which reads the followers even later, finds it. If both are true, the client receives the message twice,
//! with the same sequence, and skips the second. While there is no feed, nothing is written, and nobody follows: what
//! happened before the first feed began also happened before the client's subscription was confirmed, and is in what
//! the client reads over HTTP afterwards.
//!
//! # Cost
//!
//! An event of a user whom nobody follows costs one read. If somebody does, it costs a read, a write, a query, and one
//! call for each connection of that user, at most 10, regardless of other users. For analytics, each batch of the
//! stream costs that, regardless of its number of events: about one message per second and shard to each of at most 100
//! connections. In a busy shop, the number of calls therefore grows with its administrators, not with its events.
//!
//! # Failures
//!
//! A message about an order that could not be posted to a follower is delivered again by the queue: it is found in the
//! feed, and posted again unchanged, with its sequence. Messages of analytics are not retried in this case: the next
//! message follows within a second, and its sequence shows the gap. A connection that was lost without `$disconnect` is
//! detected by the next message (410), and removed.

#[cfg(test)]
mod asyncapi;
mod clients;
mod feed;
mod handlers;
pub mod messages;
mod publish;
mod store;
mod topics;

use aws_config::SdkConfig;
use dynamo::{StoreError, Table};
use lambda::{Error, problem::Problem};

use self::{
    clients::{Clients, PostError},
    store::Store,
};
pub use handlers::{connect, disconnect, handle_message};
pub use publish::{customer_of, end_connections, publish_analytics_updates, publish_order_updates};
pub use topics::Topic;

/// The `kind` of the log entries that start a live update: the first entry of each counted event.
pub const COUNTED_KIND: &str = "counted";

/// The connections, what they follow, and the feeds.
pub struct Realtime {
    store: Store,
}

/// Sends live updates and responses to connections.
pub struct LivePublisher {
    realtime: Realtime,
    clients: Clients,
}

impl Realtime {
    /// Creates the live updates in the context's table.
    pub fn new(table: Table) -> Self {
        Self { store: Store::new(table) }
    }

    /// Creates a publisher that can send messages to the connections.
    ///
    /// # Errors
    /// If an environment variable is not set.
    pub fn publisher(self, config: &SdkConfig) -> Result<LivePublisher, Error> {
        Ok(LivePublisher { realtime: self, clients: Clients::connect(config)? })
    }
}

/// The reason why a message was not handled or a live update not published.
#[derive(Debug, thiserror::Error)]
pub enum RealtimeError {
    /// The table did not respond.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// API Gateway did not accept a message.
    #[error(transparent)]
    Post(#[from] PostError),
    /// Some followers did not get a live update.
    #[error("the live update could not be sent to {0} followers")]
    NotPublished(usize),
    /// Others wrote the feed during every attempt.
    #[error("the feed is too busy")]
    Busy,
    /// API Gateway did not call the authorizer.
    #[error("the handshake has no user")]
    NoUser,
}

impl From<RealtimeError> for Problem {
    /// Logs the error. The client may try again.
    fn from(error: RealtimeError) -> Self {
        tracing::error!(%error, "a message could not be handled");
        Self::internal()
    }
}
