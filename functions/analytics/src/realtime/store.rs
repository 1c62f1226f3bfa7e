//! The part of the context's table with connections, followers and feeds.
//!
//! | pk | sk | item |
//! | --- | --- | --- |
//! | `CONNECTION#<id>` | `CONNECTION` | a connection |
//! | `CONNECTIONS#<user>` | `<connection id>` | the same connection, found by its user |
//! | `FOLLOWERS#USER#<user>` | `<connection id>` | a connection that follows the orders of this user |
//! | `FOLLOWERS#ANALYTICS` | `<connection id>` | a connection that follows analytics |
//! | `FEED#USER#<user>`, `FEED#ANALYTICS` | `FEED` | a channel's newest messages |
//!
//! All items expire, and DynamoDB may delete them late, so a reader has to check `expires_at`. They have no `kind`, so
//! that no function on the stream takes them for log entries.

use contracts::Role;
use dynamo::{Key, StoreError, Table, Write, item, number};
use kernel::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::{
    feed::{Feed, LIFETIME_SECONDS},
    topics::{Channel, Topic},
};

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The id that API Gateway gave it.
    pub connection_id: String,
    /// The user of the connection.
    pub user_id: UserId,
    /// The role of the user.
    pub role: Role,
    /// When the token expires, and with it the connection, in seconds since 1970.
    pub expires_at: i64,
}

impl Connection {
    /// Returns whether the token has not expired.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.expires_at > now.as_seconds()
    }
}

/// The connections, followers and feeds in the context's table.
#[derive(Debug, Clone)]
pub struct Store {
    table: Table,
}

fn channel_name(channel: Channel) -> String {
    match channel {
        Channel::OrdersOf(user_id) => format!("USER#{user_id}"),
        Channel::Analytics => "ANALYTICS".to_owned(),
    }
}

fn feed_key(channel: Channel) -> Key {
    Key::new(format!("FEED#{}", channel_name(channel)), "FEED")
}

fn follower_key(channel: Channel, connection_id: &str) -> Key {
    Key::new(format!("FOLLOWERS#{}", channel_name(channel)), connection_id)
}

fn connection_key(connection_id: &str) -> Key {
    Key::new(format!("CONNECTION#{connection_id}"), "CONNECTION")
}

fn key_by_user(connection: &Connection) -> Key {
    Key::new(format!("CONNECTIONS#{}", connection.user_id), &connection.connection_id)
}

impl Store {
    /// Creates the store in the context's table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Adds a connection.
    pub async fn add_connection(&self, connection: &Connection) -> Result<(), StoreError> {
        for key in [key_by_user(connection), connection_key(&connection.connection_id)] {
            self.table.write_if_allowed(Write::put(item(&key, connection)?)).await?;
        }
        Ok(())
    }

    /// Returns the connections of a user. Some may have expired.
    pub async fn connections_of(&self, user_id: UserId) -> Result<Vec<Connection>, StoreError> {
        self.table.all(&format!("CONNECTIONS#{user_id}"), "").await
    }

    /// Returns the connection with this id. It may have expired.
    pub async fn connection(&self, connection_id: &str) -> Result<Option<Connection>, StoreError> {
        self.table.get(&connection_key(connection_id)).await
    }

    /// Removes a connection and its subscriptions.
    pub async fn remove_connection(&self, connection: &Connection) -> Result<(), StoreError> {
        for topic in Topic::VARIANTS.iter().filter(|topic| topic.may_be_followed_by(connection.role)) {
            self.unfollow(topic.channel_of(connection.user_id), connection).await?;
        }
        // Last, so that a call that was interrupted can be repeated.
        for key in [connection_key(&connection.connection_id), key_by_user(connection)] {
            self.table.write_if_allowed(Write::delete(key)).await?;
        }
        Ok(())
    }

    /// Makes a connection follow a channel. Returns whether the connection still exists: it may have been ended
    /// meanwhile, for example because its user got another role.
    pub async fn follow(&self, channel: Channel, connection: &Connection) -> Result<bool, StoreError> {
        let put = Write::put(item(&follower_key(channel, &connection.connection_id), connection)?);
        let exists = Write::check(connection_key(&connection.connection_id)).only_if("attribute_exists(pk)");
        self.table.transact_if_allowed(vec![exists, put]).await
    }

    /// Makes a connection no longer follow a channel.
    pub async fn unfollow(&self, channel: Channel, connection: &Connection) -> Result<(), StoreError> {
        let delete = Write::delete(follower_key(channel, &connection.connection_id));
        self.table.write_if_allowed(delete).await.map(drop)
    }

    /// Returns the connections that follow a channel. Some may have expired.
    pub async fn followers(&self, channel: Channel) -> Result<Vec<Connection>, StoreError> {
        self.table.all(&format!("FOLLOWERS#{}", channel_name(channel)), "").await
    }

    /// Returns the feed of a channel, unless it has expired.
    pub async fn feed(&self, channel: Channel, now: Timestamp) -> Result<Option<Feed>, StoreError> {
        let feed: Option<Feed> = self.table.get(&feed_key(channel)).await?;
        Ok(feed.filter(|feed| feed.is_alive(now)))
    }

    /// Creates the feed of a channel, if there is none or it has expired. Returns whether it did.
    pub async fn create_feed(&self, channel: Channel, feed: &Feed, now: Timestamp) -> Result<bool, StoreError> {
        let put = Write::put(item(&feed_key(channel), feed)?)
            .only_if("attribute_not_exists(pk) OR #expires_at <= :now")
            .with([number(":now", now.as_seconds())]);
        self.table.write_if_allowed(put).await
    }

    /// Extends the life of a channel's feed from now. Returns whether it is the feed that was read, which may have more
    /// messages now.
    pub async fn extend_feed(&self, channel: Channel, feed: &Feed, now: Timestamp) -> Result<bool, StoreError> {
        let update = Write::update(feed_key(channel), "SET #expires_at = :then")
            .only_if("#head >= :head AND #expires_at > :now")
            .with([
                number(":then", now.as_seconds() + LIFETIME_SECONDS),
                number(":now", now.as_seconds()),
                number(":head", feed.head),
            ]);
        self.table.write_if_allowed(update).await
    }

    /// Writes a feed with new messages, if its head is still `head`. Returns whether it did. Only subscriptions extend
    /// the life of a feed.
    pub async fn update_feed(&self, channel: Channel, feed: &Feed, head: u64) -> Result<bool, StoreError> {
        let messages = item(&feed_key(channel), feed)?.remove("kept").map(|kept| (":kept".to_owned(), kept));
        let update = Write::update(feed_key(channel), "SET #head = :new, #kept = :kept")
            .only_if("#head = :head")
            .with([number(":new", feed.head), number(":head", head)])
            .with(messages);
        self.table.write_if_allowed(update).await
    }
}
