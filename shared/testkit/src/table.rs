//! A table for one test.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};
use dynamo::{Item, Table};
use uuid::Uuid;

use crate::Stack;

/// An empty table with the keys and the index that the table of every context has.
#[derive(Debug)]
pub struct TestTable {
    /// The table, as a context uses it.
    pub table: Table,
    /// A client for direct access.
    pub client: Client,
    /// The name of the table.
    pub name: String,
}

impl TestTable {
    /// Creates a table in the stack under test.
    pub async fn create() -> Self {
        Self::create_at(&Stack::get().aws().await).await
    }

    /// Creates a table in any engine.
    pub async fn create_at(config: &SdkConfig) -> Self {
        let client = Client::new(config);
        let name = format!("test-{}", Uuid::new_v4().simple());
        let index = GlobalSecondaryIndex::builder()
            .index_name("gsi1")
            .set_key_schema(Some(keys("gsi1")))
            .projection(Projection::builder().projection_type(ProjectionType::All).build());
        let attributes = ["pk", "sk", "gsi1pk", "gsi1sk"].map(|name| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
        });
        let create = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let create = create.set_attribute_definitions(Some(attributes.to_vec())).set_key_schema(Some(keys("")));
        create.global_secondary_indexes(index.build().unwrap()).send().await.unwrap();
        Self { table: Table::connect(config, name.clone()), client, name }
    }

    /// Returns all items of the table.
    pub async fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let scan = self.client.scan().table_name(&self.name).consistent_read(true);
            let page = scan.set_exclusive_start_key(start).send().await.unwrap();
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return items;
            }
        }
    }

    /// Deletes the table.
    pub async fn delete(self) {
        self.client.delete_table().table_name(&self.name).send().await.unwrap();
    }
}

fn keys(prefix: &str) -> Vec<KeySchemaElement> {
    [("pk", KeyType::Hash), ("sk", KeyType::Range)]
        .map(|(name, kind)| {
            KeySchemaElement::builder().attribute_name(format!("{prefix}{name}")).key_type(kind).build().unwrap()
        })
        .to_vec()
}

/// Returns the text attribute `name` of an item, or an empty text if it has none.
pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}
