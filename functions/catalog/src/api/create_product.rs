use contracts::StockLevel;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use kernel::{Currency, Invalid, Money, ProductId};
use lambda::{
    field_schema,
    http::{self, ApiRequest, Reply, Request, Response},
    input::{Amount, InvalidFields},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{ProductResponse, example};
use crate::{
    Catalog, Created,
    domain::{Category, Description, MAX_PRICE_MINOR, Product, ProductName},
};

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/products", Access::Admin).limited(Limit::Writes);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct CreateProduct {
    name: ProductName,
    #[deserr(default)]
    description: Option<Description>,
    category: Category,
    price: Price,
    /// The default is USD.
    #[deserr(default)]
    currency: Option<Currency>,
}

/// A price that the catalog accepts, from 0.01 to [`MAX_PRICE_MINOR`].
pub(super) struct Price(Amount);

/// `POST /products`: creates a product without stock.
pub async fn create_product(catalog: &Catalog, request: Request) -> Reply {
    let product = request.json::<CreateProduct>()?.product(&request);
    let same = (&*product.name, &*product.description, &*product.category, product.price);
    let idempotency_key = request.idempotency_key(&same)?;
    let response = http::created(format!("/api/v1/products/{}", product.id), &ProductResponse::from(&product))?;
    let idempotency = idempotency_key.as_ref().map(|key| (key, &response));
    match catalog.create(&product, idempotency, request.now(), &request.cause()).await? {
        Created::Done => Ok(response.into()),
        Created::Replayed(found) => catalog.replay(idempotency_key.as_ref(), &found, request.now()).map(Response::from),
        Created::Exists => Err(exists()),
    }
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "createProduct", "Create a product")
        .describe("A new product has no stock.")
        .body(
            Form::of::<CreateProduct>()
                .example("a product", json!({ "name": "Mug", "category": "Kitchen", "price": "12.50" })),
        )
        .idempotent()
        .created::<ProductResponse<'_>>("The new product.", example())
        .refuses(exists())
        .refuses(Problem::new(409, "busy", "The response for this Idempotency-Key has just expired. Try again."))
}

fn exists() -> Problem {
    Problem::new(409, "product_exists", "A product with this id already exists.")
}

impl CreateProduct {
    fn product(self, request: &Request) -> Product {
        let Self { name, description, category, price, currency } = self;
        Product {
            id: ProductId::new(),
            name,
            description: description.unwrap_or_default(),
            category,
            price: price.of(currency.unwrap_or(Currency::Usd)),
            availability: StockLevel::SoldOut,
            stock_sequence: 0,
            created_at: request.now(),
            archived_at: None,
            version: 1,
        }
    }
}

impl Price {
    /// Returns the price in `currency`.
    pub(super) fn of(&self, currency: Currency) -> Money {
        self.0.of(currency)
    }
}

impl Deserr<InvalidFields> for Price {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        let amount = Amount::deserialize_from_value(value, location)?;
        if (1..=MAX_PRICE_MINOR).contains(&amount.minor()) {
            Ok(Self(amount))
        } else {
            let invalid = Invalid::new("out_of_range", "must be from 0.01 to 10000000.00");
            Err(InvalidFields::one(location, invalid))
        }
    }
}

field_schema!(Price, {
    "type": ["string", "number"],
    "pattern": r"^(?:0\.(?:0[1-9]|[1-9][0-9]?)|[1-9][0-9]{0,6}(?:\.[0-9]{1,2})?|10000000(?:\.00?)?)$",
    "minimum": 0.01,
    "maximum": MAX_PRICE_MINOR / 100,
    "multipleOf": 0.01,
});
