//! Compiled SQL as files, in the tree dbt's users know: `compiled/<project>/<path of the template>`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Component, Path};

use crate::graph::{Graph, Node, NodeId, NodeKind, TestKind};

/// File systems end a name at 255 bytes.
const LONGEST_NAME: usize = 240;

/// Writes the SQL of models and tests below `folder`. A file that says the same already is left alone, so that tools
/// which watch files see what changed.
pub fn write_compiled(folder: &Path, graph: &Graph, compiled: &HashMap<NodeId, String>) -> io::Result<()> {
    let root = folder.join("compiled");
    let mut made = HashSet::new();
    for (id, node) in graph.ids().zip(graph.nodes()) {
        let (Some(sql), Some(path)) = (compiled.get(&id), compiled_path(node, &graph.project_name)) else { continue };
        let file = root.join(path);
        if fs::read(&file).is_ok_and(|there| there == sql.as_bytes()) {
            continue;
        }
        if let Some(parent) = file.parent()
            && made.insert(parent.to_owned())
        {
            fs::create_dir_all(parent)?;
        }
        fs::write(&file, sql)?;
    }
    Ok(())
}

/// Where a node's SQL lies below `compiled/`. A generic test has no file of its own: it lies below that of its YAML.
pub fn compiled_path(node: &Node, project: &str) -> Option<String> {
    let is_generic = match &node.kind {
        NodeKind::Model(_) => false,
        NodeKind::Test(test) => match test.kind {
            TestKind::Singular => false,
            TestKind::Generic { .. } => true,
        },
        NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => return None,
    };
    let mut path = project.to_owned();
    for component in Path::new(&node.path).components() {
        // Nothing is written outside of the folder, whatever a path says.
        if let Component::Normal(part) = component {
            path.push('/');
            path.push_str(&part.to_string_lossy());
        }
    }
    if is_generic {
        path.push('/');
        path.push_str(&file_name(&node.name));
    }
    Some(path)
}

/// A test may have any name; a file may not.
pub(super) fn file_name(test: &str) -> String {
    let mut name: String = test.chars().map(|each| if is_safe(each) { each } else { '_' }).collect();
    let end = (0..=LONGEST_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name.truncate(end.unwrap_or_default());
    name + ".sql"
}

fn is_safe(character: char) -> bool {
    !character.is_control() && !r#"/\:*?"<>|"#.contains(character)
}
