//! The calls to AWS, each with a timeout. Errors are logged here; the report only shows that a value is missing.

use std::{collections::HashMap, fmt::Display, future::Future, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use dynamo::Table;
use kernel::Chain;
use serde_json::Value;
use tokio::time::timeout;

use crate::call_limit;

use super::{
    config::Consumer,
    report::{Depth, FoundConsumer},
};

/// The timeout of one call.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The attributes to read: the number of waiting messages, of messages in flight, and the dead-letter queue.
const ATTRIBUTES: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    QueueAttributeName::RedrivePolicy,
];

type Attributes = HashMap<QueueAttributeName, String>;

/// Reads attributes of SQS queues.
pub struct Queues {
    sqs: aws_sdk_sqs::Client,
}

impl Queues {
    /// Creates the SQS client.
    pub fn connect(config: &SdkConfig) -> Self {
        Self { sqs: aws_sdk_sqs::Client::new(config) }
    }

    /// Returns the number of messages in the queue at `url`, or `None` if SQS does not respond.
    pub async fn depth(&self, url: &str) -> Option<Depth> {
        depth_in(&self.attributes(url).await?)
    }

    pub(super) async fn consumer(&self, consumer: &Consumer) -> FoundConsumer {
        let attributes = self.attributes(&consumer.queue).await;
        let dead_letters = match attributes.as_ref().and_then(dead_letters_of) {
            Some(name) => self.depth(&sibling_url(&consumer.queue, &name)).await,
            None => None,
        };
        FoundConsumer { name: consumer.name.clone(), queue: attributes.as_ref().and_then(depth_in), dead_letters }
    }

    async fn attributes(&self, url: &str) -> Option<Attributes> {
        let request =
            self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(ATTRIBUTES.to_vec())).send();
        in_time(url, async { request.await.map_err(Chain) }).await?.attributes
    }
}

/// Returns whether a table accepts reads and writes.
pub(super) async fn is_active(table: &Table) -> bool {
    in_time("table", table.is_active()).await.unwrap_or(false)
}

/// Returns the URL of the queue `name` of the same account.
fn sibling_url(url: &str, name: &str) -> String {
    let account = url.rsplit_once('/').map_or(url, |(account, _)| account);
    format!("{account}/{name}")
}

fn depth_in(attributes: &Attributes) -> Option<Depth> {
    let [waiting, in_flight, _] = &ATTRIBUTES;
    let count = |name| attributes.get(name)?.parse().ok();
    Some(Depth { waiting: count(waiting)?, in_flight: count(in_flight)? })
}

/// Returns the name of the dead-letter queue in the redrive policy of a queue.
fn dead_letters_of(attributes: &Attributes) -> Option<String> {
    let policy: Value = serde_json::from_str(attributes.get(&QueueAttributeName::RedrivePolicy)?).ok()?;
    Some(policy["deadLetterTargetArn"].as_str()?.rsplit_once(':')?.1.to_owned())
}

/// Returns the result of a call to `resource`. If it fails or exceeds the timeout, it logs the reason and returns
/// `None`.
pub async fn in_time<T, E: Display>(resource: &str, call: impl Future<Output = Result<T, E>>) -> Option<T> {
    match timeout(call_limit(TIMEOUT), call).await {
        Ok(Ok(response)) => Some(response),
        Ok(Err(error)) => {
            tracing::error!(resource, %error, "a resource cannot be reached");
            None
        }
        Err(_) => {
            tracing::error!(resource, "a resource did not respond in time");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_letter_queue_is_in_the_account_of_its_queue() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:start-dead","maxReceiveCount":5}"#;
        let attributes = Attributes::from([(QueueAttributeName::RedrivePolicy, policy.to_owned())]);
        let name = dead_letters_of(&attributes).expect("a queue");
        let url = sibling_url("https://sqs.eu-central-1.amazonaws.com/000000000000/start", &name);
        assert_eq!(url, "https://sqs.eu-central-1.amazonaws.com/000000000000/start-dead");
        assert_eq!(dead_letters_of(&Attributes::new()), None);
    }
}
