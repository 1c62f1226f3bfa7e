//! Publishers. They read the stream of a table and publish its events on the SNS topic of the context.

use aws_config::SdkConfig;
use aws_lambda_events::dynamodb::{Event as StreamEvent, EventRecord};
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use contracts::{Envelope, Event};
use dynamo::{Item, Key, OUTBOX_KIND, StoreError};
use futures::{FutureExt, TryFutureExt};
use kernel::Chain;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};

use crate::{Error, env};

/// The maximum number of events that SNS accepts in one call.
const MAX_BATCH: usize = 10;

/// The maximum size of the events in one call. SNS accepts 262,144 bytes with attributes, for which this leaves room.
const MAX_BATCH_BYTES: usize = 240_000;

struct Publisher {
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    topic: String,
    unpublished: String,
}

/// The fields of an outbox item that publishing needs.
struct OutboxEvent {
    event_type: String,
    source: String,
    correlation_id: String,
    envelope: String,
}

/// A changed item of the table that is not an outbox item.
#[derive(Debug, Clone)]
pub struct ChangedItem {
    /// The key of the item.
    pub key: Key,
    /// The new state of the item.
    pub item: Item,
}

/// Publishes the events of the context's table until the environment ends.
///
/// A batch fails, and is delivered again, only because of transient errors. An event that SNS rejects for good would
/// block all later ones. It is moved to the queue of unpublished events, which has an alarm.
///
/// # Errors
/// If `TOPIC_ARN` or `UNPUBLISHED_QUEUE_URL` is not set, or the Lambda runtime API does not respond.
pub async fn serve(config: &SdkConfig) -> Result<(), Error> {
    let publisher = Publisher::connect(config)?;
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let publisher = &publisher;
        let result = async move {
            publisher.publish(&event.payload.records.iter().filter_map(outbox_event).collect::<Vec<_>>()).await
        };
        result.inspect_err(|error| tracing::error!(%error, "a batch could not be published")).boxed_local()
    });
    Runtime::new(service).run().await
}

/// Publishes the events of the context's table, and events that `events_of` derives from other changed items, until the
/// environment ends. `published` is called with the derived events after they were published.
///
/// A failed batch is delivered again, so `events_of` has to derive the same events from the same state.
///
/// # Errors
/// If `TOPIC_ARN` or `UNPUBLISHED_QUEUE_URL` is not set, or the Lambda runtime API does not respond.
pub async fn serve_with_changes<S, E: Event>(
    config: &SdkConfig,
    context: S,
    events_of: impl AsyncFn(&S, &[ChangedItem]) -> Result<Vec<Envelope<E>>, StoreError>,
    published: impl AsyncFn(&S, &[Envelope<E>]) -> Result<(), StoreError>,
) -> Result<(), Error> {
    let publisher = Publisher::connect(config)?;
    let (publisher, context, events_of, published) = (&publisher, &context, &events_of, &published);
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let result = async move {
            let records = &event.payload.records;
            let derived = events_of(context, &records.iter().filter_map(changed_item).collect::<Vec<_>>()).await?;
            let mut events: Vec<OutboxEvent> = records.iter().filter_map(outbox_event).collect();
            for event in &derived {
                events.push(OutboxEvent::of(event)?);
            }
            publisher.publish(&events).await?;
            Ok::<_, Error>(published(context, &derived).await?)
        };
        result.inspect_err(|error| tracing::error!(%error, "a batch could not be published")).boxed_local()
    });
    Runtime::new(service).run().await
}

