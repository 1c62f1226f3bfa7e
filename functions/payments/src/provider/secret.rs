//! The provider's secret, kept for some minutes: a new one is taken up without a deploy.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use kernel::{Chain, Redacted, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::PaymentsError;

/// How long a secret is good without another look, in seconds.
const KEPT_SECONDS: i64 = 300;

/// How long after a look somebody who doubts the secret has to wait for the next one, in seconds: strangers can make us doubt it.
const DOUBTED_SECONDS: i64 = 60;

/// What we and the provider know each other by: `{"api_key": …, "webhook_secret": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Keys {
    /// Says to the provider who asks.
    pub(crate) api_key: Redacted<String>,
    /// Signs what the provider tells unasked.
    pub(crate) webhook_secret: Redacted<String>,
}

/// A secret in Secrets Manager.
pub(crate) struct Secret {
    client: Client,
    arn: String,
    kept: Mutex<Option<(Keys, Timestamp)>>,
}

impl Secret {
    pub(crate) fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(config), arn, kept: Mutex::new(None) }
    }

    /// The keys, read at first use.
    pub(crate) async fn keys(&self) -> Result<Keys, PaymentsError> {
        let mut kept = self.kept.lock().await;
        let now = Timestamp::now();
        match kept.as_ref().filter(|(_, read_at)| now < read_at.plus_seconds(KEPT_SECONDS)) {
            Some((keys, _)) => Ok(keys.clone()),
            None => Ok(kept.insert((self.read().await?, now)).0.clone()),
        }
    }

    /// Other keys than `doubted` ones, if there are any by now.
    pub(crate) async fn newer(&self, doubted: &Keys) -> Result<Option<Keys>, PaymentsError> {
        let mut kept = self.kept.lock().await;
        let now = Timestamp::now();
        if let Some((keys, read_at)) = kept.as_ref()
            && (keys != doubted || now < read_at.plus_seconds(DOUBTED_SECONDS))
        {
            return Ok(Some(keys.clone()).filter(|keys| keys != doubted));
        }
        let keys = kept.insert((self.read().await?, now)).0.clone();
        Ok(Some(keys).filter(|keys| keys != doubted))
    }

    async fn read(&self) -> Result<Keys, PaymentsError> {
        let unavailable = |what: String| {
            tracing::error!(secret = self.arn, "the provider's secret cannot be read: {what}");
            PaymentsError::Unavailable("its secret cannot be read".to_owned())
        };
        let read = self.client.get_secret_value().secret_id(&self.arn).send().await;
        let value = read.map_err(|error| unavailable(Chain(error).to_string()))?;
        let text = value.secret_string.unwrap_or_default();
        // What is wrong with it is not told: the message might quote it.
        serde_json::from_str(&text)
            .map_err(|_| unavailable("it has to be JSON with api_key and webhook_secret".to_owned()))
    }
}
