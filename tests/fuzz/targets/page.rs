//! Passes libFuzzer's input to `fuzz::page`.
#![no_main]
#![allow(missing_docs, reason = "the macro defines the entry point")]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::page::check(data));
