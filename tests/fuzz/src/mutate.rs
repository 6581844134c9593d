//! [`Mutator`]: the usual small damage to real inputs, reproducible from a seed.

/// Bytes and words that parsers treat specially.
const TOKENS: [&[u8]; 24] = [
    b"${",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\"\"\"",
    b"=",
    b"\n",
    b".",
    b"..",
    b"#",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"list<",
    b"option<",
    b"1e999",
    b"-0",
    b"[[tasks]]",
    b"[tasks.a]",
    b"call = ",
    b"map = ",
    b"\x7f\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x00",
];

/// Longest input, in bytes.
const BYTES_MAX: usize = 256 << 10;

/// Damages inputs.
pub struct Mutator(u64);

impl Mutator {
    /// Mutations that follow from `seed`.
    pub fn new(seed: u64) -> Mutator {
        Mutator(seed | 1)
    }

    /// A number below `end`, or 0. Xorshift64* (Vigna 2016).
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        if end == 0 { 0 } else { (bits as usize) % end }
    }

    /// One of `corpus` with one to eight mutations.
    pub fn next(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus.get(self.below(corpus.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(8) {
            self.damage(&mut bytes, corpus);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = at + self.below((bytes.len() - at).min(64) + 1);
        match self.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            3 => {
                let token = TOKENS[self.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            4 => {
                let other = corpus.get(self.below(corpus.len())).cloned().unwrap_or_default();
                let from = self.below(other.len() + 1);
                let to = from + self.below((other.len() - from).min(256) + 1);
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    let flip = 1 << self.below(8);
                    *byte = if self.below(2) == 0 { *byte ^ flip } else { self.below(256) as u8 };
                }
            }
        }
    }
}
