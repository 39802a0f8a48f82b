//! What changes on disk: saves as editors make them, gathered until they are over.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::places::Places;
use crate::diagnostic::{Code, Diagnostic};

/// A save is over when nothing more came for so long.
const QUIET: Duration = Duration::from_millis(15);
/// The same where each file is known to be whole: others may still be saved along.
const QUIET_WHOLE: Duration = Duration::from_millis(4);
/// A burst without end is looked at after so long.
const LONGEST: Duration = Duration::from_millis(300);
/// What the system says when a process may not open more, or a user not watch more.
const TOO_MANY: i32 = 24;

/// The files of a project, watched.
pub(super) struct Changes {
    eyes: Eyes,
    events: UnboundedReceiver<Touched>,
    /// Of a change that is not over yet: it is not lost when whoever waited for it goes on to something else.
    pending: Vec<PathBuf>,
    /// Those of them that are being written.
    unfinished: HashSet<PathBuf>,
}

/// A path that something happened to.
struct Touched {
    path: PathBuf,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// There may be more to come.
    Written,
    /// Who wrote it has closed it; not a change by itself.
    Closed,
    /// Renamed or removed: what is there now, if anything, is there as a whole.
    Whole,
}

/// What is watched; it can be told from elsewhere where else the project lies.
#[derive(Clone)]
pub(super) struct Eyes(Arc<Mutex<Watched>>);

struct Watched {
    // Dropped, it watches no more.
    watcher: RecommendedWatcher,
    places: Places,
    folders: Vec<PathBuf>,
}

impl Changes {
    pub(super) fn of(places: Places) -> Result<Self, Diagnostic> {
        let (sender, events) = unbounded_channel();
        let root = places.root.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let (paths, how) = match event {
                Ok(event) if !event.need_rescan() => match how(event.kind) {
                    Some(how) => (event.paths, how),
                    None => return,
                },
                // More has changed than was told: everything is looked at.
                Ok(_) | Err(_) => (vec![root.clone()], How::Written),
            };
            for path in paths {
                // Nobody listens any more only at the end.
                let _ = sender.send(Touched { path, how });
            }
        });
        let watcher = watcher.map_err(|error| unwatched(&places.root, &error))?;
        let mut watched = Watched { watcher, places: places.clone(), folders: Vec::new() };
        let root = watched.places.root.clone();
        watched.watcher.watch(&root, RecursiveMode::NonRecursive).map_err(|error| unwatched(&root, &error))?;
        let eyes = Eyes(Arc::new(Mutex::new(watched)));
        eyes.follow(places)?;
        Ok(Self { eyes, events, pending: Vec::new(), unfinished: HashSet::new() })
    }

    pub(super) fn eyes(&self) -> Eyes {
        self.eyes.clone()
    }

    /// The files of the next change, relative to the project.
    pub(super) async fn next(&mut self) -> Vec<String> {
        if self.pending.is_empty() {
            match self.recv().await {
                Some(first) => self.take(first),
                None => return std::future::pending().await,
            }
        }
        let over = tokio::time::Instant::now() + LONGEST;
        loop {
            let quiet = if self.unfinished.is_empty() { QUIET_WHOLE } else { QUIET };
            match tokio::time::timeout_at((tokio::time::Instant::now() + quiet).min(over), self.recv()).await {
                Ok(Some(touched)) => self.take(touched),
                Ok(None) | Err(_) => break,
            }
        }
        self.unfinished.clear();
        let paths = std::mem::take(&mut self.pending);
        let mut watched = self.eyes.lock();
        watched.look_again(&paths);
        // Without an extension it is a folder, or what an editor wrote first and renamed.
        let shown = paths.iter().filter(|path| path.extension().is_some() || path.ends_with(".env") || path.is_dir());
        let mut names: Vec<String> = shown.filter_map(|path| watched.places.shown(path)).collect();
        names.sort();
        names.dedup();
        names
    }

    fn take(&mut self, Touched { path, how }: Touched) {
        match how {
            How::Written => _ = self.unfinished.insert(path.clone()),
            How::Closed | How::Whole => _ = self.unfinished.remove(&path),
        }
        self.pending.push(path);
    }

    /// The next path that matters.
    async fn recv(&mut self) -> Option<Touched> {
        loop {
            let touched = self.events.recv().await?;
            let is_change = touched.how != How::Closed || self.unfinished.contains(&touched.path);
            if is_change && self.eyes.lock().places.has(&touched.path) {
                return Some(touched);
            }
        }
    }
}

impl Eyes {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the project lies there.
    pub(super) fn follow(&self, places: Places) -> Result<(), Diagnostic> {
        let mut watched = self.lock();
        watched.places = places;
        let missing: Vec<PathBuf> =
            watched.places.folders.iter().filter(|folder| !watched.folders.contains(folder)).cloned().collect();
        missing.into_iter().try_for_each(|folder| watched.watch(folder))
    }
}

impl Watched {
    fn watch(&mut self, folder: PathBuf) -> Result<(), Diagnostic> {
        if folder.is_dir() {
            self.watcher.watch(&folder, RecursiveMode::Recursive).map_err(|error| unwatched(&folder, &error))?;
            self.folders.push(folder);
        } else if let Some(above) = folder.ancestors().find(|above| above.is_dir()) {
            // It may come later.
            self.watcher.watch(above, RecursiveMode::NonRecursive).map_err(|error| unwatched(&folder, &error))?;
        }
        Ok(())
    }

    /// A folder made just now may hold files already; one that was made anew is watched no more.
    fn look_again(&mut self, paths: &[PathBuf]) {
        let (gone, there): (Vec<PathBuf>, Vec<PathBuf>) = std::mem::take(&mut self.folders)
            .into_iter()
            .partition(|folder| paths.iter().any(|path| folder.starts_with(path)));
        self.folders = there;
        let come = self.places.folders.iter().filter(|folder| paths.iter().any(|path| folder.starts_with(path)));
        let mut again: Vec<PathBuf> = gone.into_iter().chain(come.cloned()).collect();
        again.sort();
        again.dedup();
        for folder in again {
            // What cannot be watched is told when the project is looked at.
            let _ = self.watch(folder);
        }
    }
}

/// What an event says of its paths; none for one that changes nothing.
fn how(kind: EventKind) -> Option<How> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(How::Closed),
        // Said besides the two halves of it.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => Some(How::Whole),
        EventKind::Access(_) => None,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => Some(How::Written),
    }
}

fn unwatched(folder: &Path, error: &notify::Error) -> Diagnostic {
    let cannot =
        |why: &str| Diagnostic::error(Code::Unreadable, format!("`{}` cannot be watched: {why}", folder.display()));
    match &error.kind {
        ErrorKind::MaxFilesWatch => cannot("this user watches as many folders as the system allows").hint(
            "allow more: `sudo sysctl fs.inotify.max_user_watches=524288`; or end other programs that watch files",
        ),
        ErrorKind::Io(io) if io.raw_os_error() == Some(TOO_MANY) => cannot(
            "this user has as many watchers as the system allows",
        )
        .hint("allow more: `sudo sysctl fs.inotify.max_user_instances=1024`; or end other programs that watch files"),
        ErrorKind::Io(io) => cannot(&io.to_string()),
        ErrorKind::Generic(_) | ErrorKind::PathNotFound | ErrorKind::WatchNotFound | ErrorKind::InvalidConfig(_) => {
            cannot(&error.to_string())
        }
    }
}
