//! Whom the SDK trusts: the certificate authorities of Amazon, which those of all AWS endpoints come from.

use aws_config::ConfigLoader;
use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2: <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Reading the more than hundred roots of the machine takes longer than all else in a start.
///
/// Who sets `SSL_CERT_FILE` or `SSL_CERT_DIR` has other endpoints in mind, and has what those say.
pub fn amazon(loader: ConfigLoader) -> ConfigLoader {
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| std::env::var_os(name).is_some()) {
        return loader;
    }
    // As the SDK's own client is made, but for whom it trusts.
    loader.http_client(Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(amazon_roots())
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.build()
    }))
}

fn amazon_roots() -> TlsContext {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // Building fails for what a server is called, of which this says nothing.
    TlsContext::builder().with_trust_store(roots).build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
