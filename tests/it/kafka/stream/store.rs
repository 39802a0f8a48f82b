//! A store that takes a commit and does not say so.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::assert_once;
use super::super::topic::Topic;
use super::EVENTS;
use super::child::Streaming;
use crate::http::server::{Response, Server};
use crate::s3::{Store, place};

/// What lies between the program and its store.
struct Between {
    /// `127.0.0.1:...`
    store: String,
    /// Nothing can be read or written, but deleted.
    is_away: AtomicBool,
    /// It has been away.
    was_away: AtomicBool,
}

/// All of a request, with what asks for one answer only behind its other headers.
fn request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or("0", str::trim);
    let mut body = vec![0; length.parse().unwrap()];
    client.read_exact(&mut body)?;
    bytes.truncate(bytes.len() - 2);
    bytes.extend_from_slice(b"Connection: close\r\n\r\n");
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

impl Between {
    fn relay(&self, mut client: TcpStream) -> io::Result<()> {
        let request = request(&mut client)?;
        let is_deletion = request.starts_with(b"DELETE ") || request.starts_with(b"POST ");
        if self.is_away.load(Ordering::SeqCst) && !is_deletion {
            return refuse(&mut client);
        }
        let mut store = TcpStream::connect(&self.store)?;
        store.write_all(&request)?;
        // The first commit of a compaction.
        let is_lost =
            request.starts_with(b"PUT ") && contains(&request, b"_delta_log") && contains(&request, b"OPTIMIZE");
        if is_lost && !self.was_away.swap(true, Ordering::SeqCst) {
            store.read_to_end(&mut Vec::new())?;
            self.is_away.store(true, Ordering::SeqCst);
            return refuse(&mut client);
        }
        io::copy(&mut store, &mut client).map(drop)
    }
}

fn refuse(client: &mut TcpStream) -> io::Result<()> {
    client.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[test]
fn the_files_of_a_compaction_whose_commit_got_no_answer_are_kept() {
    let Some(store) = Store::start() else { return };
    let Some(topic) = Topic::new(1) else { return };
    let between = Arc::new(Between {
        store: store.variable("AWS_ENDPOINT_URL").trim_start_matches("http://").to_owned(),
        is_away: AtomicBool::new(false),
        was_away: AtomicBool::new(false),
    });
    let relaying = Arc::clone(&between);
    let server = Server::with(
        |_| Response::new(500, ""),
        move |_, client| {
            // Clients may go as they like.
            let _ = relaying.relay(client);
        },
    );
    let project = store.holding(topic.project(", batch: {rows: 1, every: 50ms}"), &place("lost-answer"));
    let project = project.env("ENDPOINT", &server.url());
    topic.numbers(0..20, 1);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until_said(1, &["bronze.events was not tidied up"]);
    between.is_away.store(false, Ordering::SeqCst);
    let all = "select count(*) from {{ ref('events') }}";
    stream.until("the rest", || project.value(all).as_i64().is_some_and(|rows| rows >= 20));
    stream.end("-TERM");
    assert_once(&project, 20);
}
