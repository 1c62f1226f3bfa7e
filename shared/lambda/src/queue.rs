//! Consumers: one queue, one function; each message succeeds or fails by itself.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contracts::{Envelope, Event};
use futures::{FutureExt, future::join_all};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use tracing::Instrument;

use crate::Error;

/// Serves one consumer until the environment ends.
///
/// Its queue is fed by SNS with raw delivery. A message comes at least once, in any order; `consumer` makes nothing of the
/// second time. What it fails on stays in the queue, comes again, and in the end goes to the dead-letter queue.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve<S, E: Event, F: std::fmt::Display>(
    context: S,
    consumer: impl AsyncFn(&S, Envelope<E>) -> Result<(), F>,
) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<SqsEvent>| consume(&context, &consumer, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn consume<S, E: Event, F: std::fmt::Display>(
    context: &S,
    consumer: &impl AsyncFn(&S, Envelope<E>) -> Result<(), F>,
    batch: SqsEvent,
) -> Result<SqsBatchResponse, Error> {
    let done = join_all(batch.records.iter().map(|message| consume_one(context, consumer, message))).await;
    let mut response = SqsBatchResponse::default();
    for (message, done) in batch.records.into_iter().zip(done) {
        if !done {
            response.add_failure(message.message_id.unwrap_or_default());
        }
    }
    Ok(response)
}

/// Whether the message is done with.
async fn consume_one<S, E: Event, F: std::fmt::Display>(
    context: &S,
    consumer: &impl AsyncFn(&S, Envelope<E>) -> Result<(), F>,
    message: &SqsMessage,
) -> bool {
    let message_id = message.message_id.as_deref().unwrap_or_default();
    let envelope = match Envelope::<E>::read(message.body.as_deref().unwrap_or_default()) {
        Ok(Some(envelope)) => envelope,
        Ok(None) => {
            tracing::info!(message_id, "an event of an unknown type was passed over");
            return true;
        }
        Err(error) => {
            tracing::error!(message_id, %error, "a message could not be read");
            return false;
        }
    };
    let span = tracing::info_span!(
        "event",
        correlation_id = %envelope.correlation_id,
        event_id = %envelope.event_id,
        event_type = envelope.event.event_type(),
        subject = envelope.subject,
    );
    async {
        // A panic over one message must not take its whole batch along.
        let consumed = AssertUnwindSafe(async { consumer(context, envelope).await }).catch_unwind().await;
        match consumed {
            Ok(Ok(())) => {
                tracing::info!("consumed");
                true
            }
            Err(_) => {
                tracing::error!(message_id, "the consumer panicked");
                false
            }
            Ok(Err(error)) => {
                let received = message.attributes.get("ApproximateReceiveCount");
                tracing::error!(message_id, %error, received, "an event could not be consumed");
                false
            }
        }
    }
    .instrument(span)
    .await
}
