//! Publishers: a table's stream in, the context's SNS topic out.

use aws_config::SdkConfig;
use aws_lambda_events::dynamodb::{Event as StreamEvent, EventRecord};
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use contracts::{Envelope, Event};
use dynamo::{Item, Key, OUTBOX_KIND, StoreError};
use futures::{FutureExt, TryFutureExt};
use kernel::Chain;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};

use crate::{Error, env};

/// The most events that SNS takes in one call.
const BATCH: usize = 10;

/// The most bytes that SNS takes in one call are 262,144, attributes counted; this leaves room for those.
const BATCH_BYTES: usize = 240_000;

struct Publisher {
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    topic: String,
    unpublished: String,
}

/// An outbox item, as much of it as publishing needs.
struct Outgoing {
    event_type: String,
    source: String,
    correlation_id: String,
    envelope: String,
}

/// An item that is no outbox item, as its table's stream has it.
#[derive(Debug, Clone)]
pub struct Streamed {
    /// Where it lies.
    pub key: Key,
    /// What it is since.
    pub item: Item,
}

/// Publishes the events of the context's table until the environment ends.
///
/// It fails a batch, which then comes again, only for faults that pass. An event that SNS will never take would block all that
/// follow it: it is parked in the queue of unpublished events, where an alarm shows it.
///
/// # Errors
/// When `TOPIC_ARN` or `UNPUBLISHED_QUEUE_URL` is not set, or the runtime API is gone.
pub async fn serve(config: &SdkConfig) -> Result<(), Error> {
    let publisher = Publisher::connect(config)?;
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let publisher = &publisher;
        let published = async move {
            publisher.publish(&event.payload.records.iter().filter_map(outgoing).collect::<Vec<_>>()).await
        };
        published.inspect_err(|error| tracing::error!(%error, "a batch is not published yet")).boxed_local()
    });
    Runtime::new(service).run().await
}

/// As [`serve`], for a table of which more than its outbox is told: `tell` makes events of the other items that changed, and once these
/// are published `told` has them.
///
/// A batch that fails comes again, so that `tell` has to make the same events of the same state.
///
/// # Errors
/// As there.
pub async fn serve_telling<S, E: Event>(
    config: &SdkConfig,
    context: S,
    tell: impl AsyncFn(&S, &[Streamed]) -> Result<Vec<Envelope<E>>, StoreError>,
    told: impl AsyncFn(&S, &[Envelope<E>]) -> Result<(), StoreError>,
) -> Result<(), Error> {
    let publisher = Publisher::connect(config)?;
    let (publisher, context, tell, told) = (&publisher, &context, &tell, &told);
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let published = async move {
            let records = &event.payload.records;
            let events = tell(context, &records.iter().filter_map(changed).collect::<Vec<_>>()).await?;
            let mut outgoing: Vec<Outgoing> = records.iter().filter_map(outgoing).collect();
            for event in &events {
                outgoing.push(Outgoing::of(event)?);
            }
            publisher.publish(&outgoing).await?;
            Ok::<_, Error>(told(context, &events).await?)
        };
        published.inspect_err(|error| tracing::error!(%error, "a batch is not published yet")).boxed_local()
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

    async fn publish(&self, outgoing: &[Outgoing]) -> Result<(), Error> {
        for events in batches(outgoing) {
            self.publish_batch(events).await?;
        }
        // Who hears of it says so; a line more for every event would say the same.
        for event in outgoing {
            tracing::debug!(correlation_id = event.correlation_id, event_type = event.event_type, "published");
        }
        Ok(())
    }

    async fn publish_batch(&self, events: &[Outgoing]) -> Result<(), Error> {
        let entries: Vec<_> =
            events.iter().enumerate().map(|(index, event)| event.entry(index)).collect::<Result<_, _>>()?;
        let answer = self
            .sns
            .publish_batch()
            .topic_arn(&self.topic)
            .set_publish_batch_request_entries(Some(entries))
            .send()
            .await
            .map_err(|error| format!("SNS did not take a batch: {}", Chain(error)))?;
        for failure in answer.failed() {
            if !failure.sender_fault() {
                return Err(format!("SNS could not take an event: {}", failure.code()).into());
            }
            if let Some(event) = failure.id().parse().ok().and_then(|index: usize| events.get(index)) {
                tracing::error!(event_type = event.event_type, reason = failure.code(), "an event cannot be published");
                self.park(event).await?;
            }
        }
        Ok(())
    }

    async fn park(&self, event: &Outgoing) -> Result<(), Error> {
        let sent = self.sqs.send_message().queue_url(&self.unpublished).message_body(&event.envelope).send().await;
        sent.map(drop).map_err(|error| format!("an unpublished event was not parked: {}", Chain(error)).into())
    }
}

impl Outgoing {
    fn of<E: Event>(envelope: &Envelope<E>) -> Result<Self, Error> {
        Ok(Self {
            event_type: envelope.event.event_type().to_owned(),
            source: E::SOURCE.to_owned(),
            correlation_id: envelope.correlation_id.to_string(),
            envelope: serde_json::to_string(envelope)?,
        })
    }

    /// An SNS message; type and source are attributes too, for the filters of its subscribers.
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

/// `events` in batches that SNS takes: not too many, not too large.
fn batches(events: &[Outgoing]) -> Vec<&[Outgoing]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, event) in events.iter().enumerate() {
        if index > start && (index - start == BATCH || bytes + event.envelope.len() > BATCH_BYTES) {
            batches.push(&events[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += event.envelope.len();
    }
    batches.extend((start < events.len()).then(|| &events[start..]));
    batches
}

/// The text attribute `name` of an item in the stream; empty if it has none.
fn text_of(image: &serde_dynamo::Item, name: &str) -> String {
    match image.get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    }
}

/// The item that a record is of, if it is no outbox item.
fn changed(record: &EventRecord) -> Option<Streamed> {
    let (keys, item) = (&record.change.keys, &record.change.new_image);
    let is_event = text_of(item, "kind") == OUTBOX_KIND;
    (!is_event).then(|| Streamed { key: Key::new(text_of(keys, "pk"), text_of(keys, "sk")), item: item.clone().into() })
}

/// The event in a new outbox item.
fn outgoing(record: &EventRecord) -> Option<Outgoing> {
    let text = |name: &str| text_of(&record.change.new_image, name);
    // An event lacks nothing of this, but one that did must not be lost: SNS refuses it, and it is parked.
    (record.event_name == "INSERT" && text("kind") == OUTBOX_KIND).then(|| Outgoing {
        event_type: text("event_type"),
        source: text("source"),
        correlation_id: text("correlation_id"),
        envelope: text("envelope"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Outgoing {
        let text = String::new;
        Outgoing { event_type: text(), source: text(), correlation_id: text(), envelope: "x".repeat(bytes) }
    }

    fn sizes(events: &[Outgoing]) -> Vec<usize> {
        batches(events).iter().map(|batch| batch.len()).collect()
    }

    #[test]
    fn a_batch_is_neither_too_long_nor_too_large() {
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&(0..23).map(|_| event(10)).collect::<Vec<_>>()), [10, 10, 3]);
        assert_eq!(sizes(&[event(100_000), event(100_000), event(100_000), event(250_000), event(1)]), [2, 1, 1, 1]);
    }
}
