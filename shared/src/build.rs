//! Checks the built-in catalog, so that an invalid one fails the build. This file is in `src` to share its modules.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the check uses only a part of these modules"
)]

mod catalog;
mod field_error;
mod parent;
mod similar;
mod toml_error;
mod value;

fn main() {
    for file in [
        "../infra/catalog.toml",
        "src/build.rs",
        "src/catalog.rs",
        "src/catalog",
        "src/field_error.rs",
        "src/parent.rs",
        "src/parent",
        "src/similar.rs",
        "src/toml_error.rs",
        "src/value.rs",
        "src/value",
    ] {
        println!("cargo::rerun-if-changed={file}");
    }
    if let Err(error) = catalog::Catalog::built_in() {
        println!("cargo::error=infra/catalog.toml: {error}");
    }
}
