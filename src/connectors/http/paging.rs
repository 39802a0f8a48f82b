//! From one page to the next, and the guards that keep a chain of pages from running in circles or losing its end.

use std::collections::HashSet;

use url::Url;

use super::answer::Answer;
use super::client::{Request, same_origin};
use super::mask::Mask;
use crate::connectors::decode::{Decoded, survey};
use crate::project::{JsonPath, Paginate, PathStep};

/// A chain this long is taken for one that never ends.
const MOST_PAGES: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum PagingError {
    #[error("`{0}` came up twice among the pages")]
    Repeated(String),
    #[error("page {page} says there is a next one, and `paginate` does not say how to get it: {what}")]
    NotFollowed { page: usize, what: String },
    #[error("the next page is on another host: `{0}`")]
    OtherHost(String),
    #[error("the next page's URL cannot be read: `{0}`")]
    InvalidUrl(String),
    #[error("{MOST_PAGES} pages and no end")]
    Endless,
    #[error("page {page} cannot be looked into for the next one: {reason}")]
    Unreadable { page: usize, reason: String },
}

/// A chain of pages on its way.
pub(super) struct Pages<'a> {
    paginate: &'a Paginate,
    records: Option<&'a JsonPath>,
    most: Option<usize>,
    mask: &'a Mask,
    seen: HashSet<String>,
    page: usize,
    /// The number in the next request, where pages are counted.
    count: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        paginate: &'a Paginate,
        records: Option<&'a JsonPath>,
        most: Option<usize>,
        mask: &'a Mask,
    ) -> Self {
        let count = if let Paginate::Page { start, .. } = paginate { *start } else { 0 };
        Self { paginate, records, most, mask, seen: HashSet::new(), page: 0, count }
    }

    /// What the first request has besides what is declared.
    pub(super) fn first(&mut self, request: &mut Request) {
        match self.paginate {
            Paginate::Page { param, start, size, size_param } => {
                set_query(&mut request.url, param, &start.to_string());
                if let (Some(size), Some(name)) = (size, size_param) {
                    set_query(&mut request.url, name, &size.to_string());
                }
            }
            Paginate::Offset { limit, limit_param: Some(name), .. } => {
                set_query(&mut request.url, name, &limit.to_string());
            }
            _ => {}
        }
        self.seen.insert(request.url.to_string());
    }

    /// The request for the page behind this answer, if there is one.
    pub(super) fn next(
        &mut self,
        request: &Request,
        answer: &Answer,
        content: &mut Content<'_>,
    ) -> Result<Option<Request>, PagingError> {
        self.page += 1;
        if self.most.is_some_and(|most| self.page >= most) {
            return Ok(None);
        }
        if self.page >= MOST_PAGES {
            return Err(PagingError::Endless);
        }
        let Some(url) = self.next_url(request, answer, content)? else { return Ok(None) };
        if !same_origin(&url, &request.url) {
            return Err(PagingError::OtherHost(self.mask.url(&url)));
        }
        if !self.seen.insert(url.to_string()) {
            return Err(PagingError::Repeated(self.mask.url(&url)));
        }
        Ok(Some(Request { url, ..request.clone() }))
    }

    fn next_url(
        &mut self,
        request: &Request,
        answer: &Answer,
        content: &mut Content<'_>,
    ) -> Result<Option<Url>, PagingError> {
        let with = |name: &str, value: &str| {
            let mut url = request.url.clone();
            set_query(&mut url, name, value);
            Ok(Some(url))
        };
        let join =
            |text: &str| request.url.join(text).map(Some).map_err(|_| PagingError::InvalidUrl(self.mask.text(text)));
        match self.paginate {
            Paginate::None => {
                if link(answer, "next").is_some() {
                    let what = "the `Link` header has `rel=\"next\"`; `paginate: {link_header: next}` follows it";
                    return Err(PagingError::NotFollowed { page: self.page, what: what.to_owned() });
                }
                let has_more = JsonPath(vec![PathStep::Name("has_more".to_owned())]);
                if content.is_small()
                    && content.value(&has_more, self.page).is_ok_and(|value| value.as_deref() == Some("true"))
                {
                    let what = "`has_more` is true; `paginate: {cursor: {from: $..., to: query...}}` may follow it";
                    return Err(PagingError::NotFollowed { page: self.page, what: what.to_owned() });
                }
                Ok(None)
            }
            Paginate::LinkHeader { rel } => link(answer, rel).map_or(Ok(None), |url| join(&url)),
            Paginate::NextUrl(path) => content.value(path, self.page)?.map_or(Ok(None), |url| join(&url)),
            Paginate::Cursor { from, to } => content.value(from, self.page)?.map_or(Ok(None), |value| with(to, &value)),
            Paginate::Keyset { from, to } => {
                let path = element(self.records, &from.0);
                content.last(&path, self.page)?.map_or(Ok(None), |value| with(to, &value))
            }
            Paginate::Page { param, size, .. } => {
                let records = content.count(self.records, self.page)?;
                self.count += 1;
                match records == 0 || size.is_some_and(|size| records < size) {
                    true => Ok(None),
                    false => with(param, &self.count.to_string()),
                }
            }
            Paginate::Offset { param, limit, .. } => {
                let records = content.count(self.records, self.page)?;
                self.count += records;
                match records < *limit {
                    true => Ok(None),
                    false => with(param, &self.count.to_string()),
                }
            }
        }
    }
}