impl Publisher {
    fn connect(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self {
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            topic: env("TOPIC_ARN")?,
            unpublished: env("UNPUBLISHED_QUEUE_URL")?,
        })
    }

    async fn publish(&self, events: &[OutboxEvent]) -> Result<(), Error> {
        for batch in batches(events) {
            self.publish_batch(batch).await?;
        }
        // Only at debug level, because every consumer logs the event, too.
        for event in events {
            tracing::debug!(correlation_id = event.correlation_id, event_type = event.event_type, "published");
        }
        Ok(())
    }

    async fn publish_batch(&self, events: &[OutboxEvent]) -> Result<(), Error> {
        let entries: Vec<_> =
            events.iter().enumerate().map(|(index, event)| event.entry(index)).collect::<Result<_, _>>()?;
        let response = self
            .sns
            .publish_batch()
            .topic_arn(&self.topic)
            .set_publish_batch_request_entries(Some(entries))
            .send()
            .await
            .map_err(|error| format!("SNS rejected a batch: {}", Chain(error)))?;
        for failure in response.failed() {
            if !failure.sender_fault() {
                return Err(format!("SNS could not accept an event: {}", failure.code()).into());
            }
            if let Some(event) = failure.id().parse().ok().and_then(|index: usize| events.get(index)) {
                tracing::error!(event_type = event.event_type, reason = failure.code(), "an event cannot be published");
                self.move_to_unpublished(event).await?;
            }
        }
        Ok(())
    }

    async fn move_to_unpublished(&self, event: &OutboxEvent) -> Result<(), Error> {
        let sent = self.sqs.send_message().queue_url(&self.unpublished).message_body(&event.envelope).send().await;
        sent.map(drop).map_err(|error| {
            format!("an event could not be sent to the queue of unpublished events: {}", Chain(error)).into()
        })
    }
}

impl OutboxEvent {
    fn of<E: Event>(envelope: &Envelope<E>) -> Result<Self, Error> {
        Ok(Self {
            event_type: envelope.event.event_type().to_owned(),
            source: E::SOURCE.to_owned(),
            correlation_id: envelope.correlation_id.to_string(),
            envelope: serde_json::to_string(envelope)?,
        })
    }

    /// Returns the SNS message. Type and source are attributes, too, for the filters of the subscriptions.
    fn entry(&self, index: usize) -> Result<PublishBatchRequestEntry, Error> {
        let attribute = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
        Ok(PublishBatchRequestEntry::builder()
            .id(index.to_string())
            .message(&self.envelope)
            .message_attributes("event_type", attribute(&self.event_type)?)
            .message_attributes("source", attribute(&self.source)?)
            .build()?)
    }
}

/// Splits `events` into batches that SNS accepts.
fn batches(events: &[OutboxEvent]) -> Vec<&[OutboxEvent]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, event) in events.iter().enumerate() {
        if index > start && (index - start == MAX_BATCH || bytes + event.envelope.len() > MAX_BATCH_BYTES) {
            batches.push(&events[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += event.envelope.len();
    }
    batches.extend((start < events.len()).then(|| &events[start..]));
    batches
}

/// Returns the text attribute `name` of an item in the stream, or an empty text if it has none.
fn text_of(image: &serde_dynamo::Item, name: &str) -> String {
    match image.get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    }
}

/// Returns the item of a record, unless it is an outbox item.
fn changed_item(record: &EventRecord) -> Option<ChangedItem> {
    let (keys, item) = (&record.change.keys, &record.change.new_image);
    let is_event = text_of(item, "kind") == OUTBOX_KIND;
    let key = || Key::new(text_of(keys, "pk"), text_of(keys, "sk"));
    (!is_event).then(|| ChangedItem { key: key(), item: item.clone().into() })
}

/// Returns the event in a new outbox item.
fn outbox_event(record: &EventRecord) -> Option<OutboxEvent> {
    let text = |name: &str| text_of(&record.change.new_image, name);
    // An event has all of these. One without them is not lost: SNS rejects it, and it moves to the unpublished events.
    (record.event_name == "INSERT" && text("kind") == OUTBOX_KIND).then(|| OutboxEvent {
        event_type: text("event_type"),
        source: text("source"),
        correlation_id: text("correlation_id"),
        envelope: text("envelope"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> OutboxEvent {
        let text = String::new;
        OutboxEvent { event_type: text(), source: text(), correlation_id: text(), envelope: "x".repeat(bytes) }
    }

    fn sizes(events: &[OutboxEvent]) -> Vec<usize> {
        batches(events).iter().map(|batch| batch.len()).collect()
    }

    #[test]
    fn batches_respect_the_limits_of_sns() {
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&(0..23).map(|_| event(10)).collect::<Vec<_>>()), [10, 10, 3]);
        assert_eq!(sizes(&[event(100_000), event(100_000), event(100_000), event(250_000), event(1)]), [2, 1, 1, 1]);
    }
}
