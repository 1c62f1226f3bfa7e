//! How the values of accounts are read from request bodies.

use crate::domain::{Password, Username};

lambda::text_fields!(Username, Password);
lambda::field_schema!(Username, { "type": "string", "minLength": 3, "maxLength": 32, "pattern": "^[A-Za-z0-9._-]+$" });
lambda::field_schema!(Password, { "type": "string", "format": "password", "minLength": 8, "maxLength": 128 });
