//! How the values of accounts are read from request bodies.

use kernel::Invalid;
use lambda::input::Field;
use schemars::{Schema, json_schema};
use serde_json::Value;

use crate::domain::{Password, Username};

impl Field for Username {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?.parse()
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 3, "maxLength": 32, "pattern": "^[A-Za-z0-9._-]+$" })
    }
}

impl Field for Password {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?.parse()
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "format": "password", "minLength": 8, "maxLength": 128 })
    }
}
