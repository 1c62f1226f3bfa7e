//! The use cases of orders on a table of their own.

use contracts::{Cause, OrderLine, PaymentRefunded};
use kernel::{Currency, EventId, Money, OrderId, PaymentId, ProductId, Quantity, Timestamp, UserId};
use orders::{
    Orders, OrdersError,
    domain::{Actor, Command, Order, Status},
    store::{Appended, AuditContext, Change, Store, TransactionExtras},
};
use testkit::TestTable;

pub struct Shop {
    pub table: TestTable,
    pub orders: Orders,
    store: Store,
}

/// The states that [`Shop::order_in_state`] can bring an order to.
pub const STATES: [&str; 9] = [
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

pub fn audit_context(function: &str) -> AuditContext {
    AuditContext { actor: Actor::system(function), reason: None, now: Timestamp::now(), cause: Cause::own() }
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

    /// Places an order of two mugs.
    pub async fn place(&self) -> Order {
        let unit_price = Money::from_minor(1_250, Currency::Usd);
        let quantity = Quantity::try_from(2).unwrap();
        let lines = vec![OrderLine { product_id: ProductId::new(), name: "Mug".to_owned(), quantity, unit_price }];
        let total = Money::from_minor(2_500, Currency::Usd);
        let placed = Order::place(OrderId::new(), UserId::new(), lines, total);
        let audit = audit_context("test");
        let order = Order::replay([(&placed, audit.now)]).unwrap();
        let change = Change { previous_status: None, order: &order, events: vec![placed], audit: &audit };
        let appended = self.store.append(change, TransactionExtras::default()).await.unwrap();
        assert!(matches!(appended, Appended::Done));
        order
    }

    /// Places an order and brings it to one of the [`STATES`].
    pub async fn order_in_state(&self, state: &str) -> Order {
        let mut order = self.place().await;
        let payment_id = PaymentId::derived(order.id, "payment");
        let start = Command::StartCheckout { payment_method: "pm_card_visa".to_owned() };
        let confirm = Command::Confirm { payment_id };
        let (process, ship, deliver) = (Command::Process, Command::Ship, Command::Deliver);
        let cancel = Command::by_hand(Status::Cancelled).unwrap();
        let steps = match state {
            "pending" => vec![],
            "in checkout" => vec![start],
            "paid" => vec![start, confirm],
            "processing" => vec![start, confirm, process],
            "shipped" => vec![start, confirm, process, ship],
            "delivered" => vec![start, confirm, process, ship, deliver],
            "cancelled" => vec![start, cancel],
            "cancelled, paid" => vec![start, confirm, cancel],
            "refunded" => vec![start, confirm, process, ship, deliver, Command::Refund],
            other => panic!("there is no state {other:?}"),
        };
        for step in steps {
            order = self.orders.execute(order.id, step, &audit_context("test")).await.unwrap();
        }
        order
    }

    /// Delivers the event of a refund of an order's payment twice.
    pub async fn apply_refund(&self, order: &Order, amount: Money) -> Result<(), OrdersError> {
        let (order_id, user_id) = (order.id, order.user_id);
        let payment_id = order.id_of_payment();
        let (event_id, now) = (EventId::new(), Timestamp::now());
        let event = PaymentRefunded { payment_id, order_id, user_id, amount }.into();
        self.orders.apply_payment_event(order_id, &event, event_id, now, &audit_context("remember-payment")).await?;
        self.orders.apply_payment_event(order_id, &event, event_id, now, &audit_context("remember-payment")).await
    }
}
