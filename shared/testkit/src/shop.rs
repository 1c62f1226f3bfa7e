//! The shop, as those who run it and those who buy there see it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Person, eventually};

/// The shop, over an administrator's shoulder.
#[derive(Debug, Clone)]
pub struct Shop {
    admin: Person,
}

/// A product that one test has to itself.
#[derive(Debug, Clone)]
pub struct Product {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
}

impl Shop {
    /// Opens it.
    pub async fn open() -> Self {
        Self { admin: Person::admin().await }
    }

    /// A new product at 12.50 USD with so many pieces on hand.
    pub async fn product(&self, pieces: i64) -> Product {
        let product = self.unstocked_product().await;
        self.restock(&product, pieces).await;
        product
    }

    /// A new product at 12.50 USD without stock: nothing that changes it but who asks.
    pub async fn unstocked_product(&self) -> Product {
        let name = format!("Mug {}", &Uuid::new_v4().simple().to_string()[..8]);
        let body = json!({ "name": name, "category": "Kitchen", "price": "12.50" });
        let product = self.admin.post("/products", &body).await.expect(201);
        let id = product["id"].as_str().expect("an id").to_owned();
        Product { id, name }
    }

    /// Has so many pieces of a product on hand. The API waits for news of a new product for some seconds; a busy
    /// machine may take longer.
    pub async fn restock(&self, product: &Product, pieces: i64) {
        let path = format!("/products/{}/inventory", product.id);
        eventually("inventory to hear of a product", || async {
            let answer = self.admin.put(&path, &json!({ "quantity": pieces })).await;
            if answer.status == 404 {
                return Err(answer.body.to_string());
            }
            answer.expect(200);
            Ok(())
        })
        .await;
    }

    /// `(available, reserved)` of a product.
    pub async fn stock(&self, product: &Product) -> (i64, i64) {
        let stock = self.admin.get(&format!("/products/{}/inventory", product.id)).await.expect(200);
        let number = |name: &str| stock[name].as_i64().expect("a number");
        assert_eq!(number("on_hand"), number("available") + number("reserved"));
        (number("available"), number("reserved"))
    }

    /// Waits until a product has so many pieces for sale, and none set aside.
    pub async fn settles_at(&self, product: &Product, available: i64) {
        eventually(&format!("{available} of {}", product.name), || async {
            match self.stock(product).await {
                stock if stock == (available, 0) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// The payments of an order: none or one.
    pub async fn payments(&self, order: &Value) -> Vec<Value> {
        let (user, id) = (order["user_id"].as_str().expect("a user"), order["id"].as_str().expect("an id"));
        let page = self.admin.get(&format!("/payments?user_id={user}&order_id={id}")).await.expect(200);
        page["items"].as_array().expect("a list").clone()
    }

    /// Waits until an order has one payment, in that state.
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
    /// So many of it, as an order that is paid later wants it.
    pub fn order_line(&self, quantity: u32) -> Value {
        json!({ "product_id": self.id, "quantity": quantity })
    }

    /// So many of it, as a checkout wants it, paid by `method`.
    pub fn order(&self, quantity: u32, method: &str) -> Value {
        json!({ "items": [{ "product_id": self.id, "quantity": quantity }], "payment_method": method })
    }
}

impl Person {
    /// Checks so many of a product out, paid by `method`; the order is pending.
    pub async fn check_out(&self, product: &Product, quantity: u32, method: &str) -> Value {
        let order = self.post("/checkout", &product.order(quantity, method)).await.expect(201);
        assert_eq!(order["status"], "pending");
        order
    }

    /// The order as it stands.
    pub async fn order(&self, order: &Value) -> Value {
        self.get(&format!("/orders/{}", order["id"].as_str().expect("an id"))).await.expect(200)
    }

    /// Waits until the order is paid or cancelled.
    pub async fn outcome(&self, order: &Value) -> Value {
        eventually("an order to be paid or cancelled", || async {
            let order = self.order(order).await;
            if order["status"] == "pending" { Err(order.to_string()) } else { Ok(order) }
        })
        .await
    }

    /// Waits for a mail about an order whose subject says `what`.
    pub async fn mail_about(&self, order: &Value, what: &str) -> Value {
        let what_for = format!("a mail that says {what} about {}", order["id"]);
        let look = || async { self.mails_about(order, what).await.pop().ok_or("none".to_owned()) };
        eventually(&what_for, look).await
    }

    /// The mails about an order whose subject says `what`.
    pub async fn mails_about(&self, order: &Value, what: &str) -> Vec<Value> {
        let mut mails = self.mails_with(order["id"].as_str().expect("an id")).await;
        mails.retain(|mail| mail["subject"].as_str().is_some_and(|subject| subject.contains(what)));
        mails
    }

    /// What this person was told about an order, as the API lists it, newest first.
    pub async fn notifications_about(&self, order: &Value) -> Vec<Value> {
        let page = self.get("/notifications?limit=100").await.expect(200);
        let items = page["items"].as_array().expect("a list").clone();
        items.into_iter().filter(|item| item["order_id"] == order["id"]).collect()
    }

    /// Waits until the API says that this person was told of an event of that type, about that order if there is one,
    /// by that channel, and with that status.
    pub async fn is_notified(&self, order: Option<&Value>, kind: &str, channel: &str, status: &str) -> Value {
        let what_for = format!("{kind} by {channel} to be {status}");
        eventually(&what_for, || async {
            let page = self.get("/notifications?limit=100").await.expect(200);
            let items = page["items"].as_array().expect("a list").clone();
            let is_it = |item: &&Value| {
                item["type"] == kind
                    && item["channel"] == channel
                    && order.is_none_or(|order| item["order_id"] == order["id"])
            };
            match items.iter().find(is_it) {
                Some(item) if item["status"] == status => Ok(item.clone()),
                _ => Err(page.to_string()),
            }
        })
        .await
    }
}
