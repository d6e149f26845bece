//! The sizes of a file's parts, from the limits of S3 and of the function's memory.

/// The size of the first parts in bytes. S3's minimum is 5 MiB, except for the last part.
const FIRST: usize = 8 << 20;
/// The size of the largest part in bytes, with enough memory.
const LARGEST: usize = 80 << 20;
/// After each this many parts, the part size grows by the size of the first, so that S3's 10,000 parts hold 430 GiB.
const PARTS_OF_A_SIZE: u32 = 1_000;
/// A part needs at most this share of the memory: the upload holds the buffer, two parts in flight, a spare buffer and a
/// tail, which is half of the memory. The other half is for pages of records and everything else.
const SHARE_OF_MEMORY: usize = 10;

/// The sizes of a file's parts. A part ends with the row that reaches its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSizes {
    first: usize,
    largest: usize,
}

impl PartSizes {
    /// The sizes in a function with this memory, in MB as Lambda counts it; 0 is no limit.
    pub fn for_memory(mb: u32) -> Self {
        let largest = match (mb as usize) << 20 {
            0 => LARGEST,
            bytes => (bytes / SHARE_OF_MEMORY).clamp(FIRST, LARGEST),
        };
        Self {
            first: FIRST,
            largest,
        }
    }

    /// Sizes that begin with `first` bytes, for tests without S3's minimum size.
    pub fn beginning_with(first: usize) -> Self {
        Self {
            first,
            largest: usize::MAX,
        }
    }

    /// The size in bytes of part `number` (from 1).
    pub(super) fn of(self, number: u32) -> usize {
        let steps = 1 + number.saturating_sub(1) / PARTS_OF_A_SIZE;
        (self.first * steps as usize).min(self.largest)
    }
}

#[cfg(test)]
mod tests {
    use waybill::bucket::MAX_PARTS;

    use super::*;

    fn whole(sizes: PartSizes) -> u64 {
        (1..=MAX_PARTS).map(|n| sizes.of(n) as u64).sum()
    }

    /// S3's limits: at most 10,000 parts of 5 MiB to 5 GiB; the last may be smaller.
    #[test]
    fn part_sizes_are_within_the_limits_of_s3() {
        let sizes = PartSizes::for_memory(1_024);
        assert_eq!(sizes.of(1), 8 << 20);
        assert_eq!(sizes.of(1_000), 8 << 20);
        assert_eq!(sizes.of(1_001), 16 << 20);
        assert_eq!(sizes.of(MAX_PARTS), 80 << 20);
        assert!(whole(sizes) > 400 << 30, "{}", whole(sizes));
        assert!((1..=MAX_PARTS).all(|number| sizes.of(number) >= 5 << 20));
    }

    /// The template allows 256 to 10,240 MB.
    #[test]
    fn the_buffers_of_an_upload_need_at_most_half_of_the_memory() {
        for mb in [256, 300, 512, 768, 1_024, 10_240] {
            let sizes = PartSizes::for_memory(mb);
            let most = (1..=MAX_PARTS).map(|number| sizes.of(number)).max();
            assert!(
                most.unwrap() * 5 <= (mb as usize) << 19,
                "{mb} MB: {most:?}"
            );
            assert!(whole(sizes) > 200 << 30, "{mb} MB: {}", whole(sizes));
        }
        assert_eq!(PartSizes::for_memory(0), PartSizes::for_memory(10_240));
    }
}
