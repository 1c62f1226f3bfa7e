//! Orders over a table of its own.

use contracts::{Cause, OrderLine, PaymentRefunded};
use kernel::{Currency, EventId, Money, OrderId, PaymentId, ProductId, Quantity, Timestamp, UserId};
use orders::{
    Orders, OrdersError,
    domain::{Actor, Command, Order, Status},
    store::{Act, Appended, Beside, Change, Store},
};
use testkit::TestTable;

pub struct Shop {
    pub table: TestTable,
    pub orders: Orders,
    store: Store,
}

/// The ways of orders, by where they ended.
pub const WAYS: [&str; 9] = [
    "pending",
    "in checkout",
    "paid",
    "processing",
    "shipped",
    "delivered",
    "cancelled",
    "cancelled, paid",
    "refunded",
];

pub fn act(by: &str) -> Act {
    Act { by: Actor::system(by), reason: None, now: Timestamp::now(), cause: Cause::own() }
}

impl Shop {
    pub async fn open() -> Self {
        let table = TestTable::create().await;
        let (orders, store) = (Orders::over(table.table.clone()), Store::new(table.table.clone()));
        Self { table, orders, store }
    }

    pub async fn close(self) {
        self.table.delete().await;
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub async fn order(&self, id: OrderId) -> Order {
        self.store.order(id).await.unwrap().expect("an order")
    }

    /// A new order of two mugs.
    pub async fn place(&self) -> Order {
        let unit_price = Money::from_minor(1_250, Currency::Usd);
        let quantity = Quantity::try_from(2).unwrap();
        let lines = vec![OrderLine { product_id: ProductId::new(), name: "Mug".to_owned(), quantity, unit_price }];
        let total = Money::from_minor(2_500, Currency::Usd);
        let placed = Order::place(OrderId::new(), UserId::new(), lines, total);
        let act = act("test");
        let order = Order::replay([(&placed, act.now)]).unwrap();
        let change = Change { before: None, order: &order, events: vec![placed], act: &act };
        let appended = self.store.append(change, Beside::default()).await.unwrap();
        assert!(matches!(appended, Appended::Done));
        order
    }

    /// A new order that went one of the [`WAYS`].
    pub async fn order_that_went(&self, way: &str) -> Order {
        let order = self.place().await;
        let payment_id = PaymentId::derived(order.id, "payment");
        let start = Command::StartCheckout { payment_method: "pm_card_visa".to_owned() };
        let confirm = Command::Confirm { payment_id };
        let (process, ship, deliver) = (Command::Process, Command::Ship, Command::Deliver);
        let cancel = Command::by_hand(Status::Cancelled).unwrap();
        let steps = match way {
            "pending" => vec![],
            "in checkout" => vec![start],
            "paid" => vec![start, confirm],
            "processing" => vec![start, confirm, process],
            "shipped" => vec![start, confirm, process, ship],
            "delivered" => vec![start, confirm, process, ship, deliver],
            "cancelled" => vec![start, cancel],
            "cancelled, paid" => vec![start, confirm, cancel],
            "refunded" => vec![start, confirm, process, ship, deliver, Command::Refund],
            other => panic!("there is no way {other:?}"),
        };
        let mut ended = order;
        for step in steps {
            ended = self.orders.carry_out(ended.id, step, &act("test")).await.unwrap();
        }
        ended
    }

    /// Tells that so much of an order's payment went back, twice.
    pub async fn hear_of_refund(&self, order: &Order, amount: Money) -> Result<(), OrdersError> {
        let (order_id, user_id) = (order.id, order.user_id);
        let payment_id = order.id_of_payment();
        let (event_id, now) = (EventId::new(), Timestamp::now());
        let event = PaymentRefunded { payment_id, order_id, user_id, amount }.into();
        self.orders.hear_of_payment(order_id, &event, event_id, now, &act("remember-payment")).await?;
        self.orders.hear_of_payment(order_id, &event, event_id, now, &act("remember-payment")).await
    }
}
