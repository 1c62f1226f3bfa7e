use contracts::StockLevel;
use kernel::{Currency, Invalid, Money, ProductId};
use lambda::{
    http::{self, Reply, Request, Response},
    input::{Amount, Fields},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use schemars::{Schema, json_schema};
use serde_json::json;

use super::response::{ProductResponse, example};
use crate::{
    Catalog, Created,
    domain::{Category, Description, MAX_PRICE_MINOR, Product, ProductName},
};

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/products", Access::Admin).limited(Limit::Writes);

/// `POST /products`: creates a product without stock.
pub async fn create_product(catalog: &Catalog, request: &Request) -> Reply {
    let product = request.body(|body| read(body, request))?;
    let same = (&*product.name, &*product.description, &*product.category, product.price);
    let idempotency_key = request.idempotency_key(&same)?;
    let response = http::created(format!("/api/v1/products/{}", product.id), &ProductResponse::from(&product))?;
    let idempotency = idempotency_key.as_ref().map(|key| (key, &response));
    match catalog.create(&product, idempotency, request.now, &request.cause()).await? {
        Created::Done => Ok(response.into()),
        Created::Replayed(found) => catalog.replay(idempotency_key.as_ref(), &found, request.now).map(Response::from),
        Created::Exists => Err(exists()),
    }
}

/// The OpenAPI description of the endpoint.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "createProduct", "Create a product")
        .describe("A new product has no stock.")
        .body(
            Object::new()
                .required::<ProductName>("name")
                .optional::<Description>("description")
                .required::<Category>("category")
                .required_as("price", price_schema())
                .optional::<Currency>("currency")
                .description("The default is USD.")
                .example("a product", json!({ "name": "Mug", "category": "Kitchen", "price": "12.50" })),
        )
        .idempotent()
        .created::<ProductResponse<'_>>("The new product.", example())
        .refuses(exists())
        .refuses(Problem::new(409, "busy", "The response for this Idempotency-Key has just expired. Try again."))
}

/// Returns whether the catalog accepts this price.
pub(super) fn is_price(price: Money) -> bool {
    (1..=MAX_PRICE_MINOR).contains(&price.minor())
}

pub(super) fn out_of_range() -> Invalid {
    Invalid::new("out_of_range", "must be from 0.01 to 10000000.00")
}

fn exists() -> Problem {
    Problem::new(409, "product_exists", "A product with this id already exists.")
}

fn read(body: &Fields<'_>, request: &Request) -> Option<Product> {
    let name = body.required("name");
    let description = body.optional("description");
    let category = body.required("category");
    let price = body.required::<Amount>("price");
    let currency = body.optional("currency");
    let price = price?.of(currency?.unwrap_or(Currency::Usd));
    if !is_price(price) {
        return body.refuse("price", out_of_range());
    }
    Some(Product {
        id: ProductId::new(),
        name: name?,
        description: description?.unwrap_or_default(),
        category: category?,
        price,
        availability: StockLevel::SoldOut,
        stock_sequence: 0,
        created_at: request.now,
        archived_at: None,
        version: 1,
    })
}

/// The JSON Schema of a price from 0.01 to [`MAX_PRICE_MINOR`].
pub(super) fn price_schema() -> Schema {
    json_schema!({
        "type": ["string", "number"],
        "pattern": r"^(?:0\.(?:0[1-9]|[1-9][0-9]?)|[1-9][0-9]{0,6}(?:\.[0-9]{1,2})?|10000000(?:\.00?)?)$",
        "minimum": 0.01,
        "maximum": MAX_PRICE_MINOR / 100,
        "multipleOf": 0.01,
    })
}
