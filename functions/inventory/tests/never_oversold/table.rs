//! Inventory over a table of its own.

use std::time::Duration;

use inventory::{Inventory, SPLITS, Terms};
use testkit::TestTable;

/// Inventory over `table`, which sets things aside for so long.
pub fn inventory(table: &TestTable, reserved_for: Duration) -> Inventory {
    Inventory::new(table.table.clone(), Terms { splits: SPLITS, reserved_for, low_stock: 0 })
}
