//! Events of API Gateway that `lambda_http` cannot convert to a request.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::request::LambdaRequest;
use lambda_runtime::LambdaEvent;

/// Returns the event without what would make `lambda_http` panic when it converts the event to a request.
pub(super) fn convertible(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
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
    if let Some(query) = &mut request.raw_query_string
        && let Some(encoded) = encoded_query(query)
    {
        *query = encoded;
    }
    // What is not base64 is read as the text that it is.
    request.is_base64_encoded &= BASE64_STANDARD.decode(request.body.as_deref().unwrap_or_default()).is_ok();
}

/// Returns the query with every character percent-encoded that a URI must not have, such as `<`, which clients may
/// send nonetheless.
fn encoded_query(query: &str) -> Option<String> {
    let is_allowed = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    if query.bytes().all(is_allowed) {
        return None;
    }
    let mut encoded = String::with_capacity(query.len() + 16);
    for byte in query.bytes() {
        if is_allowed(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(encoded)
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
