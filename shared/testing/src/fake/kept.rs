//! What is stored in the services, as JSON: a release's tests write it, and those of later releases go on from it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::{Cloud, S3, Upload};

impl Cloud {
    /// The items of all tables, the objects, and the uploads in progress.
    pub fn kept(&self) -> Value {
        let tables = self.dynamodb.tables.iter();
        let tables: BTreeMap<_, Vec<_>> = tables
            .map(|(name, table)| (name, table.items.values().collect()))
            .collect();
        let s3 = &self.s3;
        let objects = s3.objects.iter();
        let objects: Vec<_> = objects
            .map(|object| json!({"key": object.key, "bytes": encoded(&object.bytes)}))
            .collect();
        let uploads: BTreeMap<_, _> = s3
            .uploads
            .iter()
            .map(|(id, upload)| (id, kept(upload)))
            .collect();
        json!({"tables": tables, "objects": objects, "uploads": uploads, "uploads_begun": s3.uploads_begun})
    }

    /// Puts back what was kept.
    ///
    /// # Panics
    /// If a table is unknown, or what was kept has another form.
    pub fn put_back(&mut self, kept: &Value) {
        for (name, items) in kept["tables"].as_object().unwrap() {
            let table = self.dynamodb.tables.get_mut(name.as_str());
            let table = table.unwrap_or_else(|| panic!("no table {name}"));
            for item in items.as_array().unwrap() {
                table.put(item.as_object().unwrap().clone());
            }
        }
        self.s3.put_back(kept);
    }
}

impl S3 {
    fn put_back(&mut self, kept: &Value) {
        for object in kept["objects"].as_array().unwrap() {
            self.put(object["key"].as_str().unwrap(), decoded(&object["bytes"]));
        }
        for (id, upload) in kept["uploads"].as_object().unwrap() {
            let parts = upload["parts"].as_object().unwrap().iter();
            let parts = parts.map(|(number, bytes)| (number.parse().unwrap(), decoded(bytes)));
            let upload = Upload {
                key: upload["key"].as_str().unwrap().to_owned(),
                parts: parts.collect(),
            };
            self.uploads.insert(id.parse().unwrap(), upload);
        }
        self.uploads_begun = u32::try_from(kept["uploads_begun"].as_u64().unwrap()).unwrap();
    }
}

fn kept(upload: &Upload) -> Value {
    let parts = upload.parts.iter();
    let parts: BTreeMap<_, _> = parts
        .map(|(number, bytes)| (number, encoded(bytes)))
        .collect();
    json!({"key": upload.key, "parts": parts})
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn decoded(text: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap()
}
