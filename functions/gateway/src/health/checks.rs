//! The questions to AWS, all at once, each with a time limit; what goes wrong is logged here, and is no more than missing outside.

use std::{collections::HashMap, fmt::Display, future::Future, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{AttributeValue, TableStatus};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::{OptionFuture, join_all};
use kernel::Chain;
use lambda::Error;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    report::{Circuit, Depth, Found, FoundConsumer, FoundProvider},
    watched::{Consumer, Watched},
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

/// Asks tables and queues how they are.
pub struct Checks {
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    /// The URL of the queue of unpublished events.
    unpublished: String,
    /// How the URLs of all queues begin.
    queues: String,
}

impl Checks {
    /// Over the environment's one configuration. The URL of one queue tells how the others' begin.
    ///
    /// # Errors
    /// When it is not a URL.
    pub fn connect(config: &SdkConfig, unpublished: String) -> Result<Self, Error> {
        let (queues, _) =
            unpublished.rsplit_once('/').ok_or_else(|| format!("{unpublished:?} is not the URL of a queue"))?;
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            queues: queues.to_owned(),
            unpublished,
        })
    }

    /// How a context's table and queues are.
    pub async fn context(&self, watched: &Watched) -> Found {
        let table = OptionFuture::from(watched.table.as_deref().map(|name| self.table(name)));
        let consumers = join_all(watched.consumers.iter().map(|consumer| self.consumer(consumer)));
        let provider = watched.provider.as_deref().zip(watched.table.as_deref());
        let provider = OptionFuture::from(provider.map(|(provider, table)| self.provider(table, provider)));
        let (table_works, consumers, provider) = futures::join!(table, consumers, provider);
        Found { table_works, consumers, provider }
    }

    /// How many events could not be published.
    pub async fn unpublished(&self) -> Option<Depth> {
        self.depth(&self.unpublished).await
    }

    /// Whether a table works; one that is being updated does.
    async fn table(&self, name: &str) -> bool {
        let asked = self.dynamodb.describe_table().table_name(name).send();
        let answer = in_time(name, async { asked.await.map_err(Chain) }).await;
        let status = answer.and_then(|answer| answer.table?.table_status);
        matches!(status, Some(TableStatus::Active | TableStatus::Updating))
    }

    /// Whether payments asks its provider: what it wrote down of that in its table, which is nothing as long as all was well.
    async fn provider(&self, table: &str, provider: &str) -> Option<FoundProvider> {
        let key = [("pk", "CIRCUIT"), ("sk", provider)];
        let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
        let asked = self.dynamodb.get_item().table_name(table).set_key(Some(key.into()));
        let asked = asked.projection_expression("#state, since").expression_attribute_names("#state", "state").send();
        let Some(item) = in_time(provider, async { asked.await.map_err(Chain) }).await?.item else {
            return Some(FoundProvider { circuit: Circuit::Closed, since: None });
        };
        let read = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let found = read("state").and_then(|state| Circuit::read(state)).zip(read("since"));
        let found =
            found.and_then(|(circuit, since)| Some(FoundProvider { circuit, since: Some(since.parse().ok()?) }));
        if found.is_none() {
            tracing::error!(provider, "its circuit cannot be read");
        }
        found
    }

    async fn consumer(&self, consumer: &Consumer) -> FoundConsumer {
        let attributes = self.attributes(&self.url(&consumer.queue)).await;
        let dead_letters = match attributes.as_ref().and_then(dead_letters_of) {
            Some(name) => self.depth(&self.url(&name)).await,
            None => None,
        };
        FoundConsumer { name: consumer.name.clone(), queue: attributes.as_ref().and_then(depth_in), dead_letters }
    }

    async fn depth(&self, url: &str) -> Option<Depth> {
        depth_in(&self.attributes(url).await?)
    }

    async fn attributes(&self, url: &str) -> Option<Attributes> {
        let asked =
            self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(ATTRIBUTES.to_vec())).send();
        in_time(url, async { asked.await.map_err(Chain) }).await?.attributes
    }

    fn url(&self, queue: &str) -> String {
        format!("{}/{queue}", self.queues)
    }
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

/// The answer of `resource`, if it comes in time.
async fn in_time<T, E: Display>(resource: &str, answer: impl Future<Output = Result<T, E>>) -> Option<T> {
    match timeout(LIMIT, answer).await {
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
