//! The endpoints of the API, one file each, and what several of them share.

pub(crate) mod cancel;
pub(crate) mod catalog;
pub(crate) mod create;
pub(crate) mod delete_file;
pub(crate) mod download;
pub(crate) mod events;
mod find_visible;
pub(crate) mod list;
mod may;
mod named_user;
pub(crate) mod put_parent;
pub(crate) mod read;
pub(crate) mod records;
pub(crate) mod sessions;
pub(crate) mod summary;
mod unreadable;
pub(crate) mod untyped_schemas;
pub(crate) mod view;
