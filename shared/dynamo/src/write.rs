//! Conditional writes and transactions.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld,
        TransactWriteItem, Update, error::ConditionalCheckFailedException,
    },
};

use kernel::Chain;

use crate::{Item, Key, StoreError, Table, number};

/// A write, alone or in a transaction.
///
/// In its expressions, `#name` stands for the attribute `name`, because many names are reserved words, and `:name`
/// stands for a value.
#[derive(Debug, Clone)]
pub struct Write {
    kind: Kind,
    condition: Option<String>,
    values: Item,
}

#[derive(Debug, Clone)]
enum Kind {
    Put(Item),
    Update(Key, String),
    Delete(Key),
    Check(Key),
}

/// Why a write or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// A condition did not hold. Nothing was written.
    #[error("a condition did not hold")]
    Refused(Refusal),
    /// The table did not respond. Whether it was written is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which conditions did not hold.
#[derive(Debug, Default)]
pub struct Refusal {
    reasons: Vec<Option<Item>>,
}

impl Refusal {
    /// Returns whether the condition of the write at `index` failed.
    pub fn failed(&self, index: usize) -> bool {
        self.reasons.get(index).is_some_and(Option::is_some)
    }

    /// Returns the existing item if the condition of the write at `index` failed. It is empty if there was no item.
    pub fn found(&self, index: usize) -> Option<&Item> {
        self.reasons.get(index).and_then(Option::as_ref)
    }
}

impl Write {
    /// Writes the whole item.
    pub fn put(item: Item) -> Self {
        Self { kind: Kind::Put(item), condition: None, values: Item::new() }
    }

    /// Updates attributes of the item at `key`, and creates it if it does not exist.
    pub fn update(key: Key, expression: impl Into<String>) -> Self {
        Self { kind: Kind::Update(key, expression.into()), condition: None, values: Item::new() }
    }

    /// Deletes the item at `key`.
    pub fn delete(key: Key) -> Self {
        Self { kind: Kind::Delete(key), condition: None, values: Item::new() }
    }

    /// Writes nothing and only checks a condition of the item at `key`.
    pub fn check(key: Key) -> Self {
        Self { kind: Kind::Check(key), condition: None, values: Item::new() }
    }

    /// Writes only if `condition` holds.
    #[must_use]
    pub fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// Writes only if the item does not exist.
    #[must_use]
    pub fn if_absent(self) -> Self {
        self.only_if("attribute_not_exists(pk)")
    }

    /// Writes only if the item does not exist or has a smaller `sequence`, so that a late event does not overwrite a
    /// newer one.
    #[must_use]
    pub fn if_newer(self, sequence: u64) -> Self {
        self.only_if("attribute_not_exists(pk) OR #sequence < :sequence").with([number(":sequence", sequence)])
    }

    /// Adds values that the expressions use.
    #[must_use]
    pub fn with(mut self, values: impl IntoIterator<Item = (String, crate::AttributeValue)>) -> Self {
        self.values.extend(values);
        self
    }
}

/// Sets the fields that all requests of a conditional write have: the condition, and the names and values of its
/// expressions.
macro_rules! conditional {
    ($request:expr, $write:expr) => {
        $request
            .set_condition_expression($write.condition.clone())
            .set_expression_attribute_names($write.names())
            .set_expression_attribute_values(Some($write.values.clone()).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(AllOld)
    };
}

impl Write {
    fn names(&self) -> Option<HashMap<String, String>> {
        let update = if let Kind::Update(_, expression) = &self.kind { expression.as_str() } else { "" };
        names_in(&[update, self.condition.as_deref().unwrap_or_default()])
    }

    /// Returns the write as a part of a transaction.
    fn in_transaction(&self, table: &Table) -> Result<TransactWriteItem, StoreError> {
        let (name, item) = (&table.name, TransactWriteItem::builder());
        let built = match &self.kind {
            Kind::Put(whole) => conditional!(Put::builder().table_name(name).set_item(Some(whole.clone())), self)
                .build()
                .map(|put| item.put(put)),
            Kind::Update(key, expression) => {
                let update = Update::builder().table_name(name).set_key(Some(key.attributes()));
                conditional!(update.update_expression(expression), self).build().map(|update| item.update(update))
            }
            Kind::Delete(key) => {
                let delete = Delete::builder().table_name(name).set_key(Some(key.attributes()));
                conditional!(delete, self).build().map(|delete| item.delete(delete))
            }
            Kind::Check(key) => {
                let check = ConditionCheck::builder().table_name(name).set_key(Some(key.attributes()));
                conditional!(check, self).build().map(|check| item.condition_check(check))
            }
        };
        built.map(|item| item.build()).map_err(|error| table.failed("build a write", error))
    }

    /// Executes the write alone, once.
    async fn execute(&self, table: &Table) -> Result<(), Failure> {
        let (name, client) = (&table.name, &table.client);
        match &self.kind {
            Kind::Put(whole) => {
                let put = client.put_item().table_name(name).set_item(Some(whole.clone()));
                outcome(conditional!(put, self).send().await, |error| match error {
                    PutItemError::ConditionalCheckFailedException(failed) => Some(failed),
                    _ => None,
                })
            }
            Kind::Update(key, expression) => {
                let update = client.update_item().table_name(name).set_key(Some(key.attributes()));
                outcome(conditional!(update.update_expression(expression), self).send().await, |error| match error {
                    UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed),
                    _ => None,
                })
            }
            Kind::Delete(key) => {
                let delete = client.delete_item().table_name(name).set_key(Some(key.attributes()));
                outcome(conditional!(delete, self).send().await, |error| match error {
                    DeleteItemError::ConditionalCheckFailedException(failed) => Some(failed),
                    _ => None,
                })
            }
            Kind::Check(_) => Err(Failure::Fault { reason: "a check writes nothing".to_owned(), is_conflict: false }),
        }
    }
}

