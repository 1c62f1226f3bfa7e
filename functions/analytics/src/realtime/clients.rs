//! The clients' end of the connections, through API Gateway.

use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::{
    Client, config::Builder, error::SdkError, operation::post_to_connection::PostToConnectionError, primitives::Blob,
};
use kernel::Chain;
use lambda::{Error, env};

/// The connections of the socket's stage.
#[derive(Debug, Clone)]
pub struct Clients {
    client: Client,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// API Gateway took it.
    Taken,
    /// There is no such connection any more.
    Gone,
}

/// API Gateway did not take a message, and another time it may.
#[derive(Debug, thiserror::Error)]
#[error("a message could not be posted: {0}")]
pub struct PostError(String);

impl Clients {
    /// Those of the stage that the template names.
    ///
    /// # Errors
    /// When it names none.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        let config = Builder::from(config).endpoint_url(env("SOCKET_ENDPOINT")?).build();
        Ok(Self { client: Client::from_conf(config) })
    }

    /// Sends `text` to one of them.
    ///
    /// # Errors
    /// When API Gateway does not take it.
    pub async fn post(&self, connection_id: &str, text: &str) -> Result<Posted, PostError> {
        let post = self.client.post_to_connection().connection_id(connection_id).data(Blob::new(text.as_bytes()));
        match post.send().await {
            Ok(_) => Ok(Posted::Taken),
            Err(SdkError::ServiceError(error)) if matches!(error.err(), PostToConnectionError::GoneException(_)) => {
                Ok(Posted::Gone)
            }
            Err(error) => Err(PostError(Chain(error).to_string())),
        }
    }

    /// Ends one of them. That it may have ended by itself is as well.
    pub async fn close(&self, connection_id: &str) {
        let closed = self.client.delete_connection().connection_id(connection_id).send().await;
        if let Err(error) = closed
            && !error.as_service_error().is_some_and(|error| error.is_gone_exception())
        {
            tracing::warn!(connection_id, error = %Chain(error), "a connection could not be closed");
        }
    }
}
