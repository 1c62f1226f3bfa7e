//! The functions of the analytics context, by handler name (`Handler:` in template.yaml).

use lambda::{Error, handler, start, unknown_handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let _config = start().await;
    Err(unknown_handler(&handler()?))
}
