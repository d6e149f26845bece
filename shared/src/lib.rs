//! Waybill: the Exports feature that every SaaS product needs, as serverless functions. This crate has the model and
//! everything that the functions share. The model (`export`, `catalog`, `access_rules`, `selection`, `lifecycle`, `work`) is
//! independent of AWS; `store`, `bucket`, `queue`, `records`, `grants_function` and `aws` are not.

pub mod access_rules;
pub mod aws;
pub mod bearer_secret;
pub mod bucket;
pub mod catalog;
pub mod clock;
pub mod deployment;
pub mod deployment_file;
pub mod download_uuid;
pub mod env;
pub mod event;
pub mod export;
pub mod field_error;
pub mod file;
pub mod grant_patterns;
pub mod grants_function;
pub mod hash;
pub mod invocation;
pub mod language;
pub mod lifecycle;
pub mod live_catalog;
pub mod objects;
pub mod parent;
pub mod parent_profile;
pub mod person;
pub mod queue;
pub mod records;
pub mod selection;
pub mod similar;
pub mod store;
mod toml_error;
pub mod type_entry;
pub mod value;
pub mod work;
