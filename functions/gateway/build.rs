//! Extracts the two files that the API reference needs from the Swagger UI archive, compressed as they are served.

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, Cursor},
    path::PathBuf,
};

use flate2::{Compression, write::GzEncoder};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for file in FILES {
        let ending = format!("/dist/{file}");
        let names = archive.file_names().collect::<Result<Vec<_>, _>>()?;
        let name =
            names.into_iter().find(|name| name.ends_with(&ending)).ok_or("the archive does not contain the file")?;
        let name = name.into_owned();
        let mut packed = archive.by_name(&name)?;
        let mut gzip = GzEncoder::new(File::create(out.join(format!("{file}.gz")))?, Compression::best());
        io::copy(&mut packed, &mut gzip)?;
        gzip.finish()?;
    }
    Ok(())
}
