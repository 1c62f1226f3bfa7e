//! The API Gateway management API, which sends messages to connections and closes them.

use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::{
    Client, config::Builder, error::SdkError, operation::post_to_connection::PostToConnectionError, primitives::Blob,
};
use kernel::Chain;
use lambda::{Error, env};

/// The clients that are connected to the stage of the WebSocket API.
#[derive(Debug, Clone)]
pub struct Clients {
    client: Client,
}

/// The outcome of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// API Gateway accepted the message.
    Accepted,
    /// The connection does not exist any more.
    Gone,
}

/// API Gateway did not accept a message. It may accept it later.
#[derive(Debug, thiserror::Error)]
#[error("a message could not be posted: {0}")]
pub struct PostError(String);

impl Clients {
    /// Creates a client of the stage at `SOCKET_ENDPOINT`.
    ///
    /// # Errors
    /// If the variable is not set.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        let config = Builder::from(config).endpoint_url(env("SOCKET_ENDPOINT")?).build();
        Ok(Self { client: Client::from_conf(config) })
    }

    /// Sends `text` to a connection.
    ///
    /// # Errors
    /// If API Gateway does not accept it.
    pub async fn post(&self, connection_id: &str, text: &str) -> Result<Posted, PostError> {
        let post = self.client.post_to_connection().connection_id(connection_id).data(Blob::new(text.as_bytes()));
        match post.send().await {
            Ok(_) => Ok(Posted::Accepted),
            Err(SdkError::ServiceError(error)) if matches!(error.err(), PostToConnectionError::GoneException(_)) => {
                Ok(Posted::Gone)
            }
            Err(error) => Err(PostError(Chain(error).to_string())),
        }
    }

    /// Closes a connection. It is no error if it has already ended.
    pub async fn close(&self, connection_id: &str) {
        let closed = self.client.delete_connection().connection_id(connection_id).send().await;
        if let Err(error) = closed
            && !error.as_service_error().is_some_and(|error| error.is_gone_exception())
        {
            tracing::warn!(connection_id, error = %Chain(error), "a connection could not be closed");
        }
    }
}
