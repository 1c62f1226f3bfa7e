//! What happens, told to those who follow it.

use std::{collections::BTreeSet, time::Instant};

use contracts::{Envelope, Event, OrderEvent, UserEvent, UserField};
use dynamo::pause;
use futures::{StreamExt, stream};
use kernel::{EventId, Timestamp, UserId};
use lambda::batch::Delivery;

use crate::rollups::Rollups;

use super::{
    Realtime, RealtimeError, Teller,
    clients::Posted,
    feed::Feed,
    messages::{Message, OrderNews, OrderStatus, ShopEvent, ShopNews},
    store::Connection,
    topics::{Channel, Topic},
};

/// How often a feed is written that others write at the same time.
const TRIES: u32 = 8;

/// How many followers are told at once.
const AT_ONCE: usize = 32;

/// How it went.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Told {
    posts: usize,
    gone: usize,
    failed: usize,
}

/// Whose order an event is of.
pub fn whose(event: &OrderEvent) -> UserId {
    match event {
        OrderEvent::OrderPlaced(event) => event.user_id,
        OrderEvent::CheckoutStarted(event) => event.user_id,
        OrderEvent::OrderConfirmed(event) => event.user_id,
        OrderEvent::OrderProcessing(event) => event.user_id,
        OrderEvent::OrderShipped(event) => event.user_id,
        OrderEvent::OrderDelivered(event) => event.user_id,
        OrderEvent::OrderCancelled(event) => event.user_id,
        OrderEvent::OrderRefunded(event) => event.user_id,
    }
}

/// Tells what happened to the orders of one user. An event that was told is told again only if it was not done with: to all, with the
/// sequence that it has.
///
/// # Errors
/// When not everybody could be told: all of it comes again.
pub async fn publish_order_updates(
    teller: &Teller,
    deliveries: Vec<Delivery<OrderEvent>>,
) -> Result<(), RealtimeError> {
    let Some(user_id) = deliveries.first().map(|delivery| whose(&delivery.envelope.event)) else {
        return Ok(());
    };
    let (channel, now) = (Channel::OrdersOf(user_id), Timestamp::now());
    let messages = teller.live.add(channel, now, async |feed, me| {
        let mut messages = Vec::new();
        for delivery in &deliveries {
            let event_id = delivery.envelope.event_id.to_string();
            match feed.telling(&event_id) {
                Some(kept) if (delivery.again || kept.by == me) && !messages.contains(&kept.body) => {
                    messages.push(kept.body.clone());
                }
                Some(_) => {}
                None => messages.push(feed.add(me, vec![event_id], |sequence| news(&delivery.envelope, sequence))),
            }
        }
        Ok(messages)
    });
    let told = teller.tell_all(channel, &messages.await?, now).await?;
    if told.failed == 0 { Ok(()) } else { Err(RealtimeError::NotTold(told.failed)) }
}

fn news(envelope: &Envelope<OrderEvent>, sequence: u64) -> String {
    let news = OrderNews {
        topic: Topic::Orders,
        sequence,
        event_type: envelope.event.event_type().to_owned(),
        subject: envelope.subject.clone(),
        subject_sequence: envelope.sequence,
        time: envelope.timestamp,
        status: OrderStatus::after(&envelope.event),
    };
    Message::Event(news).to_json()
}

/// Tells what was counted, in one message. What a batch brings that was told came before and was not done with: its message is sent again.
///
/// # Errors
/// When the table does not answer.
pub async fn publish_analytics_updates(
    (teller, rollups): &(Teller, Rollups),
    counted: Vec<ShopEvent>,
) -> Result<(), RealtimeError> {
    let (channel, now) = (Channel::Analytics, Timestamp::now());
    let messages = teller.live.add(channel, now, async |feed, me| {
        let (told, new): (Vec<_>, Vec<_>) = counted.iter().partition(|event| feed.telling(&id(event)).is_some());
        let again: BTreeSet<_> =
            told.iter().filter_map(|event| feed.telling(&id(event))).map(|kept| &kept.body).collect();
        let mut messages: Vec<String> = again.into_iter().cloned().collect();
        if !new.is_empty() {
            // Read after the feed: the figures of a later message are never older.
            let today = rollups.today(now).await?;
            let ids = new.iter().map(|event| id(event)).collect();
            let events = new.into_iter().cloned().collect();
            let write = |sequence| ShopNews { topic: Topic::Analytics, sequence, events, today };
            messages.push(feed.add(me, ids, |sequence| Message::Events(write(sequence)).to_json()));
        }
        Ok(messages)
    });
    teller.tell_all(channel, &messages.await?, now).await.map(drop)
}

