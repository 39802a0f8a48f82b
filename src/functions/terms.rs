//! A list of terms, ready to be looked for in texts: what [`super::term_mentions`] is about.
//!
//! A term is found by its first word of ASCII letters, digits and underscores: where a text mentions the term, that is a
//! whole word of the text, since it ends where the term goes on with another character or where no word character may
//! follow. So a text is cut into words, 64 bytes at a time without a branch, and each word is looked up; only where it is
//! some term's are the two compared. An overlapping Aho-Corasick DFA, which must follow every byte through a table that fits
//! no cache, takes twice as long.

use std::collections::HashMap;

/// Bits of the filter before the look-up: few enough for the first cache, many enough to stay nearly empty.
const FILTER_BITS: u32 = 15;

#[derive(Debug)]
pub(super) struct Terms {
    spelt: Vec<String>,
    /// Texts are lower-cased beyond ASCII, since some term is not ASCII.
    folds_unicode: bool,
    filter: Vec<u64>,
    by_word: HashMap<Word, Vec<Entry>>,
    /// Terms without an ASCII word, such as `+`: looked for one by one.
    wordless: Vec<Entry>,
}

/// A word's first eight bytes in lower case, and its length: what is compared before the whole term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Word {
    head: u64,
    length: usize,
}

#[derive(Debug)]
struct Entry {
    term: usize,
    folded: Box<[u8]>,
    /// Where in the term the word begins.
    word_at: usize,
    word_first: bool,
    word_last: bool,
}

/// What one search found, and room for the next.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// Indices of the terms, in their order, each once.
    pub(super) terms: Vec<usize>,
    /// The search that last found each term.
    seen: Vec<u64>,
    search: u64,
}

impl Terms {
    /// Empty terms are never found.
    pub(super) fn new(spelt: Vec<String>) -> Self {
        let folds_unicode = !spelt.iter().all(|term| term.is_ascii());
        let filter = vec![0; 1 << (FILTER_BITS - 6)];
        let mut terms = Self { spelt, folds_unicode, filter, by_word: HashMap::new(), wordless: Vec::new() };
        for term in 0..terms.spelt.len() {
            terms.add(term);
        }
        terms
    }

    pub(super) fn spelt(&self) -> &[String] {
        &self.spelt
    }

    fn add(&mut self, term: usize) {
        let folded = self.spelt[term].to_lowercase();
        let (Some(first), Some(last)) = (folded.chars().next(), folded.chars().next_back()) else { return };
        let bytes = folded.as_bytes();
        let start = bytes.iter().position(|byte| is_word_byte(*byte)).unwrap_or(bytes.len());
        let length = bytes[start..].iter().take_while(|byte| is_word_byte(**byte)).count();
        let entry =
            Entry { term, folded: bytes.into(), word_at: start, word_first: is_word(first), word_last: is_word(last) };
        if length == 0 {
            self.wordless.push(entry);
            return;
        }
        let word = Word::new(bytes, start, start + length);
        let bit = word.filter_bit();
        self.filter[bit / 64] |= 1 << (bit % 64);
        self.by_word.entry(word).or_default().push(entry);
    }

    /// The terms that `text` mentions; `mentions` is filled anew.
    pub(super) fn search(&self, text: &str, mentions: &mut Mentions) {
        mentions.begin(self.spelt.len());
        if self.folds_unicode && !text.is_ascii() {
            self.search_folded(&text.to_lowercase(), mentions);
        } else {
            self.search_folded(text, mentions);
        }
        mentions.terms.sort_unstable();
    }

    fn search_folded(&self, text: &str, mentions: &mut Mentions) {
        for_each_word(text.as_bytes(), |start, end| {
            let word = Word::new(text.as_bytes(), start, end);
            let bit = word.filter_bit();
            if self.filter[bit / 64] >> (bit % 64) & 1 == 1 {
                self.compare(word, text, start, mentions);
            }
        });
        for entry in &self.wordless {
            let starts = text.char_indices().map(|(start, _)| start);
            starts.filter(|start| entry.stands_at(text, *start)).for_each(|_| mentions.add(entry.term));
        }
    }

    /// Takes the terms that are found by this word.
    fn compare(&self, word: Word, text: &str, start: usize, mentions: &mut Mentions) {
        for entry in self.by_word.get(&word).into_iter().flatten() {
            if start.checked_sub(entry.word_at).is_some_and(|start| entry.stands_at(text, start)) {
                mentions.add(entry.term);
            }
        }
    }
}

impl Word {
    #[inline]
    fn new(text: &[u8], start: usize, end: usize) -> Self {
        const LOWER: u64 = 0x2020_2020_2020_2020;
        let length = end - start;
        let head = match text.get(start..).and_then(<[u8]>::first_chunk::<8>) {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => text[start..].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        let mask = if length < 8 { (1 << (length * 8)) - 1 } else { u64::MAX };
        Self { head: (head | LOWER) & mask, length }
    }

    #[inline]
    fn filter_bit(self) -> usize {
        let mixed = (self.head ^ self.length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> (64 - FILTER_BITS)) as usize
    }
}

impl Entry {
    /// Whether the text holds the term at `start`, a character's beginning, and no word goes on beyond it.
    fn stands_at(&self, text: &str, start: usize) -> bool {
        let end = start + self.folded.len();
        let Some(found) = text.as_bytes().get(start..end) else { return false };
        found.eq_ignore_ascii_case(&self.folded)
            && !(self.word_first && ends_in_word(text, start))
            && !(self.word_last && begins_word(text, end))
    }
}

impl Mentions {
    fn begin(&mut self, terms: usize) {
        self.terms.clear();
        self.search += 1;
        if self.seen.len() < terms {
            self.seen.resize(terms, 0);
        }
    }

