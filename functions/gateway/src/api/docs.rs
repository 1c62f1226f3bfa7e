//! The API reference as a web page: [Swagger UI](https://github.com/swagger-api/swagger-ui) (Apache-2.0). The build
//! takes it from a crate, so that the page loads nothing from other hosts.

use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
    problem::Problem,
};
use schemars::JsonSchema;

/// The content security policy: the page's own files, images within them, and calls of this API.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of the page.
#[derive(JsonSchema)]
#[schemars(rename = "DocsAsset")]
#[allow(dead_code)] // only the schema is used
enum Asset {
    #[schemars(rename = "swagger-ui-bundle.js")]
    Bundle,
    #[schemars(rename = "swagger-ui.css")]
    Style,
    #[schemars(rename = "init.js")]
    Init,
}

pub(crate) const GET_DOCS: Route = Route::new("GET /api/v1/docs", Access::Anyone);
pub(crate) const GET_DOCS_AT_ROOT: Route = Route::new("GET /docs", Access::Anyone);
pub(crate) const GET_DOCS_ASSET: Route = Route::new("GET /api/v1/docs/{asset}", Access::Anyone);

/// `GET /docs` and `/api/v1/docs`: returns the page.
pub async fn docs(_: &(), _: Request) -> Reply {
    let page = http::content("text/html; charset=utf-8", include_str!("../../assets/docs.html"));
    Ok(page
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "public, max-age=300"))
}

/// `GET /api/v1/docs/{asset}`: returns a file of the page.
pub async fn docs_asset(_: &(), request: Request) -> Reply {
    let gzip =
        |content_type, bytes: &'static [u8]| http::content(content_type, bytes).header("content-encoding", "gzip");
    let file = match request.path_parameter("asset") {
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

/// Describes the endpoints in the OpenAPI document.
pub(super) fn operations() -> [Operation; 2] {
    let page = Operation::new(GET_DOCS, "getDocs", "Get the API reference as a web page")
        .also(GET_DOCS_AT_ROOT, "getDocsAtRoot")
        .text(200, "The page.", &["text/html; charset=utf-8"]);
    let asset = Operation::new(GET_DOCS_ASSET, "getDocsAsset", "Get a file of the API reference")
        .path::<Asset>("asset", "The name of the file.", "init.js")
        .text(200, "The file.", &["text/css; charset=utf-8", "text/javascript; charset=utf-8"])
        .refuses(Problem::not_found("file"));
    [page, asset]
}
