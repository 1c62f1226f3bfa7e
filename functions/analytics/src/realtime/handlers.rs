//! The routes of the WebSocket API: a client connects, sends a message, or disconnects.

use dynamo::pause;
use kernel::Timestamp;
use lambda::{problem::Problem, socket::SocketMessage};

use super::{
    LivePublisher, Realtime, RealtimeError,
    clients::Posted,
    feed::Feed,
    messages::{ClientMessage, ErrorMessage, ServerMessage},
    store::Connection,
    topics::{Channel, Topic},
};

/// The maximum number of attempts to create or extend a feed while others create it or it expires.
const MAX_ATTEMPTS: u32 = 5;

/// `$connect`: records the connection. Nothing can be sent to it before this function has returned.
///
/// # Errors
/// If the table does not respond. The handshake is refused then.
pub async fn connect(realtime: &Realtime, message: SocketMessage) -> Result<(), RealtimeError> {
    // A client can name this route in a message, too.
    let user = message.user.filter(|_| message.is_handshake).ok_or(RealtimeError::NoUser)?;
    let connection = Connection {
        connection_id: message.connection_id,
        user_id: user.caller.user_id,
        role: user.caller.role,
        expires_at: user.expires_at,
    };
    Ok(realtime.store.add_connection(&connection).await?)
}

/// `$disconnect`: removes the connection. API Gateway does not guarantee this call; without it, the items expire with
/// the token.
///
/// # Errors
/// If the table does not respond.
pub async fn disconnect(realtime: &Realtime, message: SocketMessage) -> Result<(), RealtimeError> {
    if let Some(connection) = realtime.store.connection(&message.connection_id).await? {
        realtime.store.remove_connection(&connection).await?;
    }
    Ok(())
}

/// `$default`: handles a message of the client, or responds with the reason why not.
///
/// # Errors
/// If the response cannot be sent.
pub async fn handle_message(publisher: &LivePublisher, message: SocketMessage) -> Result<(), RealtimeError> {
    let connection = match publisher.realtime.store.connection(&message.connection_id).await? {
        Some(connection) if connection.is_alive(message.now) => connection,
        expired => return publisher.close_expired(&message, expired).await,
    };
    let handled = async {
        let request = ClientMessage::read(message.body.as_bytes())?;
        publisher.handle(&connection, request, message.now).await
    };
    if let Err(problem) = handled.await {
        let error = ServerMessage::Error(ErrorMessage::of(&problem, &message.correlation_id));
        publisher.send(&connection, &error).await?;
    }
    Ok(())
}

impl LivePublisher {
    async fn handle(&self, connection: &Connection, request: ClientMessage, now: Timestamp) -> Result<(), Problem> {
        match request {
            ClientMessage::Ping => Ok(self.send(connection, &ServerMessage::Pong).await?),
            ClientMessage::Unsubscribe { topic } => {
                let channel = topic.channel_of(connection.user_id);
                self.realtime.store.unfollow(channel, connection).await?;
                Ok(self.send(connection, &ServerMessage::Unsubscribed { topic }).await?)
            }
            ClientMessage::Subscribe { topic, last_sequence } => {
                self.subscribe(connection, topic, last_sequence, now).await
            }
        }
    }

    /// Subscribes a connection to a topic. Because of the order of these steps no message is lost; see the
    /// documentation of the module.
    async fn subscribe(
        &self,
        connection: &Connection,
        topic: Topic,
        last: Option<u64>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        if !topic.may_be_followed_by(connection.role) {
            return Err(Problem::new(403, "forbidden", "This topic needs a role that the caller does not have."));
        }
        let channel = topic.channel_of(connection.user_id);
        if !self.realtime.store.follow(channel, connection).await? {
            return Err(token_expired());
        }
        self.limit_followers(channel, connection, now).await?;
        let feed = self.realtime.open_feed(channel, now).await?;
        let missed = feed.missed(last);
        if let Some(gap) = missed.gap {
            self.send(connection, &ServerMessage::Gap { topic, from: *gap.start(), to: *gap.end() }).await?;
        }
        for message in missed.messages {
            self.send_text(connection, &message.body).await?;
        }
        Ok(self.send(connection, &ServerMessage::Subscribed { topic, sequence: feed.head }).await?)
    }

    /// Refuses a follower above the limit of a channel. The check comes after the follower item is written: of several
    /// connections that subscribe at the same time all may be refused, but never too many accepted.
    async fn limit_followers(&self, channel: Channel, connection: &Connection, now: Timestamp) -> Result<(), Problem> {
        let followers = self.realtime.store.followers(channel).await?;
        let max = channel.max_followers();
        if followers.iter().filter(|follower| follower.is_alive(now)).count() <= max {
            return Ok(());
        }
        self.realtime.store.unfollow(channel, connection).await?;
        let detail = format!("At most {max} connections can subscribe to this topic at the same time.");
        Err(Problem::new(409, "too_many_connections", detail))
    }

    /// Responds that the token has expired, and closes the connection.
    async fn close_expired(&self, message: &SocketMessage, expired: Option<Connection>) -> Result<(), RealtimeError> {
        let error = ServerMessage::Error(ErrorMessage::of(&token_expired(), &message.correlation_id));
        self.clients.post(&message.connection_id, &error.to_json()).await?;
        self.clients.close(&message.connection_id).await;
        match expired {
            Some(connection) => Ok(self.realtime.store.remove_connection(&connection).await?),
            None => Ok(()),
        }
    }

    async fn send(&self, connection: &Connection, message: &ServerMessage) -> Result<(), RealtimeError> {
        self.send_text(connection, &message.to_json()).await
    }

    async fn send_text(&self, connection: &Connection, text: &str) -> Result<(), RealtimeError> {
        if self.clients.post(&connection.connection_id, text).await? == Posted::Gone {
            self.realtime.store.remove_connection(connection).await?;
        }
        Ok(())
    }
}

fn token_expired() -> Problem {
    Problem::new(401, "token_expired", "The access token has expired. Connect again with a new one.")
}

impl Realtime {
    /// Returns a channel's feed, with its life extended from now, or a new feed.
    async fn open_feed(&self, channel: Channel, now: Timestamp) -> Result<Feed, RealtimeError> {
        for attempt in 1..=MAX_ATTEMPTS {
            match self.store.feed(channel, now).await? {
                Some(feed) if self.store.extend_feed(channel, &feed, now).await? => return Ok(feed),
                Some(_) => {}
                None => {
                    let feed = Feed::begin(now);
                    if self.store.create_feed(channel, &feed, now).await? {
                        return Ok(feed);
                    }
                }
            }
            pause(attempt).await;
        }
        Err(RealtimeError::Busy)
    }
}
