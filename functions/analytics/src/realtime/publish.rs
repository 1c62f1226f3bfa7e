//! Publishes live updates to the connections that follow a channel.

use std::{collections::BTreeSet, time::Instant};

use contracts::{Envelope, Event, OrderEvent, UserEvent, UserField};
use dynamo::pause;
use futures::{StreamExt, stream};
use kernel::{EventId, Timestamp, UserId};
use lambda::batch::Delivery;

use crate::rollups::Rollups;

use super::{
    LivePublisher, Realtime, RealtimeError,
    clients::Posted,
    feed::Feed,
    messages::{OrderStatus, OrderUpdate, ServerMessage, ShopEvent, ShopUpdate},
    store::Connection,
    topics::{Channel, Topic},
};

/// The maximum number of attempts to write a feed that others write at the same time.
const MAX_ATTEMPTS: u32 = 8;

/// The number of followers that get messages concurrently.
const CONCURRENCY: usize = 32;

/// The outcome of publishing to followers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    /// Messages that API Gateway accepted.
    posts: usize,
    /// Followers that were removed, because their connection was gone or their token expired.
    gone: usize,
    /// Followers that did not get all messages.
    failed: usize,
}

/// Returns the customer of the order that an event is about.
pub fn customer_of(event: &OrderEvent) -> UserId {
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

/// Publishes the events of one user's orders. An event that is already in the feed is published again only if it was
/// not published completely: to all followers, with its sequence.
///
/// # Errors
/// If a follower did not get a message. The whole batch is delivered again then.
pub async fn publish_order_updates(
    publisher: &LivePublisher,
    deliveries: Vec<Delivery<OrderEvent>>,
) -> Result<(), RealtimeError> {
    let Some(user_id) = deliveries.first().map(|delivery| customer_of(&delivery.envelope.event)) else {
        return Ok(());
    };
    let (channel, now) = (Channel::OrdersOf(user_id), Timestamp::now());
    let messages = publisher.realtime.append(channel, now, async |feed, own_id| {
        let mut messages = Vec::new();
        for delivery in &deliveries {
            let event_id = delivery.envelope.event_id.to_string();
            match feed.message_of(&event_id) {
                Some(found)
                    if (delivery.received > 1 || found.publisher == own_id) && !messages.contains(&found.body) =>
                {
                    messages.push(found.body.clone());
                }
                Some(_) => {}
                None => {
                    let update = |sequence| order_update(&delivery.envelope, sequence);
                    messages.push(feed.add(own_id, vec![event_id], update));
                }
            }
        }
        Ok(messages)
    });
    let outcome = publisher.publish(channel, &messages.await?, now).await?;
    if outcome.failed == 0 { Ok(()) } else { Err(RealtimeError::NotPublished(outcome.failed)) }
}

fn order_update(envelope: &Envelope<OrderEvent>, sequence: u64) -> String {
    let update = OrderUpdate {
        topic: Topic::Orders,
        sequence,
        event_type: envelope.event.event_type().to_owned(),
        subject: envelope.subject.clone(),
        subject_sequence: envelope.sequence,
        time: envelope.timestamp,
        status: OrderStatus::after(&envelope.event),
    };
    ServerMessage::Event(update).to_json()
}

/// Publishes the events that were counted, in one message. If an event is already in the feed, an earlier batch with it
/// was not published completely, and its message is sent again.
///
/// # Errors
/// If the table does not respond.
pub async fn publish_analytics_updates(
    (publisher, rollups): &(LivePublisher, Rollups),
    counted: Vec<ShopEvent>,
) -> Result<(), RealtimeError> {
    let (channel, now) = (Channel::Analytics, Timestamp::now());
    let messages = publisher.realtime.append(channel, now, async |feed, own_id| {
        let (known, new): (Vec<_>, Vec<_>) = counted.iter().partition(|event| feed.message_of(&id(event)).is_some());
        let again: BTreeSet<_> =
            known.iter().filter_map(|event| feed.message_of(&id(event))).map(|message| &message.body).collect();
        let mut messages: Vec<String> = again.into_iter().cloned().collect();
        if !new.is_empty() {
            // Read after the feed, so that the figures of a later message are never older.
            let today = rollups.today(now).await?;
            let ids = new.iter().map(|event| id(event)).collect();
            let events = new.into_iter().cloned().collect();
            let update = |sequence| ShopUpdate { topic: Topic::Analytics, sequence, events, today };
            messages.push(feed.add(own_id, ids, |sequence| ServerMessage::Events(update(sequence)).to_json()));
        }
        Ok(messages)
    });
    publisher.publish(channel, &messages.await?, now).await.map(drop)
}

fn id(event: &ShopEvent) -> String {
    format!("{}/{}/{}", event.source, event.subject, event.sequence)
}

/// Ends the connections of a user who was deleted, or has another role or password. Clients that may still connect do
/// so again, with the user's current role.
///
/// # Errors
/// If the table does not respond.
pub async fn end_connections(publisher: &LivePublisher, envelope: Envelope<UserEvent>) -> Result<(), RealtimeError> {
    let user_id = match envelope.event {
        UserEvent::UserDeleted(user) => user.user_id,
        UserEvent::UserUpdated(user)
            if user.changed.contains(&UserField::Role) || user.changed.contains(&UserField::Password) =>
        {
            user.user_id
        }
        UserEvent::UserUpdated(_) | UserEvent::UserRegistered(_) => return Ok(()),
    };
    for connection in publisher.realtime.store.connections_of(user_id).await? {
        publisher.end_connection(&connection).await?;
    }
    Ok(())
}

impl Realtime {
    /// Appends messages to the feed of a channel, if there is one, and returns the messages to send.
    ///
    /// `append` gets the feed and an id of this call to add messages with. When it runs again after a failed write, a
    /// message with this id comes from a write that succeeded, but whose response was lost.
    async fn append(
        &self,
        channel: Channel,
        now: Timestamp,
        append: impl AsyncFn(&mut Feed, &str) -> Result<Vec<String>, RealtimeError>,
    ) -> Result<Vec<String>, RealtimeError> {
        let own_id = EventId::new().to_string();
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(mut feed) = self.store.feed(channel, now).await? else {
                return Ok(Vec::new());
            };
            let head = feed.head;
            let messages = append(&mut feed, &own_id).await?;
            if feed.head == head || self.store.update_feed(channel, &feed, head).await? {
                return Ok(messages);
            }
            pause(attempt).await;
        }
        Err(RealtimeError::Busy)
    }
}

