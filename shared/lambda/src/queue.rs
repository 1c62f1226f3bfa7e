//! Consumers. Each has one queue and one function, and every message succeeds or fails by itself.

use std::{future::Future, panic::AssertUnwindSafe};

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contracts::{Envelope, EnvelopeError, Event};
use futures::{FutureExt, future::join_all};
use kernel::Chain;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use tracing::Instrument;

use crate::{Error, env};

/// The delivery of a message to a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Whether this is the last delivery or the one before it. If the last one fails, the message goes to the
    /// dead-letter queue. Both count, because a function that is killed during the last one cannot do anything more.
    /// What a consumer does then may be done twice.
    pub is_last: bool,
}

/// The dead-letter queue of a consumer, for events that can never be consumed. Operators see them at once, and not
/// after the last delivery.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl DeadLetters {
    /// Creates a client for the dead-letter queue of the function.
    ///
    /// # Errors
    /// If `DEAD_LETTERS_URL` is not set.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self { sqs: aws_sdk_sqs::Client::new(config), url: env("DEAD_LETTERS_URL")? })
    }

    /// Sends an event to the dead-letter queue and logs the reason. If the function dies before its message is
    /// acknowledged, the event is sent again.
    ///
    /// # Errors
    /// If SQS does not accept it.
    pub async fn put<E: Event>(&self, envelope: &Envelope<E>, why: &impl std::fmt::Display) -> Result<(), Error> {
        let sent = self.sqs.send_message().queue_url(&self.url).message_body(serde_json::to_string(envelope)?).send();
        let sent = sent.await.map_err(|error| format!("SQS did not accept a dead letter: {}", Chain(error)))?;
        let message_id = sent.message_id.unwrap_or_default();
        tracing::error!(message_id, error = %why, "an event can never be consumed");
        Ok(())
    }
}

/// Serves one consumer until the environment ends.
///
/// SNS sends to its queue with raw delivery. Messages are delivered at least once and in any order, and `consumer` has
/// to ignore duplicates. A message that fails is delivered again, and in the end moves to the dead-letter queue.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve<S, E: Event, F: std::fmt::Display>(
    context: S,
    consumer: impl AsyncFn(&S, Envelope<E>) -> Result<(), F>,
) -> Result<(), Error> {
    let consumer = async |context: &S, envelope, _| consumer(context, envelope).await;
    run(u32::MAX, context, consumer).await
}

/// Serves one consumer that needs to know whether a delivery is the last one, until the environment ends.
///
/// # Errors
/// If `MAX_RECEIVE_COUNT`, which has the `maxReceiveCount` of the queue, is not set, or the Lambda runtime API does not
/// respond.
pub async fn serve_with_last_attempt<S, E: Event, F: std::fmt::Display>(
    context: S,
    consumer: impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
) -> Result<(), Error> {
    run(env("MAX_RECEIVE_COUNT")?.parse()?, context, consumer).await
}

async fn run<S, E: Event, F: std::fmt::Display>(
    max_receive_count: u32,
    context: S,
    consumer: impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<SqsEvent>| {
        consume(max_receive_count, &context, &consumer, event.payload).boxed_local()
    });
    Runtime::new(service).run().await
}

async fn consume<S, E: Event, F: std::fmt::Display>(
    max_receive_count: u32,
    context: &S,
    consumer: &impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
    batch: SqsEvent,
) -> Result<SqsBatchResponse, Error> {
    let results =
        join_all(batch.records.iter().map(|message| consume_one(max_receive_count, context, consumer, message)));
    let results = batch.records.iter().zip(results.await);
    Ok(response(results.filter(|(_, succeeded)| !succeeded).map(|(message, _)| id_of(message))))
}

/// Returns the response to a batch. The failed messages are delivered again, all others are deleted.
pub(crate) fn response(failed: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| response.add_failure(id));
    response
}

/// Returns the id that SQS gave to a message.
pub(crate) fn id_of(message: &SqsMessage) -> String {
    message.message_id.clone().unwrap_or_default()
}

/// Reads the event in a message, and logs errors. Returns `None` for an unknown type, which needs no further
/// processing.
pub(crate) fn event_in<E: Event>(message: &SqsMessage) -> Result<Option<Envelope<E>>, EnvelopeError> {
    let message_id = message.message_id.as_deref().unwrap_or_default();
    let read = Envelope::read(message.body.as_deref().unwrap_or_default());
    match &read {
        Ok(Some(_)) => {}
        Ok(None) => tracing::info!(message_id, "an event of an unknown type was ignored"),
        Err(error) => tracing::error!(message_id, %error, "a message could not be read"),
    }
    read
}

/// Returns the number of deliveries of a message, including this one.
pub(crate) fn times_received(message: &SqsMessage) -> u32 {
    let received = message.attributes.get("ApproximateReceiveCount");
    received.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Consumes one message, and returns whether that succeeded.
async fn consume_one<S, E: Event, F: std::fmt::Display>(
    max_receive_count: u32,
    context: &S,
    consumer: &impl AsyncFn(&S, Envelope<E>, Delivery) -> Result<(), F>,
    message: &SqsMessage,
) -> bool {
    let received = times_received(message);
    let delivery = Delivery { is_last: received.saturating_add(1) >= max_receive_count };
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
    succeeds(&id_of(message), received, async { consumer(context, envelope, delivery).await }).instrument(span).await
}

/// Runs a consumer, and returns whether it succeeded. Logs an error or a panic with the ids of the messages, by which the
/// tools find the reason of a dead letter.
pub(crate) async fn succeeds<F: std::fmt::Display>(
    message_ids: &str,
    received: u32,
    consumer: impl Future<Output = Result<(), F>>,
) -> bool {
    // A panic must not fail the other messages of the batch.
    match AssertUnwindSafe(consumer).catch_unwind().await {
        Ok(Ok(())) => tracing::info!("consumed"),
        Ok(Err(error)) => {
            tracing::error!(message_ids, received, %error, "an event could not be consumed");
            return false;
        }
        Err(_) => {
            tracing::error!(message_ids, received, "the consumer panicked");
            return false;
        }
    }
    true
}
