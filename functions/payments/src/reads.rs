//! The reads of payments.

use std::collections::BTreeMap;

use kernel::{OrderId, PaymentId, UserId};
use lambda::http::Caller;

use crate::{Payments, PaymentsError, domain::Payment, not_found};

impl Payments {
    /// Returns the payment of an order, if there is one that the API shows.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn of_order(&self, user_id: UserId, order_id: OrderId) -> Result<Option<Payment>, PaymentsError> {
        let payment = self.store.of_order(user_id, order_id).await?;
        Ok(payment.filter(Payment::is_visible))
    }

    /// Returns the payment, if it is the caller's or the caller is an administrator.
    ///
    /// # Errors
    /// If there is no such payment for this caller, or the table does not respond.
    pub async fn find(&self, caller: Caller, id: PaymentId) -> Result<Payment, PaymentsError> {
        let payment = match self.store.find(caller.user_id, id).await? {
            None if caller.is_admin() => self.find_of_any_user(id).await?,
            own => own,
        };
        payment.filter(Payment::is_visible).ok_or_else(not_found)
    }

    /// Returns the payment of any user. Waits for the replica of an order that was placed a moment ago.
    pub(crate) async fn find_of_any_user(&self, id: PaymentId) -> Result<Option<Payment>, PaymentsError> {
        match self.wait_for_due(id).await? {
            Some(due) => Ok(self.store.find(due.user_id, id).await?),
            None => Ok(None),
        }
    }

    /// Returns a page of a user's payments, newest first, and, if there are more, the id of the last payment that was
    /// read.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn of_user(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Payment>, Option<PaymentId>), PaymentsError> {
        let (payments, more) = self.store.of_user(user_id, after, limit).await?;
        let next = payments.last().map(|last| last.id).filter(|_| more);
        Ok((payments.into_iter().filter(Payment::is_visible).collect(), next))
    }

    /// Returns, by the names of the counters, how many payments were captured and declined, how many refunds were made,
    /// and the amounts of each.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn counters(&self) -> Result<BTreeMap<String, i64>, PaymentsError> {
        Ok(self.store.table().counters().await?)
    }
}
