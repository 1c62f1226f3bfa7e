//! The live part of the context's table.
//!
//! | pk | sk | what |
//! | --- | --- | --- |
//! | `CONNECTION#<id>` | `CONNECTION` | who is connected |
//! | `CONNECTIONS#<user>` | `<connection id>` | the same, to be found by who it is |
//! | `FOLLOWERS#USER#<user>` | `<connection id>` | a connection that follows that user's orders |
//! | `FOLLOWERS#ANALYTICS` | `<connection id>` | a connection that follows analytics |
//! | `FEED#USER#<user>`, `FEED#ANALYTICS` | `FEED` | a channel's newest messages |
//!
//! All of them expire, and DynamoDB removes them when it likes: whoever reads one looks at `expires_at` too. They bear no `kind`, so that no
//! follower of the stream takes them for what is counted.

use contracts::Role;
use dynamo::{Key, StoreError, Table, Write, item, number};
use kernel::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{
    feed::{Feed, LIFETIME_SECONDS},
    topics::{Channel, Topic},
};

/// Somebody who is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// As API Gateway names it.
    pub connection_id: String,
    /// Whose it is.
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
    /// When their token ends, and with it the connection, in seconds since 1970.
    pub expires_at: i64,
}

impl Connection {
    /// Whether its token has not ended.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.expires_at > now.as_seconds()
    }
}

/// The live items of the context's table.
#[derive(Debug, Clone)]
pub struct Store {
    table: Table,
}

fn name(channel: Channel) -> String {
    match channel {
        Channel::OrdersOf(user_id) => format!("USER#{user_id}"),
        Channel::Analytics => "ANALYTICS".to_owned(),
    }
}

fn feed_key(channel: Channel) -> Key {
    Key::new(format!("FEED#{}", name(channel)), "FEED")
}

fn follower_key(channel: Channel, connection_id: &str) -> Key {
    Key::new(format!("FOLLOWERS#{}", name(channel)), connection_id)
}

fn connection_key(connection_id: &str) -> Key {
    Key::new(format!("CONNECTION#{connection_id}"), "CONNECTION")
}

fn own_key(connection: &Connection) -> Key {
    Key::new(format!("CONNECTIONS#{}", connection.user_id), &connection.connection_id)
}

impl Store {
    /// Over the context's table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Records a new connection.
    pub async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        for key in [own_key(connection), connection_key(&connection.connection_id)] {
            self.table.write_if_allowed(Write::put(item(&key, connection)?)).await?;
        }
        Ok(())
    }

    /// The connections of a user; some may have expired.
    pub async fn connections_of(&self, user_id: UserId) -> Result<Vec<Connection>, StoreError> {
        self.table.all(&format!("CONNECTIONS#{user_id}"), "").await
    }

    /// The connection of that id; it may have expired.
    pub async fn connection(&self, connection_id: &str) -> Result<Option<Connection>, StoreError> {
        self.table.get(&connection_key(connection_id)).await
    }

    /// Forgets a connection and all that it follows.
    pub async fn forget(&self, connection: &Connection) -> Result<(), StoreError> {
        for topic in Topic::ALL.into_iter().filter(|topic| topic.may_be_followed_by(connection.role)) {
            self.unfollow(topic.channel_of(connection.user_id), connection).await?;
        }
        // Last, so that whoever dies on the way finds again what is left.
        for key in [connection_key(&connection.connection_id), own_key(connection)] {
            self.table.write_if_allowed(Write::delete(key)).await?;
        }
        Ok(())
    }

    /// Has a connection follow a channel; whether it is one still, for its user may be somebody else by now.
    pub async fn follow(&self, channel: Channel, connection: &Connection) -> Result<bool, StoreError> {
        let put = Write::put(item(&follower_key(channel, &connection.connection_id), connection)?);
        let exists = Write::check(connection_key(&connection.connection_id)).only_if("attribute_exists(pk)");
        self.table.transact_if_allowed(vec![exists, put]).await
    }

    /// Ends that.
    pub async fn unfollow(&self, channel: Channel, connection: &Connection) -> Result<(), StoreError> {
        let delete = Write::delete(follower_key(channel, &connection.connection_id));
        self.table.write_if_allowed(delete).await.map(drop)
    }

    /// All who follow a channel; some may have expired.
    pub async fn followers(&self, channel: Channel) -> Result<Vec<Connection>, StoreError> {
        self.table.all(&format!("FOLLOWERS#{}", name(channel)), "").await
    }

    /// A channel's feed, if it lives.
    pub async fn feed(&self, channel: Channel, now: Timestamp) -> Result<Option<Feed>, StoreError> {
        let feed: Option<Feed> = self.table.get(&feed_key(channel)).await?;
        Ok(feed.filter(|feed| feed.is_alive(now)))
    }

    /// Begins a channel's feed; whether there was none.
    pub async fn begin(&self, channel: Channel, feed: &Feed, now: Timestamp) -> Result<bool, StoreError> {
        let put = Write::put(item(&feed_key(channel), feed)?)
            .only_if("attribute_not_exists(pk) OR #expires_at <= :now")
            .with([number(":now", now.as_seconds())]);
        self.table.write_if_allowed(put).await
    }

    /// Has a channel's feed live on from now; whether it is the one that was read, or has grown since.
    pub async fn prolong(&self, channel: Channel, feed: &Feed, now: Timestamp) -> Result<bool, StoreError> {
        let update = Write::update(feed_key(channel), "SET #expires_at = :then")
            .only_if("#head >= :head AND #expires_at > :now")
            .with([
                number(":then", now.as_seconds() + LIFETIME_SECONDS),
                number(":now", now.as_seconds()),
                number(":head", feed.head),
            ]);
        self.table.write_if_allowed(update).await
    }

    /// Writes a feed that has grown; whether nobody did so since its head was `head`. When it ends is for who follows it to say.
    pub async fn grow(&self, channel: Channel, feed: &Feed, head: u64) -> Result<bool, StoreError> {
        let kept = item(&feed_key(channel), feed)?.remove("kept").map(|kept| (":kept".to_owned(), kept));
        let update = Write::update(feed_key(channel), "SET #head = :new, #kept = :kept")
            .only_if("#head = :head")
            .with([number(":new", feed.head), number(":head", head)])
            .with(kept);
        self.table.write_if_allowed(update).await
    }
}
