//! Files that are generated from the code and committed, so that they can be read without a build.

use std::{fs, path::Path};

/// The variable with which tests write these files: `WAYBILL_UPDATE=1 cargo test`.
const UPDATE: &str = "WAYBILL_UPDATE";

/// Checks that the file at `path` has the content `text`, and writes it if `WAYBILL_UPDATE` is set. Tests call it for
/// generated files.
///
/// # Errors
/// If the content differs, or the file cannot be written.
pub fn up_to_date(path: &Path, text: &str) -> Result<(), String> {
    let existing = fs::read_to_string(path).unwrap_or_default();
    if existing == text {
        return Ok(());
    }
    if std::env::var_os(UPDATE).is_none() {
        return Err(format!("{} differs from the code: set {UPDATE}=1 and run this test again", path.display()));
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
