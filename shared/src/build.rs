//! Checks the built-in catalog: what is wrong in it does not build. It lies among the sources to share their modules.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "modules of the crate, of which the check needs a part"
)]

mod catalog;
mod field_error;
mod value;

fn main() {
    for file in [
        "../infra/catalog.toml",
        "src/build.rs",
        "src/catalog.rs",
        "src/catalog",
        "src/field_error.rs",
        "src/value.rs",
        "src/value",
    ] {
        println!("cargo::rerun-if-changed={file}");
    }
    if let Err(error) = catalog::Catalog::built_in() {
        println!("cargo::error=infra/catalog.toml: {error}");
    }
}
