//! What clients do: connect, ask, disconnect.

use dynamo::pause;
use kernel::Timestamp;
use lambda::{problem::Problem, socket::Frame};

use super::{
    Realtime, RealtimeError, Teller,
    clients::Posted,
    feed::Feed,
    messages::{Message, Refused, Request},
    store::Connection,
    topics::{Channel, Topic},
};

/// How often a feed is begun or prolonged that others begin or end at the same time.
const TRIES: u32 = 5;

/// `$connect`: records who is connected. Nothing can be sent before this has answered.
///
/// # Errors
/// When the table does not answer: the handshake is refused.
pub async fn connect(live: &Realtime, frame: Frame) -> Result<(), RealtimeError> {
    // A client can name this route in a frame, too.
    let visitor = frame.visitor.filter(|_| frame.is_handshake).ok_or(RealtimeError::Nobody)?;
    let connection = Connection {
        connection_id: frame.connection_id,
        user_id: visitor.caller.user_id,
        role: visitor.caller.role,
        expires_at: visitor.expires_at,
    };
    Ok(live.store.connect(&connection).await?)
}

/// `$disconnect`: forgets a connection. API Gateway does not promise to tell; what is left ends with the token.
///
/// # Errors
/// When the table does not answer.
pub async fn disconnect(live: &Realtime, frame: Frame) -> Result<(), RealtimeError> {
    if let Some(connection) = live.store.connection(&frame.connection_id).await? {
        live.store.forget(&connection).await?;
    }
    Ok(())
}

/// Any other frame: does what it asks for, or says why not.
///
/// # Errors
/// When the client cannot be told.
pub async fn message(teller: &Teller, frame: Frame) -> Result<(), RealtimeError> {
    let connection = match teller.live.store.connection(&frame.connection_id).await? {
        Some(connection) if connection.is_alive(frame.now) => connection,
        expired => return teller.show_out(&frame, expired).await,
    };
    let done = async {
        let request = frame.read(Request::read)?;
        teller.answer(&connection, request, frame.now).await
    };
    if let Err(problem) = done.await {
        let refused = Message::Error(Refused::of(&problem, &frame.correlation_id));
        teller.tell(&connection, &refused).await?;
    }
    Ok(())
}

impl Teller {
    async fn answer(&self, connection: &Connection, request: Request, now: Timestamp) -> Result<(), Problem> {
        match request {
            Request::Ping => Ok(self.tell(connection, &Message::Pong).await?),
            Request::Unsubscribe { topic } => {
                let channel = topic.channel_of(connection.user_id);
                self.live.store.unfollow(channel, connection).await?;
                Ok(self.tell(connection, &Message::Unsubscribed { topic }).await?)
            }
            Request::Subscribe { topic, last_sequence } => self.subscribe(connection, topic, last_sequence, now).await,
        }
    }

    /// The order of these steps is what lets nothing fall between; see the module's description.
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
        if !self.live.store.follow(channel, connection).await? {
            return Err(token_expired());
        }
        self.keep_within(channel, connection, now).await?;
        let feed = self.live.open(channel, now).await?;
        let missed = feed.missed(last);
        if let Some(gap) = missed.gap {
            self.tell(connection, &Message::Gap { topic, from: *gap.start(), to: *gap.end() }).await?;
        }
        for kept in missed.messages {
            self.post(connection, &kept.body).await?;
        }
        Ok(self.tell(connection, &Message::Subscribed { topic, sequence: feed.head }).await?)
    }

    /// Refuses one follower more than a channel may have. It looks when it follows: of several that come at the same moment, all may be
    /// refused, but never too many let in.
    async fn keep_within(&self, channel: Channel, connection: &Connection, now: Timestamp) -> Result<(), Problem> {
        let followers = self.live.store.followers(channel).await?;
        let most = channel.most_followers();
        if followers.iter().filter(|follower| follower.is_alive(now)).count() <= most {
            return Ok(());
        }
        self.live.store.unfollow(channel, connection).await?;
        let detail = format!("At most {most} connections can follow this at a time.");
        Err(Problem::new(409, "too_many_connections", detail))
    }

    /// Says that the token has ended, and ends the connection.
    async fn show_out(&self, frame: &Frame, expired: Option<Connection>) -> Result<(), RealtimeError> {
        let refused = Message::Error(Refused::of(&token_expired(), &frame.correlation_id));
        self.clients.post(&frame.connection_id, &refused.to_json()).await?;
        self.clients.close(&frame.connection_id).await;
        match expired {
            Some(connection) => Ok(self.live.store.forget(&connection).await?),
            None => Ok(()),
        }
    }

    async fn tell(&self, connection: &Connection, message: &Message) -> Result<(), RealtimeError> {
        self.post(connection, &message.to_json()).await
    }

    async fn post(&self, connection: &Connection, text: &str) -> Result<(), RealtimeError> {
        if self.clients.post(&connection.connection_id, text).await? == Posted::Gone {
            self.live.store.forget(connection).await?;
        }
        Ok(())
    }
}

fn token_expired() -> Problem {
    Problem::new(401, "token_expired", "The access token has ended: connect again with a fresh one.")
}

impl Realtime {
    /// A channel's feed, which lives on from now, or begins.
    async fn open(&self, channel: Channel, now: Timestamp) -> Result<Feed, RealtimeError> {
        for attempt in 1..=TRIES {
            match self.store.feed(channel, now).await? {
                Some(feed) if self.store.prolong(channel, &feed, now).await? => return Ok(feed),
                Some(_) => {}
                None => {
                    let feed = Feed::begin(now);
                    if self.store.begin(channel, &feed, now).await? {
                        return Ok(feed);
                    }
                }
            }
            pause(attempt).await;
        }
        Err(RealtimeError::Busy)
    }
}