    fn add(&mut self, term: usize) {
        if self.seen[term] != self.search {
            self.seen[term] = self.search;
            self.terms.push(term);
        }
    }
}

/// Calls `found` with the range of every run of ASCII word characters.
#[inline]
fn for_each_word(text: &[u8], mut found: impl FnMut(usize, usize)) {
    let mut start = None;
    // Whether the byte before the block is a word's.
    let mut before = 0;
    let (blocks, tail) = text.as_chunks::<64>();
    let mut last = [0; 64];
    last[..tail.len()].copy_from_slice(tail);
    for (number, block) in blocks.iter().chain([&last]).enumerate() {
        let words = word_bytes(block);
        let mut borders = words ^ (words << 1 | before);
        before = words >> 63;
        while borders != 0 {
            let at = number * 64 + borders.trailing_zeros() as usize;
            borders &= borders - 1;
            match start.take() {
                None => start = Some(at),
                Some(start) => found(start, at),
            }
        }
    }
}

/// A bit for each byte that is a word character.
#[inline]
fn word_bytes(block: &[u8; 64]) -> u64 {
    /// Gathers the lowest bits of eight bytes in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|byte| u8::from(is_word_byte(byte)));
    let mut bits = 0;
    for (number, eight) in flags.as_chunks::<8>().0.iter().enumerate() {
        bits |= (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) << (number * 8);
    }
    bits
}

/// Without a short circuit, so that many bytes are looked at in one instruction.
#[inline]
fn is_word_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    u8::from(letter) | u8::from(digit) | u8::from(byte == b'_') != 0
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a word character stands before `at`.
#[inline]
fn ends_in_word(text: &str, at: usize) -> bool {
    match text.as_bytes()[..at].last() {
        Some(byte) if byte.is_ascii() => is_word_byte(*byte),
        Some(_) => text[..at].chars().next_back().is_some_and(is_word),
        None => false,
    }
}

/// Whether a word character stands at `at`.
#[inline]
fn begins_word(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at) {
        Some(byte) if byte.is_ascii() => is_word_byte(*byte),
        Some(_) => text[at..].chars().next().is_some_and(is_word),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str, terms: &[&str]) -> Vec<String> {
        let terms = Terms::new(terms.iter().map(|term| (*term).to_owned()).collect());
        let mut found = Mentions::default();
        terms.search("go, c++ and node.js, to leave something behind", &mut found);
        terms.search(text, &mut found);
        found.terms.iter().map(|term| terms.spelt()[*term].clone()).collect()
    }

    #[test]
    fn a_term_is_a_whole_word_where_its_ends_are_word_characters() {
        let terms = ["go", "c++", "c#", ".net", "node.js", "node", "r", "C"];
        assert!(mentions("mongodb and golang, go_lang, 2go, cargo", &terms).is_empty());
        assert_eq!(mentions("C++ rocks, use Node.js!", &terms), ["c++", "node.js", "node", "C"]);
        assert_eq!(mentions("asp.NET.go", &terms), ["go", ".net"]);
        assert_eq!(mentions("R", &terms), ["r"]);
        assert_eq!(mentions("c#go", &terms), ["go", "c#", "C"]);
        assert!(mentions("go2 xc++ .nets", &terms).is_empty());
        assert!(mentions("", &terms).is_empty());
    }

    #[test]
    fn terms_within_terms_are_all_found_once_in_their_order() {
        let terms = ["react native", "native", "react", "act", ""];
        assert_eq!(mentions("React Native, react native", &terms), ["react native", "native", "react"]);
        assert_eq!(mentions("go Go", &["Go", "go"]), ["Go", "go"]);
    }

    #[test]
    fn letters_beyond_ascii_are_word_characters_and_have_cases() {
        assert!(mentions("gö ügo goß", &["g", "go"]).is_empty());
        assert_eq!(mentions("„go“ – go…", &["go"]), ["go"]);
        assert_eq!(mentions("MÜLLER und ÉCOLE", &["müller", "École"]), ["müller", "École"]);
        assert!(mentions("xmüller", &["müller"]).is_empty());
        assert_eq!(mentions("日本語go", &["日本"]), Vec::<String>::new());
        assert_eq!(mentions("日本 go", &["日本", "go"]), ["日本", "go"]);
    }

    #[test]
    fn a_slow_search_finds_the_same() {
        let parts = ["go", "c++", "c", ".net", "net", "node.js", "é", "_", " ", "-", "#", "1", "Go", "+", "日"];
        let terms = ["go", "c++", "c", ".net", "net", "node.js", "node", "go c", "+c", "é", "1", "net go"];
        let mut state = 7u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[usize::try_from(state >> 40).unwrap() % parts.len()]);
            }
            let folded = text.to_lowercase();
            let slow = |term: &&&str| {
                folded.match_indices(**term).any(|(start, _)| {
                    let (before, behind) = (&folded[..start], &folded[start + term.len()..]);
                    let touches = |inner: Option<char>, outer: Option<char>| {
                        inner.is_some_and(is_word) && outer.is_some_and(is_word)
                    };
                    !touches(term.chars().next(), before.chars().next_back())
                        && !touches(term.chars().last(), behind.chars().next())
                })
            };
            let expected: Vec<&str> = terms.iter().filter(slow).copied().collect();
            assert_eq!(mentions(&text, &terms), expected, "{text}");
        }
    }
}
