//! The paths of all declared columns as one tree, and the single walk over a record that finds their values.

use super::escape::unescaped;
use super::scan::{Malformed, Scanner, Span};
use crate::project::{JsonPath, PathStep};

/// The columns' paths, merged: a common beginning is walked once.
pub(super) struct PathTree {
    root: Node,
}

/// What lies at one place of a record.
#[derive(Default)]
struct Node {
    /// Columns whose value stands here.
    columns: Vec<usize>,
    names: Vec<(Name, Node)>,
    indices: Vec<(usize, Node)>,
    each: Option<Box<Each>>,
}

/// `[*]`: the tree below every element.
#[derive(Default)]
struct Each {
    element: Node,
    /// Columns that get one entry for each element: this is the last `[*]` of their path.
    entries: Vec<usize>,
    /// Columns of deeper `[*]`, which are lists (of no entries) as soon as this array is there.
    deeper: Vec<usize>,
}

/// A key to look for; the first eight bytes are compared as one number.
struct Name {
    prefix: u64,
    text: Box<[u8]>,
}

/// What the walk found for one column.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The value, for a path without `[*]`.
    pub(super) value: Option<Span>,
    /// The elements, for a path with `[*]`; an element without the value is `None`.
    pub(super) elements: Vec<Option<Span>>,
    /// The array of the `[*]` is there, though it may be empty.
    pub(super) is_list: bool,
}

impl Found {
    pub(super) fn clear(&mut self) {
        self.value = None;
        self.elements.clear();
        self.is_list = false;
    }

    fn set(&mut self, span: Span) {
        match self.elements.last_mut() {
            Some(last) => *last = Some(span),
            None => self.value = Some(span),
        }
    }
}

impl PathTree {
    pub(super) fn new<'a>(paths: impl IntoIterator<Item = &'a JsonPath>) -> Self {
        let mut root = Node::default();
        for (column, path) in paths.into_iter().enumerate() {
            root.insert(column, &path.0);
        }
        Self { root }
    }

    /// Whether some column is a member of the record, which therefore must be an object.
    pub(super) fn wants_object(&self) -> bool {
        !self.root.names.is_empty()
    }

    /// Walks the value at the scanner, whole; `found` has an entry for each column and is clear.
    pub(super) fn walk(&self, scanner: &mut Scanner<'_>, text: &[u8], found: &mut [Found]) -> Result<(), Malformed> {
        Walk { scanner, text, found }.node(&self.root)
    }
}

impl Node {
    fn insert(&mut self, column: usize, path: &[PathStep]) {
        let Some((step, rest)) = path.split_first() else {
            self.columns.push(column);
            return;
        };
        match step {
            PathStep::Name(name) => {
                let at =
                    self.names.iter().position(|(known, _)| &*known.text == name.as_bytes()).unwrap_or_else(|| {
                        self.names.push((Name::new(name), Node::default()));
                        self.names.len() - 1
                    });
                self.names[at].1.insert(column, rest);
            }
            PathStep::Index(index) => {
                let at = self.indices.iter().position(|(known, _)| known == index).unwrap_or_else(|| {
                    self.indices.push((*index, Node::default()));
                    self.indices.len() - 1
                });
                self.indices[at].1.insert(column, rest);
            }
            PathStep::Each => {
                let each = self.each.get_or_insert_default();
                let list = if rest.contains(&PathStep::Each) { &mut each.deeper } else { &mut each.entries };
                list.push(column);
                each.element.insert(column, rest);
            }
        }
    }

    /// Forgets what was found here and below: a key came again, and its last value counts.
    #[cold]
    fn forget(&self, found: &mut [Found]) {
        for column in &self.columns {
            match found[*column].elements.last_mut() {
                Some(last) => *last = None,
                None => found[*column].value = None,
            }
        }
        self.names.iter().for_each(|(_, node)| node.forget(found));
        self.indices.iter().for_each(|(_, node)| node.forget(found));
        if let Some(each) = &self.each {
            each.entries.iter().chain(&each.deeper).for_each(|column| found[*column].clear());
        }
    }
}

impl Name {
    fn new(text: &str) -> Self {
        Self { prefix: prefix(text.as_bytes()), text: text.as_bytes().into() }
    }

    #[inline]
    fn is(&self, key: &[u8], key_prefix: u64) -> bool {
        self.prefix == key_prefix && self.text.len() == key.len() && (key.len() <= 8 || *self.text == *key)
    }
}

/// The first eight bytes, padded with zeros.
#[inline]
fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => key.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

struct Walk<'w, 'a> {
    scanner: &'w mut Scanner<'a>,
    text: &'w [u8],
    found: &'w mut [Found],
}

impl Walk<'_, '_> {
    fn node(&mut self, node: &Node) -> Result<(), Malformed> {
        let first = self.scanner.peek();
        let start = self.scanner.position();
        let mut escaped = false;
        match first {
            Some(b'{') if !node.names.is_empty() => self.object(node)?,
            Some(b'[') if node.each.is_some() || !node.indices.is_empty() => self.array(node)?,
            _ => escaped = self.scanner.value()?.escaped,
        }
        let span = Span { start, end: self.scanner.position(), escaped };
        for column in &node.columns {
            self.found[*column].set(span);
        }
        Ok(())
    }

