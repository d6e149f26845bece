//! The records of several partitions, in the order of their sort keys.

use super::partition::PartitionReader;
use super::{Order, key};

/// Takes records in the order of their keys, as long as every partition shows its next one. Says also which partitions
/// have come to the end of what was read of them.
pub(super) fn merge(
    partitions: &mut [PartitionReader],
    order: Order,
) -> (Vec<(u32, u32)>, Option<usize>) {
    if let [partition] = partitions {
        let rows: Vec<_> = partition.take_all().iter().map(|row| (0, *row)).collect();
        let passed = (!rows.is_empty()).then_some(0);
        return (rows, passed);
    }
    let mut rows = Vec::new();
    while !partitions.iter().any(PartitionReader::needs_page)
        && let Some(place) = first(partitions, order)
        && let Some(row) = partitions[place].take()
    {
        rows.push((place as u32, row));
        if partitions[place].head().is_none() {
            return (rows, Some(place));
        }
    }
    (rows, None)
}

/// The partition whose record is the next one; of equal keys, the one that the catalog names first.
fn first(partitions: &[PartitionReader], order: Order) -> Option<usize> {
    let sort_key = |place: usize| partitions[place].head().and_then(|row| row.sort_key());
    let heads = (0..partitions.len()).filter(|&place| partitions[place].head().is_some());
    heads.reduce(|first, place| {
        let compared = key::compare(sort_key(place), sort_key(first));
        let is_before = match order {
            Order::Ascending => compared.is_lt(),
            Order::Descending => compared.is_ge(),
        };
        if is_before { place } else { first }
    })
}
