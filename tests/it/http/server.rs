//! A service on this machine that speaks HTTP/1.1 and does what it is told, also what no service should do. It keeps what
//! it was asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// Their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// How many requests for this target came before.
    pub before: usize,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// A number of the query, or what it is without one.
    pub fn number(&self, name: &str, without: usize) -> usize {
        self.query(name).map_or(without, |text| text.parse().unwrap())
    }

    /// The first request in these bytes, and how many of them it takes.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ').map(str::to_owned);
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let body = bytes.get(head + 4..head + 4 + length)?;
        let body = String::from_utf8_lossy(body).into_owned();
        let request = Self { method: first.next()?, target: first.next()?, headers, body, before: 0 };
        Some((request, head + 4 + length))
    }
}

type Maker = Arc<dyn Fn(&mut dyn Write) -> io::Result<()> + Send + Sync>;

/// How an answer's body is sent.
#[derive(Clone)]
enum Manner {
    Whole,
    /// Not even the status.
    Silent,
    /// In chunks of this size, its length not told before.
    Chunked(usize),
    /// So much of it, and then the connection is reset.
    Reset(usize),
    /// So much of it, and then the connection is closed.
    Cut(usize),
    /// So much of it, and then nothing.
    Stall(usize),
    /// Byte by byte.
    Drip(Duration),
    /// As it is made, in chunks.
    Made(Maker),
}

/// What is answered.
#[derive(Clone)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    manner: Manner,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), manner: Manner::Whole }
    }

    pub fn json(body: &Value) -> Self {
        Self::new(200, body.to_string()).header("content-type", "application/json")
    }

    pub fn text(body: &str) -> Self {
        Self::new(200, body)
    }

    pub fn redirect(status: u16, to: &str) -> Self {
        Self::new(status, "").header("location", to)
    }

    /// A body that is written as it is made.
    pub fn made(make: impl Fn(&mut dyn Write) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { manner: Manner::Made(Arc::new(make)), ..Self::new(200, "") }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The page after this one, as RFC 8288 names it.
    pub fn next(self, url: &str) -> Self {
        self.header("link", &format!("<{url}>; rel=\"next\""))
    }

    pub fn gzip(mut self) -> Self {
        self.body = gzip(&self.body);
        self.header("content-encoding", "gzip")
    }

    pub fn chunked(self, size: usize) -> Self {
        Self { manner: Manner::Chunked(size), ..self }
    }

    pub fn reset_after(self, bytes: usize) -> Self {
        Self { manner: Manner::Reset(bytes), ..self }
    }

    pub fn cut_after(self, bytes: usize) -> Self {
        Self { manner: Manner::Cut(bytes), ..self }
    }

    /// Nothing at all, and the connection stays open.
    pub fn silent() -> Self {
        Self { manner: Manner::Silent, ..Self::new(200, "") }
    }

    pub fn stalled_after(self, bytes: usize) -> Self {
        Self { manner: Manner::Stall(bytes), ..self }
    }

    pub fn dripping(self, pause: Duration) -> Self {
        Self { manner: Manner::Drip(pause), ..self }
    }

    fn write_head(&self, stream: &mut impl Write) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match self.manner {
            Manner::Chunked(_) | Manner::Made(_) => head.push_str("transfer-encoding: chunked\r\n\r\n"),
            _ if self.status == 304 || self.status == 204 => head.push_str("\r\n"),
            _ => {
                let _ = write!(head, "content-length: {}\r\n\r\n", self.body.len());
            }
        }
        stream.write_all(head.as_bytes())
    }

    /// Writes it to its end; false if the connection is to be given up.
    pub fn write(&self, stream: &mut impl Write, end: &End) -> io::Result<bool> {
        if matches!(self.manner, Manner::Silent) {
            end.wait(Duration::from_mins(1));
            return Ok(false);
        }
        self.write_head(stream)?;
        match &self.manner {
            Manner::Silent | Manner::Whole => stream.write_all(&self.body)?,
            Manner::Chunked(size) => {
                for chunk in self.body.chunks(*size) {
                    Chunks(stream).write_all(chunk)?;
                }
                stream.write_all(b"0\r\n\r\n")?;
            }
            Manner::Made(make) => {
                make(&mut io::BufWriter::with_capacity(1 << 16, Chunks(stream)))?;
                stream.write_all(b"0\r\n\r\n")?;
            }
            Manner::Reset(bytes) | Manner::Cut(bytes) => {
                stream.write_all(&self.body[..*bytes])?;
                return Ok(false);
            }
            Manner::Stall(bytes) => {
                stream.write_all(&self.body[..*bytes])?;
                stream.flush()?;
                end.wait(Duration::from_mins(1));
                return Ok(false);
            }
            Manner::Drip(pause) => {
                for byte in &self.body {
                    stream.write_all(&[*byte])?;
                    stream.flush()?;
                    if end.wait(*pause) {
                        return Ok(false);
                    }
                }
            }
        }
        stream.flush()?;
        Ok(true)
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Every write is a chunk.
struct Chunks<'a, W>(&'a mut W);

