//! How AWS is reached: one pool of connections for all of the SDK's clients and for other HTTP APIs behind AWS, and whom it trusts.

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

use crate::{Error, call_limit};

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2: <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Far below the time for an attempt: AWS is near, and connects at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What all clients of an environment share.
///
/// The SDK's own would set up TLS for each client that is made, to see whether it can, and once more with the first request.
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

/// The status and the body that a GET of `url` is answered with, whatever the status is.
///
/// The connection is a new one: nothing tries again here, and one that was kept may have died while the environment was frozen.
///
/// # Errors
/// When it is not a URL, or nobody answers.
pub async fn get(url: &str) -> Result<(u16, Vec<u8>), Error> {
    let answer = connector().call(HttpRequest::get(url)?).await?;
    let status = answer.status().as_u16();
    let body = ByteStream::new(answer.into_body()).collect().await?;
    Ok((status, body.to_vec()))
}

/// The certificate authorities of Amazon, which those of all AWS endpoints come from: reading the more than hundred of the machine
/// takes longer than all else in a start.
///
/// Who sets `SSL_CERT_FILE` or `SSL_CERT_DIR` has other endpoints in mind, and has what those say.
fn trusted() -> TlsContext {
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| std::env::var_os(name).is_some()) {
        return TlsContext::default();
    }
    amazon_roots()
}

fn amazon_roots() -> TlsContext {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // Building fails for what a server is called, of which this says nothing.
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
    async fn an_answer_is_given_whatever_its_status_is() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/api/v1/health/orders", server.local_addr().expect("an address"));
        let asked = thread::spawn(move || {
            let (mut client, _) = server.accept().expect("a client");
            let mut request = [0; 1024];
            let length = client.read(&mut request).expect("a request");
            let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 17\r\n\r\n{\"status\":\"down\"}";
            client.write_all(answer.as_bytes()).expect("an answer");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        assert_eq!(get(&url).await.expect("an answer"), (503, br#"{"status":"down"}"#.to_vec()));
        let asked = asked.join().expect("a request");
        assert!(asked.starts_with("GET /api/v1/health/orders HTTP/1.1\r\n") && asked.contains("host: 127."), "{asked}");
        assert!(get("not a URL").await.is_err());
    }

    #[test]
    fn all_of_amazons_roots_are_read_and_no_others() {
        let context = amazon_roots();
        // Ends the test where one of them is not a certificate.
        let _ = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .build();
        assert_eq!(AMAZON_ROOTS.windows(10).filter(|text| text == b"-----BEGIN").count(), 5);
        assert!(format!("{context:?}").contains("enable_native_roots: false"), "{context:?}");
    }
}
