use kernel::{Currency, Invalid, ProductId};
use lambda::{
    http::{self, Reply, Request, Response},
    input::{Amount, Fields},
    problem::Problem,
};

use super::answer::ProductAnswer;
use crate::{
    Catalog, Created,
    domain::{HIGHEST_PRICE_MINOR, Product},
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
        Created::Exists => Err(Problem::new(409, "product_exists", "There is a product with this id.")),
    }
}

fn read(body: &Fields<'_>, request: &Request) -> Option<Product> {
    let name = body.required("name");
    let description = body.optional("description");
    let category = body.required("category");
    let price = body.required::<Amount>("price");
    let currency = body.optional("currency");
    let price = price?.of(currency?.unwrap_or(Currency::Usd));
    if !(1..=HIGHEST_PRICE_MINOR).contains(&price.minor()) {
        return body.refuse("price", Invalid::new("out_of_range", "must be from 0.01 to 10000000.00"));
    }
    Some(Product {
        id: ProductId::new(),
        name: name?,
        description: description?.unwrap_or_default(),
        category: category?,
        price,
        created_at: request.now,
        version: 1,
    })
}
