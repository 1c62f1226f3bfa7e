//! The API's reference in a browser: [Swagger UI](https://github.com/swagger-api/swagger-ui) (Apache-2.0), which the build takes from
//! a crate, so that nothing is fetched when the page is opened.

use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    problem::Problem,
};
use schemars::JsonSchema;

/// What the page may do: its own files, images within them, and calls of this API.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of the page.
#[derive(JsonSchema)]
#[schemars(rename = "DocsAsset")]
#[allow(dead_code)] // only its schema is used
enum Asset {
    #[schemars(rename = "swagger-ui-bundle.js")]
    Bundle,
    #[schemars(rename = "swagger-ui.css")]
    Style,
    #[schemars(rename = "init.js")]
    Init,
}

/// `GET /docs` and `/api/v1/docs`: the page.
pub async fn docs(_: &(), _: &Request) -> Reply {
    let page = http::content("text/html; charset=utf-8", include_str!("../../assets/docs.html"));
    Ok(page
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "public, max-age=300"))
}

/// `GET /api/v1/docs/{asset}`: its files.
pub async fn docs_asset(_: &(), request: &Request) -> Reply {
    let gzip =
        |content_type, bytes: &'static [u8]| http::content(content_type, bytes).header("content-encoding", "gzip");
    let file = match request.parameter("asset") {
        Some("swagger-ui-bundle.js") => {
            gzip("text/javascript; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")))
        }
        Some("swagger-ui.css") => {
            gzip("text/css; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")))
        }
        Some("init.js") => http::content("text/javascript; charset=utf-8", include_str!("../../assets/init.js")),
        _ => return Err(Problem::not_found("file")),
    };
    Ok(file.header("x-content-type-options", "nosniff").header("cache-control", "public, max-age=86400"))
}

/// How the document tells of them.
pub(super) fn operations() -> [Operation; 2] {
    let page = Operation::new("GET /api/v1/docs", "getDocs", "The reference of this API, to read and to try")
        .also("GET /docs", "getDocsAtRoot")
        .text(200, "The page.", &["text/html; charset=utf-8"]);
    let asset = Operation::new("GET /api/v1/docs/{asset}", "getDocsAsset", "A file of the reference's page")
        .path::<Asset>("asset", "Which file.", "init.js")
        .text(200, "The file.", &["text/css; charset=utf-8", "text/javascript; charset=utf-8"])
        .refuses(Problem::not_found("file"));
    [page, asset]
}
