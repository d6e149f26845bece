//! The page in a real browser, against the deployed stack: what a person sees and does.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod addresses;
mod back_and_forward;
mod choosing;
mod counting;
mod elements;
mod exports;
mod focus;
mod following;
mod languages;
mod looks;
mod mail_link;
mod mails;
mod moments;
mod narrowing;
mod not_loaded;
mod quickness;
mod react;
mod records;
mod rows;
mod view_check;
mod visitor;
