//! Corrects events of API Gateway that `lambda_http` cannot convert to a request.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::request::LambdaRequest;
use lambda_runtime::LambdaEvent;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The maximum length of a path, in bytes. A longer one is removed.
const MAX_PATH_BYTES: usize = 10_240;

/// The maximum length of a percent-encoded query, in bytes. A longer one is removed.
const MAX_QUERY_BYTES: usize = 3 * 10_240;

/// The ASCII characters that a URI must not have in a path or a query (RFC 3986). Other characters are always encoded.
const NOT_IN_URIS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns the event without what would make `lambda_http` panic when it converts the event.
pub(super) fn corrected(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        correct(request);
    }
    event
}

fn correct(request: &mut ApiGatewayV2httpRequest) {
    // It becomes part of the URI, whose host no function needs.
    request.headers.remove("host");
    request.request_context.domain_name = None;
    // The path, which API Gateway has decoded, may begin with what would be read as a host or a port.
    if let Some(path) = &mut request.raw_path
        && !path.starts_with('/')
    {
        path.insert(0, '/');
    }
    if let Some(query) = &mut request.raw_query_string {
        *query = percent_encoded(query);
    }
    // A URI has at most 65,534 bytes, of which a character of the path may take nine. API Gateway accepts 10,240.
    request.raw_path.take_if(|path| path.len() > MAX_PATH_BYTES);
    request.raw_query_string.take_if(|query| query.len() > MAX_QUERY_BYTES);
    // What is not base64 is read as the text that it is.
    if request.is_base64_encoded && BASE64_STANDARD.decode(request.body.as_deref().unwrap_or_default()).is_err() {
        request.is_base64_encoded = false;
    }
}

/// Returns `text` with every character percent-encoded that neither the path nor the query of a URI may have, such as `<`,
/// which clients may send nonetheless.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, NOT_IN_URIS).to_string()
}

#[cfg(test)]
mod tests {
    use lambda_http::{Request, RequestExt};
    use proptest::prelude::*;

    use super::*;

    fn request(change: impl FnOnce(&mut ApiGatewayV2httpRequest)) -> Request {
        let mut event = ApiGatewayV2httpRequest::default();
        change(&mut event);
        correct(&mut event);
        LambdaRequest::ApiGatewayV2(event).into()
    }

    #[test]
    fn a_query_that_is_not_encoded_is_read() {
        let request = request(|event| event.raw_query_string = Some("q=<b> \"ö\"&limit=5".to_owned()));
        let query = request.query_string_parameters();
        assert_eq!((query.first("q"), query.first("limit")), (Some("<b> \"ö\""), Some("5")));
    }

    #[test]
    fn a_body_that_is_not_base64_is_text() {
        let request = request(|event| {
            event.is_base64_encoded = true;
            event.body = Some("{}".to_owned());
        });
        assert_eq!(request.body().as_ref(), b"{}");
    }

    #[test]
    fn an_overlong_path_and_query_are_removed() {
        let request = request(|event| {
            event.raw_path = Some("ü".repeat(40_000));
            event.raw_query_string = Some("<".repeat(40_000));
        });
        assert_eq!(request.uri(), "/");
    }

    proptest! {
        #[test]
        fn every_event_becomes_a_request(
            host in prop::option::of("[ -~]{0,12}"),
            path in prop::option::of(".{0,30}"),
            query in prop::option::of(".{0,30}"),
            body in prop::option::of(".{0,8}"),
            is_base64_encoded in any::<bool>(),
        ) {
            request(|event| {
                if let Some(host) = host.as_deref().and_then(|host| host.parse().ok()) {
                    event.headers.insert("host", host);
                }
                event.request_context.domain_name = host;
                event.raw_path = path;
                event.raw_query_string = query;
                event.body = body;
                event.is_base64_encoded = is_base64_encoded;
            });
        }
    }
}
