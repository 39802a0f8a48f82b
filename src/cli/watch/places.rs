//! Where the files of a project lie, and what beside them is none of it.

use std::path::{Path, PathBuf};

use crate::invocation::{Loaded, open_warehouse};

/// Files a project is made of.
const EXTENSIONS: &[&str] = &["sql", "yml", "yaml", "csv"];
/// Folders of a project that could not be read yet.
const USUAL: &[&str] = &["models", "seeds", "tests", "macros"];

#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) root: PathBuf,
    /// With models, seeds, tests and macros.
    pub(super) folders: Vec<PathBuf>,
    /// What the engine itself writes.
    left_out: Vec<PathBuf>,
}

impl Places {
    pub(super) fn of(root: &Path, loaded: Option<&Loaded>) -> Self {
        let root = real(root);
        let Some(loaded) = loaded else {
            let folders = USUAL.iter().map(|folder| root.join(folder)).collect();
            return Self { root, folders, left_out: Vec::new() };
        };
        let config = &loaded.project.config;
        let paths = [&config.model_paths, &config.seed_paths, &config.test_paths, &config.macro_paths];
        let mut folders: Vec<PathBuf> = paths.into_iter().flatten().map(|path| root.join(path)).collect();
        folders.sort();
        folders.dedup();
        let warehouse = open_warehouse(&loaded.project).ok().and_then(|warehouse| warehouse.location().folder());
        let written = [Some(root.join(&config.target_path)), warehouse];
        let left_out = written.into_iter().flatten().flat_map(|folder| [real(&folder), folder]).collect();
        Self { root, folders, left_out }
    }

    /// Whether a change there may be one of the project.
    pub(super) fn has(&self, path: &Path) -> bool {
        if self.left_out.iter().any(|folder| path.starts_with(folder)) {
            return false;
        }
        let is_above = self.folders.iter().any(|folder| folder.starts_with(path));
        if is_above || path == self.root {
            return true;
        }
        is_of_project(path) && (self.folders.iter().any(|folder| path.starts_with(folder)) || is_about_project(path))
    }

    /// As messages name it; the root has no name.
    pub(super) fn shown(&self, path: &Path) -> Option<String> {
        let relative = path.strip_prefix(&self.root).unwrap_or(path).display().to_string();
        (!relative.is_empty()).then_some(relative)
    }
}

/// Without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let (Ok(found), Ok(below)) = (above.canonicalize(), path.strip_prefix(above)) {
            // Joined to nothing, it would end in a slash.
            return if below.as_os_str().is_empty() { found } else { found.join(below) };
        }
    }
    path.to_owned()
}

/// Beside the project's folders: its own file, and those that it reads.
fn is_about_project(path: &Path) -> bool {
    let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    is_yaml || path.ends_with(".env")
}

/// Not what editors leave beside the files they save.
fn is_of_project(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return false };
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension {
        _ if name == ".env" => true,
        _ if name.starts_with('.') || name.starts_with('#') || name.ends_with('~') => false,
        Some(extension) => EXTENSIONS.contains(&extension.as_str()),
        // A folder that came or went.
        None => !name.chars().all(|c| c.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let at = |path: &str| PathBuf::from("/shop").join(path);
        Places { root: at(""), folders: vec![at("models"), at("more/seeds")], left_out: vec![at("warehouse")] }
    }

    #[test]
    fn what_editors_leave_behind_is_no_change() {
        let models = ["models/a.sql", "models/a.yml", "more/seeds/a.CSV", "models/gold", "models", "more"];
        for path in models.into_iter().chain(["project.yaml", ".env"]) {
            assert!(places().has(&Path::new("/shop").join(path)), "{path}");
        }
        for path in
            ["models/.a.sql.swp", "models/a.sql~", "models/4913", "models/#a.sql#", "models/.#a.sql", "models/a.txt"]
        {
            assert!(!places().has(&Path::new("/shop").join(path)), "{path}");
        }
    }

    #[test]
    fn what_is_written_by_a_build_is_no_change() {
        for path in ["warehouse", "warehouse/gold", "warehouse/gold/a.sql", "landing/a.csv", "landing", "README"] {
            assert!(!places().has(&Path::new("/shop").join(path)), "{path}");
        }
    }
}
