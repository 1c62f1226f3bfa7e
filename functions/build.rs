//! Links a function at a fixed address: one that can be moved has some twenty thousand addresses put right at every start, in pages that
//! are copied for it.

pub(crate) fn main() {
    println!("cargo::rerun-if-changed=../../functions/build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // Told to the linker alone: the compiler would ask for the start code of another kind of program.
        println!("cargo::rustc-link-arg-bins=-Wl,--no-pie");
    }
}
