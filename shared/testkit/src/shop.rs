//! The shop, as administrators and customers use it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Person, eventually};

/// The shop, as an administrator uses it.
#[derive(Debug, Clone)]
pub struct Shop {
    admin: Person,
}

/// A product that only one test uses.
#[derive(Debug, Clone)]
pub struct Product {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

impl Shop {
    /// Logs in as the administrator.
    pub async fn open() -> Self {
        Self { admin: Person::admin().await }
    }

    /// Creates a product at 12.50 USD with `pieces` in stock.
    pub async fn product(&self, pieces: i64) -> Product {
        let product = self.unstocked_product().await;
        self.restock(&product, pieces).await;
        product
    }

    /// Creates a product at 12.50 USD without stock. Only its test changes it.
    pub async fn unstocked_product(&self) -> Product {
        let name = format!("Mug {}", &Uuid::new_v4().simple().to_string()[..8]);
        let body = json!({ "name": name, "category": "Kitchen", "price": "12.50" });
        let product = self.admin.post("/products", &body).await.expect(201);
        let id = product["id"].as_str().expect("an id").to_owned();
        Product { id, name }
    }

    /// Sets the stock of a product. The API waits some seconds until inventory has a new product, but a busy machine
    /// may take longer.
    pub async fn restock(&self, product: &Product, pieces: i64) {
        let path = format!("/products/{}/inventory", product.id);
        eventually("inventory to have a product", || async {
            let response = self.admin.put(&path, &json!({ "quantity": pieces })).await;
            if response.status == 404 {
                return Err(response.body.to_string());
            }
            response.expect(200);
            Ok(())
        })
        .await;
    }

    /// Returns the stock of a product as `(available, reserved)`.
    pub async fn stock(&self, product: &Product) -> (i64, i64) {
        let stock = self.admin.get(&format!("/products/{}/inventory", product.id)).await.expect(200);
        let number = |name: &str| stock[name].as_i64().expect("a number");
        assert_eq!(number("on_hand"), number("available") + number("reserved"));
        (number("available"), number("reserved"))
    }

    /// Waits until a product has `available` pieces, and none are reserved.
    pub async fn has_available(&self, product: &Product, available: i64) {
        eventually(&format!("{available} of {}", product.name), || async {
            match self.stock(product).await {
                stock if stock == (available, 0) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Returns the payments of an order, of which there is at most one.
    pub async fn payments(&self, order: &Value) -> Vec<Value> {
        let (user, id) = (order["user_id"].as_str().expect("a user"), order["id"].as_str().expect("an id"));
        let page = self.admin.get(&format!("/payments?user_id={user}&order_id={id}")).await.expect(200);
        page["items"].as_array().expect("a list").clone()
    }

    /// Waits until an order has one payment with this status, and returns it.
    pub async fn payment_becomes(&self, order: &Value, status: &str) -> Value {
        eventually(&format!("a payment that is {status}"), || async {
            match self.payments(order).await.as_slice() {
                [payment] if payment["status"] == status => Ok(payment.clone()),
                others => Err(format!("{others:?}")),
            }
        })
        .await
    }
}

impl Product {
    /// Returns an order line with this product, for an order that is paid later.
    pub fn order_line(&self, quantity: u32) -> Value {
        json!({ "product_id": self.id, "quantity": quantity })
    }

    /// Returns the body of a checkout of this product, paid with `method`.
    pub fn order(&self, quantity: u32, method: &str) -> Value {
        json!({ "items": [{ "product_id": self.id, "quantity": quantity }], "payment_method": method })
    }
}

impl Person {
    /// Checks out `quantity` of a product, paid with `method`, and returns the pending order.
    pub async fn check_out(&self, product: &Product, quantity: u32, method: &str) -> Value {
        let order = self.post("/checkout", &product.order(quantity, method)).await.expect(201);
        assert_eq!(order["status"], "pending");
        order
    }

    /// Returns the current state of an order.
    pub async fn order(&self, order: &Value) -> Value {
        self.get(&format!("/orders/{}", order["id"].as_str().expect("an id"))).await.expect(200)
    }

    /// Waits until an order is paid or cancelled, and returns it.
    pub async fn outcome(&self, order: &Value) -> Value {
        eventually("an order to be paid or cancelled", || async {
            let order = self.order(order).await;
            if order["status"] == "pending" { Err(order.to_string()) } else { Ok(order) }
        })
        .await
    }

    /// Waits for a mail about an order whose subject contains `what`, and returns it.
    pub async fn mail_about(&self, order: &Value, what: &str) -> Value {
        let expected = format!("a mail with {what} in the subject about {}", order["id"]);
        let look = || async { self.mails_about(order, what).await.pop().ok_or("none".to_owned()) };
        eventually(&expected, look).await
    }

    /// Returns the mails about an order whose subjects contain `what`.
    pub async fn mails_about(&self, order: &Value, what: &str) -> Vec<Value> {
        let mut mails = self.mails_with(order["id"].as_str().expect("an id")).await;
        mails.retain(|mail| mail["subject"].as_str().is_some_and(|subject| subject.contains(what)));
        mails
    }

    /// Returns the notifications about an order, as the API lists them, newest first.
    pub async fn notifications_about(&self, order: &Value) -> Vec<Value> {
        let page = self.get("/notifications?limit=100").await.expect(200);
        let items = page["items"].as_array().expect("a list").clone();
        items.into_iter().filter(|item| item["order_id"] == order["id"]).collect()
    }

    /// Waits until the API lists a notification of this type, order, channel and status, and returns it.
    pub async fn is_notified(&self, order: Option<&Value>, kind: &str, channel: &str, status: &str) -> Value {
        let expected = format!("{kind} by {channel} to be {status}");
        eventually(&expected, || async {
            let page = self.get("/notifications?limit=100").await.expect(200);
            let items = page["items"].as_array().expect("a list").clone();
            let matches = |item: &&Value| {
                item["type"] == kind
                    && item["channel"] == channel
                    && order.is_none_or(|order| item["order_id"] == order["id"])
            };
            match items.iter().find(matches) {
                Some(item) if item["status"] == status => Ok(item.clone()),
                _ => Err(page.to_string()),
            }
        })
        .await
    }
}
