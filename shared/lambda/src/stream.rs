//! Stream consumers. They read the events and items of their own table from its stream, without a queue.

use aws_lambda_events::dynamodb::{Event as StreamEvent, EventRecord};
use contracts::{Envelope, Event};
use dynamo::OUTBOX_KIND;
use futures::{FutureExt, TryFutureExt};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::de::DeserializeOwned;
use serde_dynamo::AttributeValue;

use crate::Error;

/// Serves one consumer of the events of the context's own table until the environment ends. Events arrive in batches
/// and in any order.
///
/// A failed batch is delivered again, in halves, and `consumer` has to ignore duplicates.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve<S, E: Event, F: Into<Error>>(
    context: S,
    consumer: impl AsyncFn(&S, Vec<Envelope<E>>) -> Result<(), F>,
) -> Result<(), Error> {
    let (context, consumer) = (&context, &consumer);
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let events = event.payload.records.iter().filter_map(envelope).collect();
        let result = async { consumer(context, events).await.map_err(Into::into) };
        result.inspect_err(|error| tracing::error!(%error, "a batch could not be consumed")).boxed_local()
    });
    Runtime::new(service).run().await
}

/// Serves one consumer of the new items of a `kind` in the context's own table until the environment ends, in the same
/// way as [`serve`].
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve_items<S, T: DeserializeOwned, F: Into<Error>>(
    context: S,
    kind: &str,
    consumer: impl AsyncFn(&S, Vec<T>) -> Result<(), F>,
) -> Result<(), Error> {
    let (context, consumer) = (&context, &consumer);
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let items = event.payload.records.iter().filter_map(|record| item(record, kind)).collect();
        let result = async { consumer(context, items).await.map_err(Into::into) };
        result.inspect_err(|error| tracing::error!(%error, "a batch could not be consumed")).boxed_local()
    });
    Runtime::new(service).run().await
}

/// Returns the item of a record if it is new and of this kind. An item that cannot be read is ignored.
fn item<T: DeserializeOwned>(record: &EventRecord, kind: &str) -> Option<T> {
    let image = record.change.new_image.clone();
    let is_of_kind = matches!(image.inner().get("kind"), Some(AttributeValue::S(found)) if found == kind);
    if record.event_name != "INSERT" || !is_of_kind {
        return None;
    }
    let read = serde_dynamo::from_item(image);
    read.inspect_err(|error| tracing::error!(%error, kind, "an item of the table cannot be read")).ok()
}

/// Returns the event in a new outbox item. An event that cannot be read is ignored, because a retry would fail, too.
fn envelope<E: Event>(record: &EventRecord) -> Option<Envelope<E>> {
    let image = record.change.new_image.inner();
    let text = |name: &str| match image.get(name) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "",
    };
    if record.event_name != "INSERT" || text("kind") != OUTBOX_KIND {
        return None;
    }
    let read = Envelope::read(text("envelope"));
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "an event of the table cannot be read");
        None
    })
}
