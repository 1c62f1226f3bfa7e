//! The provider's secret, cached for some minutes, so that a rotated secret is used without a deployment.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use kernel::{Chain, Redacted, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::PaymentsError;

/// How long a secret is cached, in seconds.
const CACHE_SECONDS: i64 = 300;

/// The minimum time between two reads of the secret, in seconds. Without it, anonymous requests with bad signatures
/// could cause a read each.
const MIN_REFRESH_SECONDS: i64 = 60;

/// The keys in the secret: `{"api_key": …, "webhook_secret": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Keys {
    /// Authenticates our calls to the provider.
    pub(crate) api_key: Redacted<String>,
    /// Signs the provider's webhook events.
    pub(crate) webhook_secret: Redacted<String>,
}

/// A secret in Secrets Manager.
pub(crate) struct Secret {
    client: Client,
    arn: String,
    cached: Mutex<Option<(Keys, Timestamp)>>,
}

impl Secret {
    pub(crate) fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(config), arn, cached: Mutex::new(None) }
    }

    /// Returns the keys, from the cache if possible.
    pub(crate) async fn keys(&self) -> Result<Keys, PaymentsError> {
        let mut cached = self.cached.lock().await;
        let now = Timestamp::now();
        match cached.as_ref().filter(|(_, read_at)| now < read_at.plus_seconds(CACHE_SECONDS)) {
            Some((keys, _)) => Ok(keys.clone()),
            None => Ok(cached.insert((self.read().await?, now)).0.clone()),
        }
    }

    /// Returns the current keys if they differ from the `rejected` ones, with which a call or a signature failed.
    pub(crate) async fn newer(&self, rejected: &Keys) -> Result<Option<Keys>, PaymentsError> {
        let mut cached = self.cached.lock().await;
        let now = Timestamp::now();
        if let Some((keys, read_at)) = cached.as_ref()
            && (keys != rejected || now < read_at.plus_seconds(MIN_REFRESH_SECONDS))
        {
            return Ok(Some(keys.clone()).filter(|keys| keys != rejected));
        }
        let keys = cached.insert((self.read().await?, now)).0.clone();
        Ok(Some(keys).filter(|keys| keys != rejected))
    }

    async fn read(&self) -> Result<Keys, PaymentsError> {
        let unavailable = |reason: String| {
            tracing::error!(secret = self.arn, "the provider's secret cannot be read: {reason}");
            PaymentsError::Unavailable("its secret cannot be read".to_owned())
        };
        let read = self.client.get_secret_value().secret_id(&self.arn).send().await;
        let value = read.map_err(|error| unavailable(Chain(error).to_string()))?;
        let text = value.secret_string.unwrap_or_default();
        // The parser's message is not logged, because it might quote the secret.
        serde_json::from_str(&text)
            .map_err(|_| unavailable("it must be JSON with api_key and webhook_secret".to_owned()))
    }
}
