//! A table of one's own in the engine.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use dynamo::{Item, Table};
use inventory::{Inventory, SPLITS, Terms};
use kernel::OrderId;
use testkit::Stack;
use uuid::Uuid;

/// An empty table with the keys and the index of inventory's.
pub struct TestTable {
    pub table: Table,
    pub client: Client,
    pub name: String,
}

impl TestTable {
    /// In the stack under test.
    pub async fn create() -> Self {
        Self::create_at(&Stack::get().aws().await).await
    }

    pub async fn create_at(config: &SdkConfig) -> Self {
        let client = Client::new(config);
        let name = format!("stock-{}", Uuid::new_v4().simple());
        let index = GlobalSecondaryIndex::builder()
            .index_name("gsi1")
            .set_key_schema(Some(keys("gsi1")))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
        let attributes = ["pk", "sk", "gsi1pk", "gsi1sk"].map(|name| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
        });
        let create = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let create = create.set_attribute_definitions(Some(attributes.to_vec())).set_key_schema(Some(keys("")));
        create.global_secondary_indexes(index.build().unwrap()).send().await.unwrap();
        Self { table: Table::connect(config, name.clone()), client, name }
    }

    /// Inventory over this table, which sets things aside for so long.
    pub fn inventory(&self, reserved_for: Duration) -> Inventory {
        Inventory::new(self.table.clone(), Terms { splits: SPLITS, reserved_for, low_stock: 0 })
    }

    /// Every item of it.
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

    /// The events of an order that are in the outbox, by their place.
    pub async fn events_of(&self, order: OrderId) -> Vec<(String, u64)> {
        let items = self.items().await;
        let envelopes = items.iter().filter(|item| text(item, "kind") == "event").map(|item| text(item, "envelope"));
        let events = envelopes.map(|envelope| serde_json::from_str::<serde_json::Value>(envelope).unwrap());
        let mut told: Vec<(String, u64)> = events
            .filter(|event| event["subject"] == order.to_string())
            .map(|event| (event["event_type"].as_str().unwrap().to_owned(), event["sequence"].as_u64().unwrap()))
            .collect();
        told.sort_by_key(|(_, place)| *place);
        told
    }

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

/// The text attribute `name` of an item.
pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).map_or("", String::as_str)
}
