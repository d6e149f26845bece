//! A pool of buffers.

use std::sync::{Mutex, PoisonError};

use super::parser::ValueSpan;

/// A pool of buffers, each as large as a page of records. The kernel maps a new buffer's memory 4 KB at a time, which
/// takes about as long as parsing the page. The pool never has more buffers than were in use at once.
#[derive(Debug, Default)]
pub(in crate::records::dynamodb) struct BufferPool {
    bodies: Mutex<Vec<Vec<u8>>>,
    values: Mutex<Vec<Vec<ValueSpan>>>,
}

impl BufferPool {
    /// An empty buffer for an answer's bytes.
    pub(super) fn body(&self) -> Vec<u8> {
        take(&self.bodies)
    }

    /// An empty buffer for an answer's values.
    pub(super) fn values(&self) -> Vec<ValueSpan> {
        take(&self.values)
    }

    /// Returns the buffers of a dropped answer to the pool.
    pub(super) fn give_back(&self, body: Vec<u8>, values: Vec<ValueSpan>) {
        put(&self.bodies, body);
        put(&self.values, values);
    }
}

fn take<T>(spares: &Mutex<Vec<Vec<T>>>) -> Vec<T> {
    let mut spares = spares.lock().unwrap_or_else(PoisonError::into_inner);
    spares.pop().unwrap_or_default()
}

fn put<T>(spares: &Mutex<Vec<Vec<T>>>, mut spare: Vec<T>) {
    spare.clear();
    spares
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(spare);
}