impl LivePublisher {
    /// Sends messages, in their order, to each follower of a channel.
    async fn publish(&self, channel: Channel, messages: &[String], now: Timestamp) -> Result<Outcome, RealtimeError> {
        if messages.is_empty() {
            return Ok(Outcome::default());
        }
        let started = Instant::now();
        let followers = self.realtime.store.followers(channel).await?;
        let publish = |follower| self.publish_to(follower, messages, now);
        let outcomes = stream::iter(&followers).map(publish).buffer_unordered(CONCURRENCY);
        let outcome = outcomes.fold(Outcome::default(), async |sum, outcome| sum.plus(outcome)).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            topic = ?channel.topic(),
            messages = messages.len(),
            followers = followers.len(),
            posts = outcome.posts,
            gone = outcome.gone,
            failed = outcome.failed,
            duration_ms,
            "published"
        );
        Ok(outcome)
    }

    async fn publish_to(&self, follower: &Connection, messages: &[String], now: Timestamp) -> Outcome {
        match self.try_publish_to(follower, messages, now).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(connection_id = follower.connection_id, %error, "a live update could not be sent");
                Outcome { failed: 1, ..Outcome::default() }
            }
        }
    }

    async fn try_publish_to(
        &self,
        follower: &Connection,
        messages: &[String],
        now: Timestamp,
    ) -> Result<Outcome, RealtimeError> {
        let mut outcome = Outcome::default();
        if !follower.is_alive(now) {
            self.end_connection(follower).await?;
            outcome.gone = 1;
            return Ok(outcome);
        }
        for message in messages {
            if self.clients.post(&follower.connection_id, message).await? == Posted::Gone {
                self.realtime.store.remove_connection(follower).await?;
                outcome.gone = 1;
                return Ok(outcome);
            }
            outcome.posts += 1;
        }
        Ok(outcome)
    }

    /// Closes a connection and removes it.
    async fn end_connection(&self, connection: &Connection) -> Result<(), RealtimeError> {
        self.clients.close(&connection.connection_id).await;
        Ok(self.realtime.store.remove_connection(connection).await?)
    }
}

impl Outcome {
    fn plus(self, other: Self) -> Self {
        Self { posts: self.posts + other.posts, gone: self.gone + other.gone, failed: self.failed + other.failed }
    }
}
