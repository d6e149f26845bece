//! Huffman codes (RFC 1951, section 3.2.2).

/// Up to 24 bits in the order of writing, the first in the lowest bit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Code(u32);

impl Code {
    /// The lowest `length` bits of `bits`.
    #[inline]
    pub(super) fn new(bits: usize, length: u32) -> Self {
        Self((bits as u32) << 8 | length)
    }

    #[inline]
    pub(super) fn bits(self) -> u64 {
        u64::from(self.0 >> 8)
    }

    #[inline]
    pub(super) fn length(self) -> u32 {
        self.0 & 0xff
    }

    /// These bits followed by those of `other`.
    pub(super) fn then(self, other: Self) -> Self {
        let bits = self.bits() | other.bits() << self.length();
        Self::new(bits as usize, self.length() + other.length())
    }
}

/// A code for each symbol that occurs.
#[derive(Debug)]
pub(super) struct Codes<const N: usize>([Code; N]);

impl<const N: usize> Codes<N> {
    /// The codes for symbols with these frequencies, none longer than `longest` bits.
    pub(super) fn new(counts: &[u32; N], longest: u8) -> Self {
        let lengths = lengths(counts, longest);
        let mut of_length = [0_u16; 16];
        for &length in lengths.iter().filter(|&&length| length > 0) {
            of_length[usize::from(length)] += 1;
        }
        // The first code of each length, by the algorithm of section 3.2.2.
        let mut next = [0_u16; 16];
        for length in 1..next.len() {
            next[length] = (next[length - 1] + of_length[length - 1]) << 1;
        }
        let code = |symbol: usize| {
            let length = lengths[symbol];
            let number = &mut next[usize::from(length)];
            let bits = number.reverse_bits().checked_shr(16 - u32::from(length));
            *number += 1;
            Code::new(bits.unwrap_or_default().into(), length.into())
        };
        Self(std::array::from_fn(code))
    }

    /// The code of a symbol.
    #[inline]
    pub(super) fn code(&self, symbol: usize) -> Code {
        self.0[symbol]
    }

    /// The length of each symbol's code in bits; 0 for symbols that do not occur.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|code| code.length() as usize)
    }

    /// The total length, in bits, of all codes for symbols with these frequencies.
    pub(super) fn bits(&self, counts: &[u32]) -> usize {
        let lengths = self.lengths().zip(counts);
        lengths
            .map(|(length, &count)| length * count as usize)
            .sum()
    }
}

/// The lengths of the codes with the fewest bits: Huffman's. Where these are too long, the counts are brought closer to
/// each other first.
fn lengths(counts: &[u32], longest: u8) -> Vec<u8> {
    let mut counts = counts.to_vec();
    // Some readers refuse an alphabet with a single code.
    for place in 0..2 {
        if counts.iter().filter(|&&count| count > 0).count() < 2 {
            counts[place] = counts[place].max(1);
        }
    }
    loop {
        let lengths = huffman(&counts);
        if lengths.iter().all(|&length| length <= longest) {
            return lengths;
        }
        for count in &mut counts {
            *count = count.div_ceil(2);
        }
    }
}

/// The depth of each symbol in the Huffman tree, which joins the two rarest nodes repeatedly.
fn huffman(counts: &[u32]) -> Vec<u8> {
    let mut leaves: Vec<usize> = (0..counts.len()).filter(|&s| counts[s] > 0).collect();
    leaves.sort_by_key(|&symbol| counts[symbol]);
    let mut weights: Vec<u32> = leaves.iter().map(|&symbol| counts[symbol]).collect();
    let mut parents = vec![0; leaves.len()];
    // Leaves and joined nodes are each in the order of their weights.
    let (mut leaf, mut joined) = (0, leaves.len());
    for next in leaves.len()..(2 * leaves.len()).saturating_sub(1) {
        let mut rarest = || {
            let is_leaf =
                leaf < leaves.len() && (joined == next || weights[leaf] <= weights[joined]);
            let place = if is_leaf { &mut leaf } else { &mut joined };
            *place += 1;
            *place - 1
        };
        let pair = [rarest(), rarest()];
        weights.push(weights[pair[0]] + weights[pair[1]]);
        parents.push(0);
        for place in pair {
            parents[place] = next;
        }
    }
    let mut depths = vec![0; parents.len()];
    for place in (0..parents.len().saturating_sub(1)).rev() {
        depths[place] = depths[parents[place]] + 1;
    }
    let mut lengths = vec![0; counts.len()];
    for (symbol, depth) in leaves.into_iter().zip(depths) {
        lengths[symbol] = depth;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frequent_symbols_have_short_codes() {
        let codes = Codes::new(&[10, 1, 0, 2, 5], 15);
        assert_eq!(codes.lengths().collect::<Vec<_>>(), [1, 3, 0, 3, 2]);
    }

    #[test]
    fn rare_symbols_have_no_longer_codes_than_allowed() {
        // Fibonacci numbers make the longest codes: 29 bits without a limit.
        let mut counts = [1_u32; 30];
        for place in 2..counts.len() {
            counts[place] = counts[place - 1] + counts[place - 2];
        }
        assert_eq!(Codes::new(&counts, 14).lengths().max(), Some(14));
    }

    #[test]
    fn there_are_at_least_two_codes() {
        for counts in [[0, 0, 0], [0, 7, 0], [0, 0, 7]] {
            let codes = Codes::new(&counts, 15);
            assert_eq!(
                codes.lengths().filter(|&length| length == 1).count(),
                2,
                "{counts:?}"
            );
        }
    }

    proptest! {
        /// The codes are complete, as readers require: every sequence of bits decodes in exactly one way.
        #[test]
        fn codes_are_complete(counts in prop::array::uniform32(0_u32..100_000)) {
            let codes = Codes::new(&counts, 14);
            let share = |length: usize| if length == 0 { 0 } else { 1 << (14 - length) };
            prop_assert_eq!(codes.lengths().map(share).sum::<usize>(), 1 << 14);
            let mut all: Vec<(usize, u64)> = codes.0.iter().filter(|c| c.length() > 0).map(|c| (c.length() as usize, c.bits())).collect();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), codes.lengths().filter(|&l| l > 0).count());
            for (n, (length, bits)) in all.iter().enumerate() {
                let begins = |(longer, other): &(usize, u64)| longer > length && other & ((1 << length) - 1) == *bits;
                prop_assert!(!all[n + 1..].iter().any(begins));
            }
        }
    }
}
