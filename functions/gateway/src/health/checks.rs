//! The questions to AWS, all at once, each with a time limit; what goes wrong is logged here, and is no more than missing outside.

use std::{fmt::Display, future::Future, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{AttributeValue, TableStatus};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::{OptionFuture, join_all};
use kernel::Chain;
use lambda::Error;
use tokio::time::timeout;

use super::{
    report::{Circuit, Depth, Found, FoundConsumer, FoundProvider},
    watched::{Consumer, Watched},
};

/// How long one answer is waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// The two attributes that count a queue's messages.
const COUNTS: [QueueAttributeName; 2] =
    [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];

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
        let url = |name: &str| format!("{}/{name}", self.queues);
        let (queue, dead_letters) = (url(&consumer.queue), url(&consumer.dead_letters));
        let (queue, dead_letters) = futures::join!(self.depth(&queue), self.depth(&dead_letters));
        FoundConsumer { name: consumer.name.clone(), queue, dead_letters }
    }

    async fn depth(&self, url: &str) -> Option<Depth> {
        let asked = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(COUNTS.to_vec())).send();
        let counts = in_time(url, async { asked.await.map_err(Chain) }).await?.attributes?;
        let [waiting, in_flight] = COUNTS.map(|name| counts.get(&name)?.parse().ok());
        Some(Depth { waiting: waiting?, in_flight: in_flight? })
    }
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
