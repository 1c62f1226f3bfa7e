//! Queries of orders.

use std::collections::BTreeMap;

use kernel::{OrderId, Timestamp, UserId};
use lambda::http::Caller;

use crate::{
    Orders, OrdersError,
    domain::{Order, Payment, Status},
    store::{Count, Entry},
};

impl Orders {
    /// Returns the order, if it is the caller's or the caller is an administrator. The read is strongly consistent.
    ///
    /// # Errors
    /// If there is no such order for this caller.
    pub async fn find(&self, caller: Caller, id: OrderId) -> Result<Order, OrdersError> {
        let own = self.store.read_model(caller.user_id, id).await?;
        match own {
            Some(order) => Ok(order),
            None if caller.is_admin() => self.load(id).await,
            None => Err(OrdersError::NotFound),
        }
    }

    /// Returns the order as it was at `moment`, to the callers that [`Orders::find`] returns it to.
    ///
    /// # Errors
    /// If there is no such order for this caller, or it was placed later.
    pub async fn find_at(&self, caller: Caller, id: OrderId, moment: Timestamp) -> Result<Order, OrdersError> {
        let order = self.find(caller, id).await?;
        if order.updated_at <= moment {
            return Ok(order);
        }
        self.store.order_at(id, order.sequence, moment).await?.ok_or(OrdersError::NotFound)
    }

    /// Returns up to `limit` events of an order after the sequence number `after`, the oldest first, and whether there
    /// are more.
    ///
    /// # Errors
    /// If there is no such order for this caller.
    pub async fn history(
        &self,
        caller: Caller,
        id: OrderId,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Entry>, bool), OrdersError> {
        self.find(caller, id).await?;
        Ok(self.store.history(id, after, limit).await?)
    }

    /// Returns the last `limit` events of `order`, the oldest first.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn latest_entries(&self, order: &Order, limit: usize) -> Result<Vec<Entry>, OrdersError> {
        let (mut entries, _) = self.store.latest_entries(order.id, limit).await?;
        entries.reverse();
        Ok(entries)
    }

    /// Returns the replica of the payment of `order`, if there is one.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn payment(&self, order: &Order) -> Result<Option<Payment>, OrdersError> {
        Ok(self.store.payment(order.id).await?)
    }

    /// Returns a page of one user's orders, the newest first, and whether there are more. The read is strongly
    /// consistent.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn orders_of_user(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Order>, bool), OrdersError> {
        Ok(self.store.orders_of_user(user_id, after, limit).await?)
    }

    /// Returns a page of all orders, or of those in one status, the newest first, and whether there are more. The index
    /// may lag behind.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn all_orders(
        &self,
        status: Option<Status>,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Order>, bool), OrdersError> {
        Ok(self.store.all_orders(status, after, limit).await?)
    }

    /// Returns the number of orders in each status, and their totals. Pending orders are counted in the index, which
    /// may lag behind.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn counts(&self) -> Result<BTreeMap<Status, Count>, OrdersError> {
        Ok(self.store.counts().await?)
    }

    pub(crate) async fn load(&self, id: OrderId) -> Result<Order, OrdersError> {
        self.store.order(id).await?.ok_or(OrdersError::NotFound)
    }
}
