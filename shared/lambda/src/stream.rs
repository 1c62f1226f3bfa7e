//! Followers: what happens in a context's own table, heard from its stream, without a queue between.

use aws_lambda_events::dynamodb::{Event as StreamEvent, EventRecord};
use contracts::{Envelope, Event};
use dynamo::OUTBOX_KIND;
use futures::{FutureExt, TryFutureExt};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::de::DeserializeOwned;
use serde_dynamo::AttributeValue;

use crate::Error;

/// Serves the events of the context's own table, a batch at a time and in any order, until the environment ends.
///
/// A batch that fails comes again, in halves: `follow` makes nothing of the second time.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve<S, E: Event, F: Into<Error>>(
    context: S,
    follow: impl AsyncFn(&S, Vec<Envelope<E>>) -> Result<(), F>,
) -> Result<(), Error> {
    let (context, follow) = (&context, &follow);
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let events = event.payload.records.iter().filter_map(envelope).collect();
        let done = async { follow(context, events).await.map_err(Into::into) };
        done.inspect_err(|error| tracing::error!(%error, "a batch is not followed yet")).boxed_local()
    });
    Runtime::new(service).run().await
}

/// Serves the new items of the context's own table that are of a `kind`, a batch at a time, as [`serve`] does its events.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve_items<S, T: DeserializeOwned, F: Into<Error>>(
    context: S,
    kind: &str,
    follow: impl AsyncFn(&S, Vec<T>) -> Result<(), F>,
) -> Result<(), Error> {
    let (context, follow) = (&context, &follow);
    let service = service_fn(|event: LambdaEvent<StreamEvent>| {
        let items = event.payload.records.iter().filter_map(|record| item(record, kind)).collect();
        let done = async { follow(context, items).await.map_err(Into::into) };
        done.inspect_err(|error| tracing::error!(%error, "a batch is not followed yet")).boxed_local()
    });
    Runtime::new(service).run().await
}

/// A new item of that kind; one that cannot be read is passed over, as in [`serve`].
fn item<T: DeserializeOwned>(record: &EventRecord, kind: &str) -> Option<T> {
    let image = record.change.new_image.clone();
    let is_of_kind = matches!(image.inner().get("kind"), Some(AttributeValue::S(found)) if found == kind);
    if record.event_name != "INSERT" || !is_of_kind {
        return None;
    }
    let read = serde_dynamo::from_item(image);
    read.inspect_err(|error| tracing::error!(%error, kind, "an item of the table cannot be read")).ok()
}

/// The event in a new outbox item. What cannot be read would not be readable the next time, either: it is passed over.
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
