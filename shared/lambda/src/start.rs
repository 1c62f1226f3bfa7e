//! The start of an execution environment: logging and the SDK configuration.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, identity::IdentityCache,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_sns::config::SharedCredentialsProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{Error, https, https::call_limit};

/// Sets up logging and creates the SDK configuration, once per environment.
///
/// The configuration is read only from the variables that Lambda sets. The default loader of the SDK searches files and
/// services that do not exist in Lambda, and takes longer than the rest of a cold start.
///
/// # Errors
/// If `AWS_REGION` is not set.
pub fn start() -> Result<SdkConfig, Error> {
    log_json();
    // Below the timeout of every function, so that a call over a connection that died while the environment was frozen
    // is retried in time.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(call_limit(Duration::from_millis(2_500)))
        .operation_timeout(call_limit(Duration::from_millis(5_500)))
        .build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(https::client())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    config.set_endpoint_url(env("AWS_ENDPOINT_URL").ok());
    Ok(config.build())
}

/// Sets up logs with one JSON object per line. A line has the fields of its spans, too.
///
/// The logs of `lambda_runtime` are off: it logs every error of a function, and also refusals of workflow tasks. Errors
/// are already logged where they are handled, with the correlation id.
fn log_json() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = Targets::new().with_default(level).with_target("lambda_runtime", LevelFilter::OFF);
    let mut lines = json_subscriber::fmt::layer();
    lines.inner_layer_mut().add_static_field("function", function_name().into());
    let lines = lines
        .with_target(false)
        .flatten_event(true)
        .flatten_span_list_on_top_level(true)
        .with_current_span(false)
        .with_span_list(false);
    tracing_subscriber::registry().with(filter).with(lines).init();
}

fn function_name() -> String {
    std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default()
}

/// Returns the name of the function that this environment runs, which is `Handler:` in the template of the context.
///
/// # Errors
/// If `_HANDLER` is not set.
pub fn handler() -> Result<String, Error> {
    env("_HANDLER")
}

/// Returns an environment variable that the template sets.
///
/// # Errors
/// If it is not set.
pub fn env(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set").into())
}

/// Creates the error of a `Handler` that the binary does not have.
pub fn unknown_handler(name: &str) -> Error {
    format!("no function is called {name:?}; the `Handler` in functions/<context>/template.yaml must be one that src/main.rs lists").into()
}