/// The JSON of a page, read into memory when it is first asked about.
pub(super) struct Content<'a> {
    answer: &'a Answer,
    text: Option<Vec<u8>>,
}

/// A page of which one looks for `has_more` though nothing was declared.
const SMALL: u64 = 1 << 20;

impl<'a> Content<'a> {
    pub(super) fn new(answer: &'a Answer) -> Self {
        Self { answer, text: None }
    }

    fn is_small(&self) -> bool {
        self.answer.body.size() <= SMALL
    }

    fn look(&mut self, path: &JsonPath, page: usize) -> Result<Decoded, PagingError> {
        let unreadable = |reason: String| PagingError::Unreadable { page, reason };
        if self.text.is_none() {
            let compression =
                self.answer.body.compression(self.answer.header("content-encoding"), self.answer.url.path());
            let read = compression.and_then(|compression| {
                crate::connectors::decode::read_document(self.answer.body.content(compression)?)
            });
            self.text = Some(read.map_err(|error| unreadable(error.to_string()))?);
        }
        survey(self.text.as_deref().unwrap_or_default(), path).map_err(unreadable)
    }

    /// A value that is neither missing nor null nor empty.
    fn value(&mut self, path: &JsonPath, page: usize) -> Result<Option<String>, PagingError> {
        Ok(self.look(path, page)?.value.filter(|value| !value.is_empty()))
    }

    fn count(&mut self, records: Option<&JsonPath>, page: usize) -> Result<u64, PagingError> {
        let path = element(records, &[]);
        Ok(self.look(&path, page)?.elements)
    }

    fn last(&mut self, path: &JsonPath, page: usize) -> Result<Option<String>, PagingError> {
        Ok(self.look(path, page)?.last.filter(|value| !value.is_empty()))
    }
}

/// The path of something in each record.
fn element(records: Option<&JsonPath>, inside: &[PathStep]) -> JsonPath {
    let mut steps: Vec<PathStep> = records.map(|path| path.0.clone()).unwrap_or_default();
    if steps.last() != Some(&PathStep::Each) {
        steps.push(PathStep::Each);
    }
    steps.extend_from_slice(inside);
    JsonPath(steps)
}

fn set_query(url: &mut Url, name: &str, value: &str) {
    let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    let mut query = url.query_pairs_mut();
    query.clear();
    query.extend_pairs(others);
    query.append_pair(name, value);
}

/// The target of a relation in the `Link` header.
fn link(answer: &Answer, rel: &str) -> Option<String> {
    let mut rest = answer.header("link")?;
    while let Some(open) = rest.find('<') {
        let close = open + rest[open..].find('>')?;
        let target = &rest[open + 1..close];
        let behind = &rest[close + 1..];
        let end = next_link(behind);
        let is_wanted = behind[..end].split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_end_matches(',')
                    .trim()
                    .trim_matches('"')
                    .split(' ')
                    .any(|word| word.eq_ignore_ascii_case(rel))
        });
        if is_wanted {
            return Some(target.to_owned());
        }
        rest = &behind[end..];
    }
    None
}

/// Where the parameters of a link end: at a comma outside of quotes.
fn next_link(parameters: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in parameters.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => return at + 1,
            _ => {}
        }
    }
    parameters.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::connectors::http::body::Body;

    fn answer(link: &str) -> Answer {
        Answer {
            url: Url::parse("https://h/p").unwrap(),
            status: 200,
            headers: BTreeMap::from([("link".to_owned(), link.to_owned())]),
            body: Body::Memory(bytes::Bytes::new()),
        }
    }

    #[test]
    fn the_link_header_is_read() {
        let both = answer("<https://h/p?page=2>; rel=\"next\", <https://h/p?page=9,9>; rel=\"last\"; title=\"a, b\"");
        assert_eq!(link(&both, "next").as_deref(), Some("https://h/p?page=2"));
        assert_eq!(link(&both, "last").as_deref(), Some("https://h/p?page=9,9"));
        assert_eq!(link(&both, "prev"), None);
        assert_eq!(link(&answer("</p?c=1>;rel=next"), "next").as_deref(), Some("/p?c=1"));
        assert_eq!(link(&answer("broken"), "next"), None);
    }
}
