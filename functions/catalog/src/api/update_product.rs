use deserr::Deserr;
use kernel::{Currency, Invalid, ProductId};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::{InvalidFields, Rules},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
};
use schemars::JsonSchema;
use serde_json::json;

use super::{
    create_product::Price,
    response::{ProductResponse, example},
};
use crate::{
    Catalog, CatalogError,
    domain::{Category, Changes, Description, ProductName},
};

pub(crate) const ROUTE: Route = Route::new("PUT /api/v1/products/{product_id}", Access::Admin).limited(Limit::Writes);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct UpdateProduct {
    #[deserr(default)]
    name: Option<ProductName>,
    #[deserr(default)]
    description: Option<Description>,
    #[deserr(default)]
    category: Option<Category>,
    #[deserr(default)]
    price: Option<Price>,
    /// Only together with `price`.
    #[deserr(default)]
    currency: Option<Currency>,
}

/// `PUT /products/{product_id}`: changes the given fields. Existing orders keep their prices.
pub async fn update_product(catalog: &Catalog, request: Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let changes = request.json_with::<UpdateProduct>(price_with_currency)?.into();
    let product = catalog.update(id, &changes, &request).await?;
    http::ok(&ProductResponse::from(&product)).map(|response| response.header("etag", product.etag()))
}

fn price_with_currency(body: &mut Rules) {
    if body.has("currency") && !body.has("price") {
        body.refuse("price", Invalid::new("required", "is required together with `currency`"));
    }
}

impl From<UpdateProduct> for Changes {
    fn from(UpdateProduct { name, description, category, price, currency }: UpdateProduct) -> Self {
        let price = price.map(|price| (price.of(currency.unwrap_or(Currency::Usd)).minor(), currency));
        Self { name, description, category, price }
    }
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "updateProduct", "Update a product")
        .describe("Changes the given fields. Existing orders keep their prices.")
        .if_match()
        .body(Form::of::<UpdateProduct>().example("a price", json!({ "price": "1799.00" })))
        .ok::<ProductResponse<'_>>("The product after the change.", example())
        .refuses(CatalogError::Stale)
        .refuses(CatalogError::Busy)
}
