//! Live messages: who is connected, what they follow, and what they have missed.
//!
//! A client connects with its access token, says what it follows (`messages.rs`; who may follow what, `topics.rs`), and is told what
//! happens. A connection is never good for longer than its token, 15 minutes at most: the client connects again with a fresh one, names
//! the last sequence that it has seen, and is told the rest. Whoever is deleted, gets another role or another password has their connections
//! ended at once; a logout ends them with the token.
//!
//! # Nothing falls between
//!
//! Each channel that somebody follows has one item, its feed (`feed.rs`): the newest sequence and the last messages.
//!
//! - Who tells (`publish.rs`) reads the feed, writes it with the new message under the condition that nobody did so meanwhile, and **then** reads
//!   the followers and posts to them. All of these reads are consistent.
//! - Who subscribes (`frames.rs`) writes its follower item, and **then** reads the feed.
//!
//! Take any message, and when its feed was written. If that was before the subscriber read the feed, the subscriber has it from there. If
//! it was after, then the follower item had been written before, and the teller, who reads the followers later still, finds it. Both may be
//! true: then the client is told twice, with the same sequence, and passes over the second. While there is no feed, nothing is written, and
//! nobody follows: what happened before the first feed began had happened before the client was told that it is subscribed, and is in what
//! it reads over HTTP afterwards.
//!
//! # What it costs
//!
//! An event of a user whom nobody follows costs one read. Of one who is followed, it costs a read, a write, a query, and one call for each
//! connection of that user, at most 10, whoever else is connected. Of analytics, each batch of the stream costs that, whatever number of
//! events is in it: about one message a second and shard for each of at most 100 connections. So the calls of a busy shop grow with its
//! administrators, not with its events.
//!
//! # What fails
//!
//! A message that could not be posted to somebody comes again out of the queue: it is found in the feed, and posted again as it was, with
//! its sequence. Of analytics nothing comes again for that: the next message follows in a second, and its sequence tells. A connection that
//! is gone without a word is found out by the next message (410), and forgotten.

#[cfg(test)]
mod asyncapi;
mod clients;
mod feed;
mod frames;
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
pub use frames::{connect, disconnect, message};
pub use publish::{end_connections, publish_analytics_updates, publish_order_updates, whose};
pub use topics::Topic;

/// The `kind` of an item that tells that an event was counted.
pub const COUNTED_KIND: &str = "counted";

/// Who is connected, and what they are told.
pub struct Realtime {
    store: Store,
}

/// The same, with the means to tell it.
pub struct Teller {
    live: Realtime,
    clients: Clients,
}

impl Realtime {
    /// Over the context's table.
    pub fn new(table: Table) -> Self {
        Self { store: Store::new(table) }
    }

    /// With the means to tell it.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn telling(self, config: &SdkConfig) -> Result<Teller, Error> {
        Ok(Teller { live: self, clients: Clients::connect(config)? })
    }
}

/// Why nothing could be told, or nobody be connected.
#[derive(Debug, thiserror::Error)]
pub enum RealtimeError {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// API Gateway did not take a message.
    #[error(transparent)]
    Post(#[from] PostError),
    /// Not everybody who follows could be told.
    #[error("{0} followers could not be told")]
    NotTold(usize),
    /// A feed was written by others each time that it was tried.
    #[error("the feed is too busy")]
    Busy,
    /// API Gateway did not ask the authorizer.
    #[error("the handshake names nobody")]
    Nobody,
}

impl From<RealtimeError> for Problem {
    /// Logged here, once; the client may try again.
    fn from(error: RealtimeError) -> Self {
        tracing::error!(%error, "a frame could not be done");
        Self::internal()
    }
}
