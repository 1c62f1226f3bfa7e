//! Consumers that take what belongs together in a batch at once, in the order in which it happened.

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contracts::{Envelope, Event};
use futures::{FutureExt, future::join_all};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use tracing::Instrument;

use crate::{
    Error,
    queue::{event_in, times_received},
};

/// An event as the queue brought it.
#[derive(Debug)]
pub struct Delivery<E> {
    /// The event.
    pub envelope: Envelope<E>,
    /// Whether this very message was handed out before, and was not done with.
    pub again: bool,
}

/// Serves one consumer until the environment ends, as [`crate::queue::serve`] does; but the events of a batch of the same `group` are
/// consumed together, the oldest first, and come again together if that fails.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve<S, E: Event, F: std::fmt::Display>(
    context: S,
    group: impl Fn(&E) -> String,
    consumer: impl AsyncFn(&S, Vec<Delivery<E>>) -> Result<(), F>,
) -> Result<(), Error> {
    let service =
        service_fn(|event: LambdaEvent<SqsEvent>| consume(&context, &group, &consumer, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn consume<S, E: Event, F: std::fmt::Display>(
    context: &S,
    group: &impl Fn(&E) -> String,
    consumer: &impl AsyncFn(&S, Vec<Delivery<E>>) -> Result<(), F>,
    batch: SqsEvent,
) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    let mut groups: BTreeMap<String, Vec<(String, Delivery<E>)>> = BTreeMap::new();
    for message in batch.records {
        let id = message.message_id.clone().unwrap_or_default();
        match event_in::<E>(&message) {
            Ok(Some(envelope)) => {
                let key = group(&envelope.event);
                let again = times_received(&message) > 1;
                groups.entry(key).or_default().push((id, Delivery { envelope, again }));
            }
            Ok(None) => {}
            Err(_) => response.add_failure(id),
        }
    }
    let groups = groups.into_values().map(|mut messages| {
        messages.sort_by_key(|(_, delivery)| (delivery.envelope.timestamp, delivery.envelope.sequence));
        let (ids, deliveries): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        async move {
            let done = consume_group(context, consumer, &ids, deliveries).await;
            (ids, done)
        }
    });
    for (ids, done) in join_all(groups).await {
        if !done {
            ids.into_iter().for_each(|id| response.add_failure(id));
        }
    }
    Ok(response)
}

/// Whether the group is done with.
async fn consume_group<S, E: Event, F: std::fmt::Display>(
    context: &S,
    consumer: &impl AsyncFn(&S, Vec<Delivery<E>>) -> Result<(), F>,
    message_ids: &[String],
    deliveries: Vec<Delivery<E>>,
) -> bool {
    let events = deliveries.len();
    // Those that follow from one request mostly come together: the last one's names stand for all.
    let last = deliveries.last().map(|delivery| &delivery.envelope);
    let span = tracing::info_span!(
        "events",
        events,
        correlation_id = last.map(|envelope| envelope.correlation_id.to_string()),
        event_type = last.map(|envelope| envelope.event.event_type()),
        subject = last.map(|envelope| envelope.subject.clone()),
    );
    // By these a dead letter is told why it died.
    let message_ids = message_ids.join(" ");
    async {
        // A panic over one group must not take the whole batch along.
        match AssertUnwindSafe(async { consumer(context, deliveries).await }).catch_unwind().await {
            Ok(Ok(())) => {
                tracing::info!("consumed");
                true
            }
            Ok(Err(error)) => {
                tracing::error!(message_ids, %error, "events could not be consumed");
                false
            }
            Err(_) => {
                tracing::error!(message_ids, "the consumer panicked");
                false
            }
        }
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use contracts::{OrderEvent, OrderProcessing, OrderShipped};
    use kernel::{OrderId, Timestamp, UserId};
    use serde_json::{Value, json};

    use super::*;

    fn message(id: &str, event: impl Into<OrderEvent>, sequence: u64, received: &str) -> Value {
        let cause = contracts::Cause::own();
        let envelope = Envelope::new(event.into(), "an order", sequence, Timestamp::from_millis(7), &cause);
        let body = serde_json::to_string(&envelope).expect("JSON");
        json!({ "messageId": id, "body": body, "attributes": { "ApproximateReceiveCount": received } })
    }

    fn owner(event: &OrderEvent) -> String {
        match event {
            OrderEvent::OrderProcessing(event) => event.user_id.to_string(),
            OrderEvent::OrderShipped(event) => event.user_id.to_string(),
            _ => String::new(),
        }
    }

    #[tokio::test]
    async fn groups_are_in_order_and_fail_by_themselves() {
        let (carol, dave, order_id) = (UserId::new(), UserId::new(), OrderId::new());
        let batch = json!({ "Records": [
            message("carol-2", OrderShipped { order_id, user_id: carol }, 2, "1"),
            message("dave", OrderProcessing { order_id, user_id: dave }, 1, "1"),
            { "messageId": "broken", "body": "{", "attributes": {} },
            { "messageId": "unknown", "body": "{\"event_type\": \"OrderTeleported\"}", "attributes": {} },
            message("carol-1", OrderProcessing { order_id, user_id: carol }, 1, "2"),
        ]});
        let batch: SqsEvent = serde_json::from_value(batch).expect("a batch");
        let seen = Mutex::new(Vec::new());
        let consumer = async |seen: &Mutex<Vec<_>>, deliveries: Vec<Delivery<OrderEvent>>| {
            let is_daves = owner(&deliveries[0].envelope.event) == dave.to_string();
            let heard =
                deliveries.iter().map(|delivery| (delivery.envelope.sequence, delivery.again)).collect::<Vec<_>>();
            seen.lock().expect("a list").push(heard);
            if is_daves { Err("no") } else { Ok(()) }
        };
        let response = consume(&seen, &owner, &consumer, batch).await.expect("an answer");
        let failed: Vec<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["broken", "dave"]);
        let mut seen = seen.into_inner().expect("a list");
        seen.sort();
        assert_eq!(seen, [vec![(1, false)], vec![(1, true), (2, false)]]);
    }
}