fn id(event: &ShopEvent) -> String {
    format!("{}/{}/{}", event.source, event.subject, event.sequence)
}

/// Ends the connections of somebody who is deleted, may do something else than before, or has another password: whoever may connect again
/// does, as what they are now.
///
/// # Errors
/// When the table does not answer.
pub async fn end_connections(teller: &Teller, envelope: Envelope<UserEvent>) -> Result<(), RealtimeError> {
    let user_id = match envelope.event {
        UserEvent::UserDeleted(user) => user.user_id,
        UserEvent::UserUpdated(user)
            if user.changed.contains(&UserField::Role) || user.changed.contains(&UserField::Password) =>
        {
            user.user_id
        }
        UserEvent::UserUpdated(_) | UserEvent::UserRegistered(_) => return Ok(()),
    };
    for connection in teller.live.store.connections_of(user_id).await? {
        teller.end(&connection).await?;
    }
    Ok(())
}

impl Realtime {
    /// Has `tell` add to a channel's feed, if it has one, and writes that; what is to be sent. `tell` is told as whom it adds: if it has to do so
    /// again, what it finds of the same name was written the time before, and only the answer to that was lost.
    async fn add(
        &self,
        channel: Channel,
        now: Timestamp,
        tell: impl AsyncFn(&mut Feed, &str) -> Result<Vec<String>, RealtimeError>,
    ) -> Result<Vec<String>, RealtimeError> {
        let me = EventId::new().to_string();
        for attempt in 1..=TRIES {
            let Some(mut feed) = self.store.feed(channel, now).await? else {
                return Ok(Vec::new());
            };
            let head = feed.head;
            let messages = tell(&mut feed, &me).await?;
            if feed.head == head || self.store.grow(channel, &feed, head).await? {
                return Ok(messages);
            }
            pause(attempt).await;
        }
        Err(RealtimeError::Busy)
    }
}

impl Teller {
    /// Sends messages, in their order, to each who follows a channel.
    async fn tell_all(&self, channel: Channel, messages: &[String], now: Timestamp) -> Result<Told, RealtimeError> {
        if messages.is_empty() {
            return Ok(Told::default());
        }
        let started = Instant::now();
        let followers = self.live.store.followers(channel).await?;
        let tell = |follower| self.tell_one(follower, messages, now);
        let told = stream::iter(&followers).map(tell).buffer_unordered(AT_ONCE);
        let told = told.fold(Told::default(), async |sum, one| sum.and(one)).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            topic = ?channel.topic(),
            messages = messages.len(),
            followers = followers.len(),
            posts = told.posts,
            gone = told.gone,
            failed = told.failed,
            duration_ms,
            "told"
        );
        Ok(told)
    }

    async fn tell_one(&self, follower: &Connection, messages: &[String], now: Timestamp) -> Told {
        match self.try_to_tell(follower, messages, now).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(connection_id = follower.connection_id, %error, "a follower was not told");
                Told { failed: 1, ..Told::default() }
            }
        }
    }

    async fn try_to_tell(
        &self,
        follower: &Connection,
        messages: &[String],
        now: Timestamp,
    ) -> Result<Told, RealtimeError> {
        let mut told = Told::default();
        if !follower.is_alive(now) {
            self.end(follower).await?;
            told.gone = 1;
            return Ok(told);
        }
        for message in messages {
            if self.clients.post(&follower.connection_id, message).await? == Posted::Gone {
                self.live.store.forget(follower).await?;
                told.gone = 1;
                return Ok(told);
            }
            told.posts += 1;
        }
        Ok(told)
    }

    /// Ends a connection, and forgets it.
    async fn end(&self, connection: &Connection) -> Result<(), RealtimeError> {
        self.clients.close(&connection.connection_id).await;
        Ok(self.live.store.forget(connection).await?)
    }
}

impl Told {
    fn and(self, other: Self) -> Self {
        Self { posts: self.posts + other.posts, gone: self.gone + other.gone, failed: self.failed + other.failed }
    }
}
