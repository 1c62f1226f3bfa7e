use kernel::{Currency, Invalid, ProductId};
use lambda::{
    http::{self, Reply, Request},
    input::{Amount, Fields},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};
use serde_json::json;

use super::{
    create_product::{is_price, out_of_range, price_schema},
    response::{ProductResponse, example},
};
use crate::{
    Catalog, CatalogError,
    domain::{Category, Changes, Description, ProductName},
};

pub(crate) const ROUTE: Route = Route::new("PUT /api/v1/products/{product_id}", Access::Admin).limited(Limit::Writes);

/// `PUT /products/{product_id}`: changes the given fields. Existing orders keep their prices.
pub async fn update_product(catalog: &Catalog, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let changes = request.body(read)?;
    let product = catalog.update(id, &changes, request).await?;
    http::ok(&ProductResponse::from(&product)).map(|response| response.header("etag", product.etag()))
}

fn read(body: &Fields<'_>) -> Option<Changes> {
    let name = body.optional::<ProductName>("name");
    let description = body.optional::<Description>("description");
    let category = body.optional::<Category>("category");
    let price = body.optional::<Amount>("price");
    let currency = body.optional::<Currency>("currency");
    let price = match (price?, currency?) {
        (Some(price), currency) => {
            let price = price.of(currency.unwrap_or(Currency::Usd));
            if !is_price(price) {
                return body.refuse("price", out_of_range());
            }
            Some((price.minor(), currency))
        }
        (None, Some(_)) => {
            return body.refuse("price", Invalid::new("required", "is required together with `currency`"));
        }
        (None, None) => None,
    };
    Some(Changes { name: name?, description: description?, category: category?, price })
}

/// The OpenAPI description of the endpoint.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "updateProduct", "Update a product")
        .describe("Changes the given fields. Existing orders keep their prices.")
        .if_match()
        .body(
            Object::new()
                .optional::<ProductName>("name")
                .optional::<Description>("description")
                .optional::<Category>("category")
                .optional_as("price", price_schema())
                .optional::<Currency>("currency")
                .description("Only together with `price`.")
                .example("a price", json!({ "price": "1799.00" })),
        )
        .ok::<ProductResponse<'_>>("The product after the change.", example())
        .refuses(CatalogError::Stale)
        .refuses(CatalogError::Busy)
}
