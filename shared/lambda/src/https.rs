//! The HTTP client: one connection pool for all SDK clients and for other HTTP APIs on AWS, and the trusted certificate
//! authorities.

use std::{sync::LazyLock, time::Duration};

use aws_smithy_http_client::{
    ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::HttpRequest,
};
use aws_smithy_types::byte_stream::ByteStream;

use crate::Error;

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2: <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// The connect timeout. It is far below the timeout of an attempt, because AWS is near and connects at once or not at
/// all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The factor of all time limits of AWS calls if `AWS_ENDPOINT_URL` names a local engine. There, calls wait for the cores
/// of one machine, which the engine and all functions share. `localstack/engine/sam.py` multiplies the timeouts of
/// functions by the same factor.
const LOCAL_FACTOR: u32 = 3;

/// Returns the time limit of a call to AWS: `on_aws`, or three times as long at a local engine.
#[must_use]
pub fn call_limit(on_aws: Duration) -> Duration {
    if std::env::var_os("AWS_ENDPOINT_URL").is_some() { on_aws * LOCAL_FACTOR } else { on_aws }
}

/// Returns the HTTP client that all SDK clients of an environment share.
///
/// The default client of the SDK sets up TLS for each SDK client when it is created, as a check, and again with the
/// first request.
pub fn client() -> SharedHttpClient {
    http_client_fn(|_, _| CONNECTOR.clone())
}

static CONNECTOR: LazyLock<SharedHttpConnector> = LazyLock::new(connector);

fn connector() -> SharedHttpConnector {
    let connector = ConnectorBuilder::default()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(call_limit(CONNECT_TIMEOUT)).build())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(trusted())
        .proxy_config(ProxyConfig::from_env())
        .build();
    SharedHttpConnector::new(connector)
}

/// Sends a GET request to `url`, and returns the status and the body of the response, whatever the status is.
///
/// The connection is always new, because nothing is retried here and a pooled connection may have died while the
/// environment was frozen.
///
/// # Errors
/// If `url` is not a URL, or there is no response.
pub async fn get(url: &str) -> Result<(u16, Vec<u8>), Error> {
    let response = connector().call(HttpRequest::get(url)?).await?;
    let status = response.status().as_u16();
    let body = ByteStream::new(response.into_body()).collect().await?;
    Ok((status, body.to_vec()))
}

/// Returns the trusted certificate authorities: those of Amazon, which issue the certificates of all AWS endpoints.
/// Reading the more than 100 authorities of the operating system takes longer than the rest of a cold start.
///
/// `SSL_CERT_FILE` or `SSL_CERT_DIR` select other authorities, for other endpoints.
fn trusted() -> TlsContext {
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| std::env::var_os(name).is_some()) {
        return TlsContext::default();
    }
    amazon_roots()
}

fn amazon_roots() -> TlsContext {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // Building can only fail because of a server name, and this context has none.
    TlsContext::builder().with_trust_store(roots).build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    #[tokio::test]
    async fn a_response_is_returned_whatever_its_status() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/api/v1/health/orders", server.local_addr().expect("an address"));
        let server = thread::spawn(move || {
            let (mut client, _) = server.accept().expect("a client");
            let mut request = [0; 1024];
            let length = client.read(&mut request).expect("a request");
            let response = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 17\r\n\r\n{\"status\":\"down\"}";
            client.write_all(response.as_bytes()).expect("a response");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        assert_eq!(get(&url).await.expect("a response"), (503, br#"{"status":"down"}"#.to_vec()));
        let request = server.join().expect("a request");
        let is_expected =
            request.starts_with("GET /api/v1/health/orders HTTP/1.1\r\n") && request.contains("host: 127.");
        assert!(is_expected, "{request}");
        assert!(get("not a URL").await.is_err());
    }

    #[test]
    fn exactly_the_root_certificates_of_amazon_are_trusted() {
        let context = amazon_roots();
        // It panics if one of them is not a certificate.
        let _ = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .build();
        assert_eq!(AMAZON_ROOTS.windows(10).filter(|text| text == b"-----BEGIN").count(), 5);
        assert!(format!("{context:?}").contains("enable_native_roots: false"), "{context:?}");
    }
}
