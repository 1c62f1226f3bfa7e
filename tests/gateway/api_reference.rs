//! The OpenAPI document and its page, which loads nothing from other hosts.

use reqwest::{Method, Response, header::CONTENT_TYPE};
use serde_json::Value;
use testkit::Person;

async fn fetch(path: &str) -> Response {
    let response = Person::anonymous().request_at(Method::GET, path).send().await.expect("a response");
    assert_eq!(response.status(), 200, "{path}");
    response
}

#[tokio::test]
async fn the_document_is_the_checked_in_one() {
    let checked_in: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    for path in ["/openapi.json", "/api/v1/openapi.json"] {
        assert_eq!(fetch(path).await.json::<Value>().await.unwrap(), checked_in, "{path}");
    }
}

#[tokio::test]
async fn the_page_uses_only_its_own_files() {
    for path in ["/docs", "/api/v1/docs"] {
        let page = fetch(path).await;
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        let html = page.text().await.unwrap();
        assert!(html.contains("<title>Waybill API</title>") && !html.contains("://"), "{html}");
        for file in ["swagger-ui-bundle.js", "swagger-ui.css", "init.js"] {
            assert!(html.contains(&format!("\"/api/v1/docs/{file}\"")), "{html}");
        }
    }
}

#[tokio::test]
async fn the_files_of_the_page_are_complete() {
    for (file, content_type, min_size) in [
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8", 300_000),
        ("swagger-ui.css", "text/css; charset=utf-8", 20_000),
    ] {
        let asset = fetch(&format!("/api/v1/docs/{file}")).await;
        assert_eq!(asset.headers()[CONTENT_TYPE], content_type);
        assert_eq!(asset.headers()["content-encoding"], "gzip");
        let bytes = asset.bytes().await.unwrap();
        assert!(bytes.len() > min_size && bytes.starts_with(&[0x1f, 0x8b]), "{file} has {} bytes", bytes.len());
    }
    let init = fetch("/api/v1/docs/init.js").await.text().await.unwrap();
    assert!(init.contains("/api/v1/openapi.json"), "{init}");
    assert_eq!(Person::anonymous().get("/docs/package.json").await.expect(404)["code"], "not_found");
}
