//! Buffers that are used again.

use std::sync::{Mutex, PoisonError};

use super::reader::Cell;

/// Buffers of pages that have been read: each is as large as a page. A new one's memory would come from the kernel,
/// 4 KB at a time, which takes about as long as reading what is put there.
///
/// There are never more than were in use at once.
#[derive(Debug, Default)]
pub(in crate::records) struct Spares {
    bodies: Mutex<Vec<Vec<u8>>>,
    cells: Mutex<Vec<Vec<Cell>>>,
}

impl Spares {
    /// An empty buffer for an answer's bytes.
    pub(super) fn body(&self) -> Vec<u8> {
        take(&self.bodies)
    }

    /// An empty buffer for its cells.
    pub(super) fn cells(&self) -> Vec<Cell> {
        take(&self.cells)
    }

    /// Takes back what nobody borrows from any more.
    pub(super) fn give_back(&self, body: Vec<u8>, cells: Vec<Cell>) {
        put(&self.bodies, body);
        put(&self.cells, cells);
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