impl<W: Write> Write for Chunks<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            write!(self.0, "{:x}\r\n", bytes.len())?;
            self.0.write_all(bytes)?;
            self.0.write_all(b"\r\n")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The end of the service, which ends all its waiting.
#[derive(Default)]
pub struct End {
    has_come: Mutex<bool>,
    comes: Condvar,
}

impl End {
    fn wait(&self, at_most: Duration) -> bool {
        let has_come = self.has_come.lock().unwrap();
        *self.comes.wait_timeout_while(has_come, at_most, |has_come| !*has_come).unwrap().0
    }

    fn come(&self) {
        *self.has_come.lock().unwrap() = true;
        self.comes.notify_all();
    }
}

/// Runs until it is dropped.
pub struct Server {
    address: SocketAddr,
    service: Arc<Service>,
    accepting: Option<JoinHandle<()>>,
}

/// What answers, and what it was asked.
pub struct Service {
    answer: Box<dyn Fn(&Request) -> Response + Send + Sync>,
    asked: Mutex<Vec<Request>>,
    pub end: End,
}

impl Service {
    pub fn answer(&self, mut request: Request) -> Response {
        let mut asked = self.asked.lock().unwrap();
        request.before = asked.iter().filter(|earlier| earlier.target == request.target).count();
        asked.push(request.clone());
        drop(asked);
        (self.answer)(&request)
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut peeked = vec![0; 1 << 16];
        loop {
            let bytes = stream.peek(&mut peeked)?;
            // Whoever does not speak HTTP is hung up on.
            if bytes == 0 || !peeked[0].is_ascii_uppercase() {
                return Ok(());
            }
            let Some((request, length)) = Request::parse(&peeked[..bytes]) else {
                std::thread::yield_now();
                continue;
            };
            let response = self.answer(request);
            // A connection that is closed before all was read from it is reset.
            if !matches!(response.manner, Manner::Reset(_)) {
                stream.read_exact(&mut peeked[..length])?;
            }
            if !response.write(&mut stream, &self.end)? {
                if matches!(response.manner, Manner::Cut(_)) {
                    stream.shutdown(Shutdown::Write)?;
                }
                return Ok(());
            }
        }
    }
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::with(answer, |service, stream| {
            // Clients may go as they like.
            let _ = service.serve(stream);
        })
    }

    /// With its own way to speak over a connection.
    pub fn with(
        answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
        serve: impl Fn(&Service, TcpStream) + Send + Sync + Clone + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let service = Arc::new(Service { answer: Box::new(answer), asked: Mutex::default(), end: End::default() });
        let own = Arc::clone(&service);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.end.wait(Duration::ZERO) {
                    return;
                }
                let (service, serve) = (Arc::clone(&own), serve.clone());
                std::thread::spawn(move || stream.map(|stream| serve(&service, stream)));
            }
        });
        Self { address, service, accepting: Some(accepting) }
    }

    /// `http://127.0.0.1:...`, without a slash behind it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.service.asked.lock().unwrap().clone()
    }

    /// Their targets.
    pub fn asked(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.target).collect()
    }

    pub fn count(&self) -> usize {
        self.service.asked.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.service.end.come();
        // Wakes the thread that accepts; afterwards nobody listens.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Reads a request from a stream that cannot be peeked into.
pub fn read_request(stream: &mut impl Read) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some((request, _)) = Request::parse(&bytes) {
            return Some(request);
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}
