//! Files that are made from the code and are checked in, so that others read them without building it.

use std::{fs, path::Path};

/// The variable under which tests write such files anew: `WAYBILL_UPDATE=1 cargo test`.
const UPDATE: &str = "WAYBILL_UPDATE";

/// Makes sure that the file at `path` is `text`; with `WAYBILL_UPDATE` set, it is afterwards. For the tests of whoever it is made from.
///
/// # Errors
/// When it is not, or cannot be written.
pub fn up_to_date(path: &Path, text: &str) -> Result<(), String> {
    let there = fs::read_to_string(path).unwrap_or_default();
    if there == text {
        return Ok(());
    }
    if std::env::var_os(UPDATE).is_none() {
        return Err(format!("{} is not what the code says: set {UPDATE}=1 and run this test again", path.display()));
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
