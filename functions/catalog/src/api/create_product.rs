use contracts::StockLevel;
use kernel::{Currency, Invalid, Money, ProductId};
use lambda::{
    http::{self, Reply, Request, Response},
    input::{Amount, Fields},
    openapi::{Object, Operation},
    problem::Problem,
};
use schemars::{Schema, json_schema};
use serde_json::json;

use super::answer::{ProductAnswer, example};
use crate::{
    Catalog, Created,
    domain::{Category, Description, HIGHEST_PRICE_MINOR, Product, ProductName},
};

/// `POST /products`: takes a product into the catalog; its stock is zero.
pub async fn create_product(catalog: &Catalog, request: &Request) -> Reply {
    let product = request.body(|body| read(body, request))?;
    let same = (&*product.name, &*product.description, &*product.category, product.price);
    let claim = request.idempotency(&same)?;
    let answer = http::created(format!("/api/v1/products/{}", product.id), &ProductAnswer::from(&product))?;
    let claimed = claim.as_ref().map(|claim| (claim, &answer));
    match catalog.create(&product, claimed, request.now, &request.cause()).await? {
        Created::Done => Ok(answer.into()),
        Created::Answered(found) => catalog.replay(claim.as_ref(), &found, request.now).map(Response::from),
        Created::Exists => Err(exists()),
    }
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("POST /api/v1/products", "createProduct", "Take a product into the catalog")
        .describe("Its stock is zero.")
        .body(
            Object::new()
                .required::<ProductName>("name")
                .optional::<Description>("description")
                .required::<Category>("category")
                .required_as("price", price_schema())
                .optional::<Currency>("currency")
                .about("USD if none is given.")
                .example("a product", json!({ "name": "Mug", "category": "Kitchen", "price": "12.50" })),
        )
        .idempotent()
        .created::<ProductAnswer<'_>>("The product.", example())
        .refuses(exists())
        .refuses(Problem::new(409, "busy", "A request with this Idempotency-Key has just expired; try again."))
}

/// Whether it is a price of the catalog.
pub(super) fn is_price(price: Money) -> bool {
    (1..=HIGHEST_PRICE_MINOR).contains(&price.minor())
}

pub(super) fn out_of_range() -> Invalid {
    Invalid::new("out_of_range", "must be from 0.01 to 10000000.00")
}

fn exists() -> Problem {
    Problem::new(409, "product_exists", "There is a product with this id.")
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

/// From 0.01 to [`HIGHEST_PRICE_MINOR`].
pub(super) fn price_schema() -> Schema {
    json_schema!({
        "type": ["string", "number"],
        "pattern": r"^(?:0\.(?:0[1-9]|[1-9][0-9]?)|[1-9][0-9]{0,6}(?:\.[0-9]{1,2})?|10000000(?:\.00?)?)$",
        "minimum": 0.01,
        "maximum": HIGHEST_PRICE_MINOR / 100,
        "multipleOf": 0.01,
    })
}