    fn object(&mut self, node: &Node) -> Result<(), Malformed> {
        self.scanner.take(b'{');
        let mut seen = 0u128;
        let mut more = self.scanner.first_key()?;
        while more {
            match self.lookup(node) {
                None => self.scanner.skip()?,
                Some(at) => {
                    // Past 128 wanted keys of one object, a repeated one may keep parts of its first value.
                    let bit = 1u128.checked_shl(u32::try_from(at).unwrap_or(u32::MAX)).unwrap_or(0);
                    let child = &node.names[at].1;
                    if seen & bit != 0 {
                        child.forget(self.found);
                    }
                    seen |= bit;
                    self.node(child)?;
                }
            }
            more = self.scanner.next_key()?;
        }
        Ok(())
    }

    #[inline]
    fn lookup(&self, node: &Node) -> Option<usize> {
        let key = self.scanner.key();
        let text = &self.text[key.inside()];
        if key.escaped {
            let text = unescaped(text);
            return node.names.iter().position(|(name, _)| *name.text == *text);
        }
        let key_prefix = prefix(text);
        node.names.iter().position(|(name, _)| name.is(text, key_prefix))
    }

    fn array(&mut self, node: &Node) -> Result<(), Malformed> {
        self.scanner.take(b'[');
        if let Some(each) = &node.each {
            for column in each.entries.iter().chain(&each.deeper) {
                self.found[*column].is_list = true;
            }
        }
        let mut more = self.scanner.first_element();
        let mut index = 0;
        while more {
            let start = self.scanner.position();
            if let Some(each) = &node.each {
                for column in &each.entries {
                    self.found[*column].elements.push(None);
                }
                self.node(&each.element)?;
            } else {
                self.scanner.skip()?;
            }
            if let Some((_, child)) = node.indices.iter().find(|(wanted, _)| *wanted == index) {
                Walk { scanner: &mut Scanner::new(self.text, start), text: self.text, found: self.found }
                    .node(child)?;
            }
            index += 1;
            more = self.scanner.next_element()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> PathStep {
        PathStep::Name(name.to_owned())
    }

    /// What the path finds, as text: the value, or the elements in brackets.
    fn find(text: &str, path: Vec<PathStep>) -> String {
        let path = JsonPath(path);
        let mut found = [Found::default()];
        let mut scanner = Scanner::new(text.as_bytes(), 0);
        PathTree::new([&path]).walk(&mut scanner, text.as_bytes(), &mut found).unwrap();
        scanner.end().unwrap();
        let show = |span: &Option<Span>| span.map_or("-", |span| &text[span.range()]).to_owned();
        let elements: Vec<String> = found[0].elements.iter().map(show).collect();
        if found[0].is_list { format!("[{}]", elements.join(" ")) } else { show(&found[0].value) }
    }

    #[test]
    fn names_and_indices_lead_to_a_value() {
        let text = r#"{"a":{"b":[10,{"c":"x"},30]},"a_long_name_of_a_key":{"d":null}}"#;
        assert_eq!(find(text, vec![]), text);
        assert_eq!(find(text, vec![name("a"), name("b"), PathStep::Index(0)]), "10");
        assert_eq!(find(text, vec![name("a"), name("b"), PathStep::Index(1), name("c")]), "\"x\"");
        assert_eq!(find(text, vec![name("a_long_name_of_a_key"), name("d")]), "null");
        assert_eq!(find(text, vec![name("a_long_name_of_a_kez")]), "-");
        assert_eq!(find(text, vec![name("a"), name("b"), PathStep::Index(3)]), "-");
        assert_eq!(find(text, vec![name("a"), name("b"), name("c")]), "-");
    }

    #[test]
    fn each_gives_an_entry_for_every_element() {
        let text = r#"{"a":[{"b":1},{},{"b":null},7],"e":[],"n":null,"deep":[{"x":[1,2]},{"x":[]},{},{"x":[3]}]}"#;
        assert_eq!(find(text, vec![name("a"), PathStep::Each, name("b")]), "[1 - null -]");
        assert_eq!(find(text, vec![name("e"), PathStep::Each, name("b")]), "[]");
        assert_eq!(find(text, vec![name("n"), PathStep::Each, name("b")]), "-");
        assert_eq!(find(text, vec![name("missing"), PathStep::Each]), "-");
        assert_eq!(find(text, vec![name("deep"), PathStep::Each, name("x"), PathStep::Each]), "[1 2 3]");
    }

    #[test]
    fn the_last_of_equal_keys_counts_whole() {
        let text = r#"{"a":{"b":1,"c":[1,2]},"a":{"x":2,"c":[3]},"d":1,"\u0064":2}"#;
        assert_eq!(find(text, vec![name("a"), name("b")]), "-");
        assert_eq!(find(text, vec![name("a"), name("x")]), "2");
        assert_eq!(find(text, vec![name("a"), name("c"), PathStep::Each]), "[3]");
        assert_eq!(find(text, vec![name("d")]), "2");
    }
}