/// The maximum number of attempts of a write that conflicts with other transactions.
const MAX_ATTEMPTS: u32 = 8;

impl Table {
    /// Writes all of `writes` or none. A transaction that only conflicts with another one is retried, with full jitter.
    ///
    /// # Errors
    /// [`TransactError::Refused`] if a condition does not hold, [`TransactError::Store`] if the table does not respond.
    pub async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        let items: Vec<_> = writes.iter().map(|write| write.in_transaction(self)).collect::<Result<_, _>>()?;
        let mut attempt = 1;
        loop {
            let sent = self.client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = sent else { return Ok(()) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons()
                }
                _ => return Err(self.failed("transact", Chain(error)).into()),
            };
            let code = |reason: &CancellationReason| reason.code().unwrap_or_default().to_owned();
            if reasons.iter().any(|reason| code(reason) == "ConditionalCheckFailed") {
                let reasons = reasons
                    .iter()
                    .map(|reason| {
                        (code(reason) == "ConditionalCheckFailed").then(|| reason.item().cloned().unwrap_or_default())
                    })
                    .collect();
                return Err(TransactError::Refused(Refusal { reasons }));
            }
            let retryable = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
            let can_retry = reasons.iter().all(|reason| retryable.contains(&code(reason).as_str()));
            if attempt == MAX_ATTEMPTS || !can_retry {
                let is_conflict = can_retry && reasons.iter().any(|reason| code(reason) == "TransactionConflict");
                return Err(StoreError { is_conflict, ..self.failed("transact", Chain(error)) }.into());
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// Runs [`Table::transact`] and returns whether all conditions held, for callers that need not know which one
    /// failed.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn transact_if_allowed(&self, writes: Vec<Write>) -> Result<bool, StoreError> {
        allowed(self.transact(writes).await)
    }

    /// Executes a single write, at half the price of a transaction. Single writes do not conflict with each other.
    ///
    /// Use it only for writes that may be repeated. Unlike a transaction, it has no token: if the response is lost, the
    /// write is executed again, or its condition fails because of what it has already written.
    ///
    /// # Errors
    /// [`TransactError::Refused`] if its condition does not hold, [`TransactError::Store`] if the table does not
    /// respond.
    pub async fn write(&self, write: Write) -> Result<(), TransactError> {
        let mut attempt = 1;
        while let Err(failure) = write.execute(self).await {
            match failure {
                Failure::Refused(found) => return Err(TransactError::Refused(Refusal { reasons: vec![Some(found)] })),
                Failure::Fault { is_conflict: true, .. } if attempt < MAX_ATTEMPTS => pause(attempt).await,
                Failure::Fault { reason, is_conflict } => {
                    return Err(StoreError { is_conflict, ..self.failed("write", reason) }.into());
                }
            }
            attempt += 1;
        }
        Ok(())
    }

    /// Runs [`Table::write`] and returns whether the condition held.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn write_if_allowed(&self, write: Write) -> Result<bool, StoreError> {
        allowed(self.write(write).await)
    }
}

/// Why a single write failed.
enum Failure {
    Refused(Item),
    Fault { reason: String, is_conflict: bool },
}

/// Returns the outcome of a request. `refused` returns the error of a failed condition.
///
/// Only a conflict with a transaction is worth a retry: the SDK has retried other transient errors.
fn outcome<R, E: ProvideErrorMetadata + std::error::Error + 'static>(
    sent: Result<R, SdkError<E>>,
    refused: fn(&E) -> Option<&ConditionalCheckFailedException>,
) -> Result<(), Failure> {
    let Err(error) = sent else { return Ok(()) };
    if let Some(refused) = error.as_service_error().and_then(refused) {
        return Err(Failure::Refused(refused.item().cloned().unwrap_or_default()));
    }
    let is_conflict = error.code() == Some("TransactionConflictException");
    Err(Failure::Fault { reason: Chain(error).to_string(), is_conflict })
}

fn allowed(result: Result<(), TransactError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(TransactError::Refused(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Waits between two attempts of a write that had a conflict, with full jitter and for longer with each attempt.
pub async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..10_u64 << attempt))).await;
}

/// Maps every `#name` in the expressions to `name`.
fn names_in(expressions: &[&str]) -> Option<HashMap<String, String>> {
    let names: HashMap<_, _> = expressions
        .iter()
        .flat_map(|expression| expression.split('#').skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect();
    Some(names).filter(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_expressions() {
        let names = names_in(&["SET #status = :s, version = :v", "#status = :old AND #ttl < :now"]).expect("two names");
        assert_eq!(names.len(), 2);
        assert_eq!(names["#status"], "status");
        assert_eq!(names["#ttl"], "ttl");
        assert_eq!(names_in(&["SET version = :v"]), None);
    }
}
