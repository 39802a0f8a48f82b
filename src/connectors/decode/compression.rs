//! Compressed files: recognised by their names, decompressed as a stream, or at once where a whole one is small.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use memchr::memmem;

/// A gzip file up to this size is read whole.
const WHOLE_COMPRESSED: u64 = 16 << 20;
/// What a file read whole may decompress to at once.
const WHOLE_DECOMPRESSED: usize = 64 << 20;
/// Deflate cannot do better; a trailer that promises more lies.
const BEST_RATIO: usize = 1032;
const TRAILER: usize = 8;
const BUFFER: usize = 256 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// By the end of a file's name or of a URL's path.
    pub fn of_name(name: &str) -> Self {
        let path = name.split(['?', '#']).next().unwrap_or(name);
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        if extension.eq_ignore_ascii_case("gz") {
            Self::Gzip
        } else if extension.eq_ignore_ascii_case("zst") {
            Self::Zstd
        } else {
            Self::None
        }
    }
}

/// Bytes as they lie, compressed or not.
pub struct Content {
    pub reader: Box<dyn Read + Send>,
    /// About how many the reader gives: a file's size.
    pub size: u64,
    pub compression: Compression,
}

impl Content {
    pub(super) fn decompressed(self) -> io::Result<Decompressed> {
        Decompressed::open(self.reader, self.size, self.compression)
    }
}

/// What a file decompresses to.
pub(super) enum Decompressed {
    /// All of it, in memory.
    Whole(Vec<u8>),
    Stream(Box<dyn Read + Send>),
}

impl Decompressed {
    /// `size` is about what `reader` gives: a file's size.
    pub(super) fn open(mut reader: Box<dyn Read + Send>, size: u64, compression: Compression) -> io::Result<Self> {
        match compression {
            Compression::None => Ok(Self::Stream(reader)),
            Compression::Zstd => Ok(Self::Stream(Box::new(zstd::stream::read::Decoder::new(reader)?))),
            Compression::Gzip => {
                // A byte more, so that the end is met without growing.
                let room = usize::try_from(size.min(WHOLE_COMPRESSED)).unwrap_or_default() + 1;
                let mut compressed = Vec::with_capacity(room);
                let begun = reader.by_ref().take(WHOLE_COMPRESSED).read_to_end(&mut compressed);
                if begun.is_ok()
                    && (compressed.len() as u64) < WHOLE_COMPRESSED
                    && let Some(whole) = gunzip(&compressed)
                {
                    return Ok(Self::Whole(whole));
                }
                let rest: Box<dyn Read + Send> = match begun {
                    Ok(_) => reader,
                    Err(error) => Box::new(Broken(Some(error))),
                };
                let compressed = BufReader::with_capacity(BUFFER, Cursor::new(compressed).chain(rest));
                Ok(Self::Stream(Box::new(MultiGzDecoder::new(compressed))))
            }
        }
    }

    pub(super) fn into_reader(self) -> Box<dyn Read + Send> {
        match self {
            Self::Whole(content) => Box::new(Cursor::new(content)),
            Self::Stream(reader) => reader,
        }
    }
}

/// The content of a file that is one sound gzip member of moderate size; anything else is left to the stream.
fn gunzip(compressed: &[u8]) -> Option<Vec<u8>> {
    let trailer = compressed.last_chunk::<TRAILER>()?;
    let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
    let size = usize::try_from(u32::from_le_bytes([s0, s1, s2, s3])).ok()?;
    if size > WHOLE_DECOMPRESSED || size > compressed.len().saturating_mul(BEST_RATIO) {
        return None;
    }
    let mut content = vec![0; size];
    let length = libdeflater::Decompressor::new().gzip_decompress(compressed, &mut content).ok()?;
    // The library stops behind the first member and does not say where. It was the only one if the file's trailer is
    // this member's own, and stands nowhere before.
    let is_own = length == size && libdeflater::crc32(&content) == u32::from_le_bytes([c0, c1, c2, c3]);
    let is_last = memmem::find(&compressed[..compressed.len() - 1], trailer).is_none();
    (is_own && is_last).then_some(content)
}

/// Gives the error met while reading ahead, where the stream comes to it.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression as Level;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>, compression: Compression) -> (Vec<u8>, io::Result<usize>) {
        let mut content = Vec::new();
        let size = bytes.len() as u64;
        let mut reader = Decompressed::open(Box::new(Cursor::new(bytes)), size, compression).unwrap().into_reader();
        let outcome = reader.read_to_end(&mut content);
        (content, outcome)
    }

    #[test]
    fn the_name_tells() {
        assert_eq!(Compression::of_name("a/b.json.gz"), Compression::Gzip);
        assert_eq!(Compression::of_name("https://host/a.ndjson.ZST?token=x.gz"), Compression::Zstd);
        assert_eq!(Compression::of_name("a.gz/b.json"), Compression::None);
        assert_eq!(Compression::of_name("gz"), Compression::None);
    }

    #[test]
    fn one_small_member_is_taken_whole_and_members_in_a_row_are_not() {
        let member = gzip(b"some content, some content");
        assert_eq!(gunzip(&member).as_deref(), Some(&b"some content, some content"[..]));
        assert_eq!(gunzip(&[member.clone(), member.clone()].concat()), None);
        assert_eq!(gunzip(&[member.clone(), gzip(b"other content, other stuff")].concat()), None);
        assert_eq!(gunzip(&member[..10]), None);
        assert_eq!(gunzip(b"not gzip at all"), None);
    }

    #[test]
    fn members_in_a_row_are_read_one_after_another() {
        let members = [gzip(b"first"), gzip(b""), gzip(b"first"), gzip(b"third")].concat();
        let (content, outcome) = read(members, Compression::Gzip);
        assert_eq!((content.as_slice(), outcome.unwrap()), (&b"firstfirstthird"[..], 15));
    }

    #[test]
    fn a_lying_trailer_is_an_error_behind_the_content() {
        let mut member = gzip(&[b'x'; 1000]);
        let size = member.len() - 4;
        member[size..].copy_from_slice(&5000u32.to_le_bytes());
        let (content, outcome) = read(member, Compression::Gzip);
        assert_eq!(content.len(), 1000);
        assert!(outcome.is_err());
    }

    #[test]
    fn a_cut_file_gives_what_is_there_and_an_error() {
        let content: Vec<u8> =
            (0..200_000u32).flat_map(|number| (number.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        for (bytes, compression) in
            [(gzip(&content), Compression::Gzip), (zstd::encode_all(&content[..], 1).unwrap(), Compression::Zstd)]
        {
            let (all, outcome) = read(bytes.clone(), compression);
            assert!(all == content && outcome.is_ok());
            let (part, outcome) = read(bytes[..bytes.len() / 2].to_vec(), compression);
            assert!(content.starts_with(&part) && outcome.is_err());
        }
    }
}
