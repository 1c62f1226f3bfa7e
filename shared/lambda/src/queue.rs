//! Consumers: one queue, one function; each message succeeds or fails by itself.

use std::panic::AssertUnwindSafe;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contracts::{Envelope, EnvelopeError, Event};
use futures::{FutureExt, future::join_all};
use kernel::Chain;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use tracing::Instrument;

use crate::{Error, env};

/// A message on its way to a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// If this time fails, too, or the next, the message goes to the dead-letter queue. It holds for both, for a function that is killed the
    /// very last time says nothing; what is done then may be done twice.
    pub is_last: bool,
}

/// The dead letters of a consumer, for what it will never do: somebody sees it there at once, and not after its last try.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl DeadLetters {
    /// Of the function's queue.
    ///
    /// # Errors
    /// When `DEAD_LETTERS_URL` is not set.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self { sqs: aws_sdk_sqs::Client::new(config), url: env("DEAD_LETTERS_URL")? })
    }

    /// Puts an event there, and logs why. Who dies before the message it came in is done with puts it there again.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn put<E: Event>(&self, envelope: &Envelope<E>, why: &impl std::fmt::Display) -> Result<(), Error> {
        let sent = self.sqs.send_message().queue_url(&self.url).message_body(serde_json::to_string(envelope)?).send();
        let sent = sent.await.map_err(|error| format!("a dead letter was not taken: {}", Chain(error)))?;
        let message_id = sent.message_id.unwrap_or_default();
        tracing::error!(message_id, error = %why, "an event can never be consumed");
        Ok(())
    }
}

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
    let consumer = async |context: &S, envelope, _| consumer(context, envelope).await;
    run(u32::MAX, context, consumer).await
}

/// As [`serve`], for a consumer that does something else when it fails for the last times.
///
/// # Errors
/// As there, and when `MAX_RECEIVE_COUNT`, which is the queue's, is not set.
pub async fn serve_to_the_last<S, E: Event, F: std::fmt::Display>(
    context: S,
    consumer: impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
) -> Result<(), Error> {
    run(env("MAX_RECEIVE_COUNT")?.parse()?, context, consumer).await
}

async fn run<S, E: Event, F: std::fmt::Display>(
    most: u32,
    context: S,
    consumer: impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
) -> Result<(), Error> {
    let service =
        service_fn(|event: LambdaEvent<SqsEvent>| consume(most, &context, &consumer, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn consume<S, E: Event, F: std::fmt::Display>(
    most: u32,
    context: &S,
    consumer: &impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
    batch: SqsEvent,
) -> Result<SqsBatchResponse, Error> {
    let done = join_all(batch.records.iter().map(|message| consume_one(most, context, consumer, message))).await;
    let mut response = SqsBatchResponse::default();
    for (message, done) in batch.records.into_iter().zip(done) {
        if !done {
            response.add_failure(message.message_id.unwrap_or_default());
        }
    }
    Ok(response)
}

/// The event in a message; nothing, if it is of an unknown type and the message is done with. What is wrong is logged here.
pub(crate) fn event_in<E: Event>(message: &SqsMessage) -> Result<Option<Envelope<E>>, EnvelopeError> {
    let message_id = message.message_id.as_deref().unwrap_or_default();
    let read = Envelope::read(message.body.as_deref().unwrap_or_default());
    match &read {
        Ok(Some(_)) => {}
        Ok(None) => tracing::info!(message_id, "an event of an unknown type was passed over"),
        Err(error) => tracing::error!(message_id, %error, "a message could not be read"),
    }
    read
}

/// How often a message was handed out, this time included.
pub(crate) fn times_received(message: &SqsMessage) -> u32 {
    let received = message.attributes.get("ApproximateReceiveCount");
    received.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Whether the message is done with.
async fn consume_one<S, E: Event, F: std::fmt::Display>(
    most: u32,
    context: &S,
    consumer: &impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
    message: &SqsMessage,
) -> bool {
    let received = times_received(message);
    let delivery = Delivery { is_last: received.saturating_add(1) >= most };
    let message_id = message.message_id.as_deref().unwrap_or_default();
    let envelope = match event_in::<E>(message) {
        Ok(Some(envelope)) => envelope,
        Ok(None) => return true,
        Err(_) => return false,
    };
    let span = tracing::info_span!(
        "event",
        correlation_id = %envelope.correlation_id,
        event_type = envelope.event.event_type(),
        subject = envelope.subject,
    );
    let event_id = envelope.event_id;
    async {
        // A panic over one message must not take its whole batch along.
        let consumed = AssertUnwindSafe(async { consumer(context, envelope, delivery).await }).catch_unwind().await;
        match consumed {
            Ok(Ok(())) => {
                tracing::info!("consumed");
                true
            }
            Err(_) => {
                tracing::error!(message_id, %event_id, "the consumer panicked");
                false
            }
            Ok(Err(error)) => {
                tracing::error!(message_id, %event_id, %error, received, "an event could not be consumed");
                false
            }
        }
    }
    .instrument(span)
    .await
}
