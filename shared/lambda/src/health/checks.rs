//! The questions to AWS, each with a time limit; what goes wrong is logged here, and is no more than missing outside.

use std::{collections::HashMap, fmt::Display, future::Future, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use dynamo::Table;
use kernel::Chain;
use serde_json::Value;
use tokio::time::timeout;

use crate::call_limit;

use super::{
    report::{Depth, FoundConsumer},
    watched::Consumer,
};

/// How long one answer is waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// What a queue is asked for: how many messages wait, how many are being handled, and where those go that are given up on.
const ATTRIBUTES: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    QueueAttributeName::RedrivePolicy,
];

type Attributes = HashMap<QueueAttributeName, String>;

/// Asks queues how they are.
pub struct Queues {
    sqs: aws_sdk_sqs::Client,
}

impl Queues {
    /// Over the environment's one configuration.
    pub fn connect(config: &SdkConfig) -> Self {
        Self { sqs: aws_sdk_sqs::Client::new(config) }
    }

    /// How many messages the queue at `url` holds, if it answers.
    pub async fn depth(&self, url: &str) -> Option<Depth> {
        depth_in(&self.attributes(url).await?)
    }

    pub(super) async fn consumer(&self, consumer: &Consumer) -> FoundConsumer {
        let attributes = self.attributes(&consumer.queue).await;
        let dead_letters = match attributes.as_ref().and_then(dead_letters_of) {
            Some(name) => self.depth(&beside(&consumer.queue, &name)).await,
            None => None,
        };
        FoundConsumer { name: consumer.name.clone(), queue: attributes.as_ref().and_then(depth_in), dead_letters }
    }

    async fn attributes(&self, url: &str) -> Option<Attributes> {
        let asked =
            self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(ATTRIBUTES.to_vec())).send();
        in_time(url, async { asked.await.map_err(Chain) }).await?.attributes
    }
}

/// Whether a table takes reads and writes.
pub(super) async fn works(table: &Table) -> bool {
    in_time("table", table.is_active()).await.unwrap_or(false)
}

/// The URL of the queue `name` of the same account.
fn beside(url: &str, name: &str) -> String {
    let account = url.rsplit_once('/').map_or(url, |(account, _)| account);
    format!("{account}/{name}")
}

fn depth_in(attributes: &Attributes) -> Option<Depth> {
    let [waiting, in_flight, _] = &ATTRIBUTES;
    let count = |name| attributes.get(name)?.parse().ok();
    Some(Depth { waiting: count(waiting)?, in_flight: count(in_flight)? })
}

/// The name of the queue of what the consumers of a queue gave up on.
fn dead_letters_of(attributes: &Attributes) -> Option<String> {
    let policy: Value = serde_json::from_str(attributes.get(&QueueAttributeName::RedrivePolicy)?).ok()?;
    Some(policy["deadLetterTargetArn"].as_str()?.rsplit_once(':')?.1.to_owned())
}

/// The answer of `resource`, if it comes in time; else why not is logged.
pub async fn in_time<T, E: Display>(resource: &str, answer: impl Future<Output = Result<T, E>>) -> Option<T> {
    match timeout(call_limit(LIMIT), answer).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::error!(resource, %error, "it cannot be reached");
            None
        }
        Err(_) => {
            tracing::error!(resource, "it did not answer in time");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_lie_in_the_account_of_their_queue() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:start-dead","maxReceiveCount":5}"#;
        let attributes = Attributes::from([(QueueAttributeName::RedrivePolicy, policy.to_owned())]);
        let name = dead_letters_of(&attributes).expect("a queue");
        let url = beside("https://sqs.eu-central-1.amazonaws.com/000000000000/start", &name);
        assert_eq!(url, "https://sqs.eu-central-1.amazonaws.com/000000000000/start-dead");
        assert_eq!(dead_letters_of(&Attributes::new()), None);
    }
}
