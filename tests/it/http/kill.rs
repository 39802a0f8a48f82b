//! `kill -9` at any moment of a backfill: in the end every window is there exactly once, and every event of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Request, Response, Server};
use super::{connected, declare, project};
use crate::project::TestProject;

const HOURS: usize = 48;
const EVENTS: usize = 200;
const REJECTED: usize = 3;
const KILLS: usize = 50;

/// An hour of events on two pages, some of them broken; now and then the service falters.
fn page(request: &Request) -> Response {
    if request.target.len() % 3 == request.before % 7 {
        return Response::new(503, "busy").header("retry-after", "0");
    }
    let hour: usize = request.path().rsplit('/').next().unwrap().parse().unwrap();
    let page = request.number("page", 1);
    let first = hour * EVENTS + (page - 1) * EVENTS / 2;
    let mut events: Vec<Value> =
        (first..first + EVENTS / 2).map(|id| json!({"id": id, "name": format!("n{}", id % 7)})).collect();
    if page == 2 {
        events.extend((0..REJECTED).map(|n| json!({"id": format!("broken {hour} {n}")})));
        return Response::json(&Value::from(events)).gzip();
    }
    Response::json(&Value::from(events)).next(&format!("{}?page=2", request.path()))
}

/// The windows that have come so far.
fn table(hours: usize) -> String {
    format!(
        "http: {{connection: api, path: \"/{{{{ ((window.start.day - 1) * 24) + window.start.hour }}}}\", paginate: {{link_header: next}}}}\n\
         window: {{every: 1h, start: 2025-01-01, end: 2025-01-{:02}T{:02}:00:00Z}}\nper_commit: 2",
        hours / 24 + 1,
        hours % 24
    )
}

fn count_files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let entries = entries.filter_map(Result::ok);
    entries.map(|entry| if entry.path().is_dir() { count_files(&entry.path()) } else { 1 }).sum()
}

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// After so many new files in the warehouse.
    Files(usize),
    /// After so many requests.
    Requests(usize),
}

/// Another number every time, the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn moment(&mut self) -> Moment {
        match self.below(3) {
            0 => Moment::Requests(1 + self.below(8)),
            _ => Moment::Files(1 + self.below(7)),
        }
    }
}

/// Runs and kills; false when the run had ended before.
fn run_and_kill(project: &TestProject, server: &Server, moment: Moment) -> bool {
    let warehouse = project.path("warehouse");
    let (files, requests) = (count_files(&warehouse), server.count());
    let mut child = project.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let killed = loop {
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        let has_come = match moment {
            Moment::Files(more) => count_files(&warehouse) >= files + more,
            Moment::Requests(more) => server.count() >= requests + more,
        };
        if has_come {
            break true;
        }
        assert!(Instant::now() < deadline, "a run makes no progress");
        std::thread::yield_now();
    };
    child.kill().unwrap();
    child.wait().unwrap();
    killed
}

/// Rows and different ids by window.
fn by_window(project: &TestProject) -> BTreeMap<String, (usize, usize)> {
    if !project.path("warehouse/bronze/items/_delta_log/00000000000000000000.json").exists() {
        return BTreeMap::new();
    }
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let rows = project.rows("select window_start, count(*) as n, count(distinct id) as u from bronze.items group by 1");
    rows.iter()
        .map(|row| (row["window_start"].as_str().unwrap().to_owned(), (number(&row["n"]), number(&row["u"]))))
        .collect()
}

#[test]
fn a_backfill_may_be_killed_at_any_moment() {
    let server = Server::start(page);
    let mut hours = HOURS;
    let project = project(&server, &table(hours));
    let seed = u64::from(std::process::id());
    let mut numbers = Numbers(seed);
    let (mut kills, mut round) = (0, 0);
    while kills < KILLS {
        round += 1;
        assert!(round < 4 * KILLS, "only {kills} of {round} runs were alive when they were killed");
        let moment = numbers.moment();
        kills += usize::from(run_and_kill(&project, &server, moment));
        let windows = by_window(&project);
        for (window, rows) in &windows {
            assert_eq!(*rows, (EVENTS, EVENTS), "{window} after {moment:?} in round {round} of seed {seed}");
        }
        if windows.len() == hours {
            // Killed late and often: there is more to do.
            hours += 12;
            declare(&project, &server, "", &table(hours));
        }
    }

    project.ok(&["run"]);
    let windows = by_window(&project);
    assert_eq!(windows.len(), hours, "seed {seed}");
    assert!(windows.values().all(|rows| *rows == (EVENTS, EVENTS)), "{windows:?} of seed {seed}");
    let all = hours * EVENTS;
    assert_eq!(
        project.rows(
            "select count(*) as n, count(distinct id) as u, min(id) as first, max(id) as last from {{ ref('items') }}"
        ),
        [json!({"n": all, "u": all, "first": 0, "last": all - 1})],
        "seed {seed}"
    );
    assert_eq!(
        project.rows("select count(*) as n, count(distinct raw) as u from bronze.items__rejected"),
        [json!({"n": hours * REJECTED, "u": hours * REJECTED})],
        "seed {seed}"
    );
    let (version, asked) = (project.version("bronze/items"), server.count());
    project.ok(&["run"]);
    assert_eq!((project.version("bronze/items"), server.count()), (version, asked));
    let status = project.ok(&["source", "status"]).stdout;
    assert!(status.contains(&format!("{hours} windows: 2025-01-01T00:00:00Z to ")), "{status}");
}

/// Files of more than half a mebibyte.
fn large_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().filter_map(Result::ok);
    entries
        .flat_map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => large_files(&entry.path()),
            Ok(meta) if meta.len() > 1 << 19 => vec![entry.path().display().to_string()],
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn a_run_killed_inside_a_large_body_leaves_nothing_behind() {
    let server = Server::start(|request| match request.before {
        0 => Response::new(200, vec![b' '; 4 << 20]).stalled_after((4 << 20) - 1),
        _ => Response::text("[{\"id\": 1}]"),
    });
    let project = connected(&server, "timeout: {request: 1h}", "http: {connection: api, path: /items}");
    let temporary = project.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let project = project.env("TMPDIR", temporary.to_str().unwrap());
    let mut child = project.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while server.count() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "ended before it asked");
        std::thread::yield_now();
    }
    // Where a body is kept need not have a name.
    let deadline = Instant::now() + Duration::from_millis(700);
    while large_files(project.root()).is_empty() && Instant::now() < deadline {
        assert!(child.try_wait().unwrap().is_none(), "ended before its answer");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(server.count(), 1);
    project.ok(&["run"]);
    assert_eq!(large_files(project.root()), [""; 0]);
}

#[test]
fn windows_read_again_may_be_killed_at_any_moment() {
    const WINDOWS: usize = 6;
    let server = Server::start(page);
    let project = project(&server, &table(WINDOWS));
    project.ok(&["run"]);
    for files in [1, 2, 3, 4, 5, 7, 9] {
        let warehouse = project.path("warehouse");
        let before = count_files(&warehouse);
        let again = ["run", "--from", "2025-01-01", "--to", "2025-01-02"];
        let mut child = project.command(&again).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && count_files(&warehouse) < before + files {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let windows = by_window(&project);
        assert_eq!(windows.len(), WINDOWS, "after {files} files");
        assert!(windows.values().all(|rows| *rows == (EVENTS, EVENTS)), "{windows:?} after {files} files");
    }
}
