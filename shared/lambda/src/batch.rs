//! Consumers that get related events of a batch together, in the order in which they happened.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contracts::{Envelope, Event};
use futures::{FutureExt, future::join_all};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use tracing::Instrument;

use crate::{
    Error,
    queue::{event_in, id_of, response, succeeds, times_received},
};

/// A delivery of an event from a queue.
#[derive(Debug)]
pub struct Delivery<E> {
    /// The event.
    pub envelope: Envelope<E>,
    /// The number of deliveries of the same message, including this one. After the first, it may have been processed in
    /// part.
    pub received: u32,
}

/// Serves one consumer until the environment ends.
///
/// It works like [`crate::queue::serve`], but the events of a batch with the same `group` are consumed together, the
/// oldest first. If that fails, all of them are delivered again.
///
/// # Errors
/// If the Lambda runtime API does not respond.
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
    let (mut failed, mut groups) = (Vec::new(), BTreeMap::<String, Vec<(String, Delivery<E>)>>::new());
    for message in &batch.records {
        match event_in::<E>(message) {
            Ok(Some(envelope)) => {
                let key = group(&envelope.event);
                let delivery = Delivery { envelope, received: times_received(message) };
                groups.entry(key).or_default().push((id_of(message), delivery));
            }
            Ok(None) => {}
            Err(_) => failed.push(id_of(message)),
        }
    }
    let groups = groups.into_values().map(|mut messages| {
        messages.sort_by_key(|(_, delivery)| (delivery.envelope.timestamp, delivery.envelope.sequence));
        let (ids, deliveries): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        async move {
            let succeeded = consume_group(context, consumer, &ids, deliveries).await;
            if succeeded { Vec::new() } else { ids }
        }
    });
    failed.extend(join_all(groups).await.into_iter().flatten());
    Ok(response(failed))
}

/// Consumes one group, and returns whether that succeeded.
async fn consume_group<S, E: Event, F: std::fmt::Display>(
    context: &S,
    consumer: &impl AsyncFn(&S, Vec<Delivery<E>>) -> Result<(), F>,
    message_ids: &[String],
    deliveries: Vec<Delivery<E>>,
) -> bool {
    let received = deliveries.iter().map(|delivery| delivery.received).max().unwrap_or(1);
    // Events of one request mostly arrive together, so the fields of the last one describe the group.
    let last = deliveries.last().map(|delivery| &delivery.envelope);
    let span = tracing::info_span!(
        "events",
        events = deliveries.len(),
        correlation_id = last.map(|envelope| envelope.correlation_id.to_string()),
        event_type = last.map(|envelope| envelope.event.event_type()),
        subject = last.map(|envelope| envelope.subject.clone()),
    );
    succeeds(&message_ids.join(" "), received, async { consumer(context, deliveries).await }).instrument(span).await
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
    async fn groups_are_sorted_and_fail_independently() {
        let (carol, dave, order_id) = (UserId::new(), UserId::new(), OrderId::new());
        let batch = json!({ "Records": [
            message("carol-2", OrderShipped { order_id, user_id: carol }, 2, "1"),
            message("dave", OrderProcessing { order_id, user_id: dave }, 1, "1"),
            { "messageId": "broken", "body": "{", "attributes": {} },
            { "messageId": "unknown", "body": "{\"event_type\": \"OrderTeleported\"}", "attributes": {} },
            message("carol-1", OrderProcessing { order_id, user_id: carol }, 1, "2"),
        ]});
        let batch: SqsEvent = serde_json::from_value(batch).expect("a batch");
        let received = Mutex::new(Vec::new());
        let consumer = async |received: &Mutex<Vec<_>>, deliveries: Vec<Delivery<OrderEvent>>| {
            let is_daves = owner(&deliveries[0].envelope.event) == dave.to_string();
            let group =
                deliveries.iter().map(|delivery| (delivery.envelope.sequence, delivery.received)).collect::<Vec<_>>();
            received.lock().expect("a list").push(group);
            if is_daves { Err("no") } else { Ok(()) }
        };
        let response = consume(&received, &owner, &consumer, batch).await.expect("a response");
        let failed: Vec<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["broken", "dave"]);
        let mut received = received.into_inner().expect("a list");
        received.sort();
        assert_eq!(received, [vec![(1, 1)], vec![(1, 2), (2, 1)]]);
    }
}
