//! The @{context} table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | @{item} | `USER#<user>` | `@{ITEM}#<@{item}>` |
//! | bucket of a rate limit | `LIMIT#<limit>#<user>` | `BUCKET` |

use dynamo::{Page, Query, StoreError, Table};
use kernel::{@{Item}Id, UserId};

use crate::domain::@{Item};

const PREFIX: &str = "@{ITEM}#";

pub struct Store {
    table: Table,
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    pub async fn list(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<@{Item}>, Option<@{Item}Id>), StoreError> {
        let query = query(user_id, after.as_deref(), limit);
        let Page { items, more } = self.table.page::<@{Item}>(&query).await?;
        let next = items.last().filter(|_| more).map(|last| last.id);
        Ok((items, next))
    }
}

fn query(user_id: UserId, after: Option<&str>, limit: usize) -> Query<'static> {
    Query {
        index: None,
        pk: format!("USER#{user_id}"),
        sk_prefix: PREFIX,
        after: after.map(|id| format!("{PREFIX}{id}")),
        descending: true,
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_of_one_user_and_goes_on_behind_the_last_one() {
        let (user_id, last) = (UserId::new(), @{Item}Id::new());
        let query = query(user_id, Some(&last.to_string()), 20);
        assert_eq!(query.pk, format!("USER#{user_id}"));
        assert_eq!(query.after, Some(format!("@{ITEM}#{last}")));
    }
}
