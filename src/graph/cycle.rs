//! A topological order, or the shortest chain that shows why there is none.

use std::collections::VecDeque;

/// Indices such that parents come first; ties keep the given order. `Err` is one cycle: the first index stands again at its end.
pub(super) fn order(parents: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut children = vec![Vec::new(); parents.len()];
    let mut waiting: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (child, above) in parents.iter().enumerate() {
        for parent in above {
            children[*parent].push(child);
        }
    }
    let mut ready: VecDeque<usize> = (0..parents.len()).filter(|id| waiting[*id] == 0).collect();
    let mut sorted = Vec::with_capacity(parents.len());
    while let Some(id) = ready.pop_front() {
        sorted.push(id);
        for child in &children[id] {
            waiting[*child] -= 1;
            if waiting[*child] == 0 {
                ready.push_back(*child);
            }
        }
    }
    match sorted.len() == parents.len() {
        true => Ok(sorted),
        false => Err(shortest_cycle(parents, &waiting)),
    }
}

fn shortest_cycle(parents: &[Vec<usize>], waiting: &[usize]) -> Vec<usize> {
    let candidates = (0..parents.len()).filter(|id| waiting[*id] > 0);
    candidates.filter_map(|start| cycle_from(parents, start)).min_by_key(Vec::len).unwrap_or_default()
}

/// Breadth first along the parents until `start` is met again.
fn cycle_from(parents: &[Vec<usize>], start: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![usize::MAX; parents.len()];
    let mut border = VecDeque::from([start]);
    while let Some(id) = border.pop_front() {
        for parent in &parents[id] {
            if *parent == start {
                let mut chain = vec![start];
                let mut at = id;
                while at != start {
                    chain.push(at);
                    at = came_from[at];
                }
                chain.push(start);
                // Found from the end: told in the order in which one reads the other.
                chain.reverse();
                return Some(chain);
            }
            if came_from[*parent] == usize::MAX {
                came_from[*parent] = id;
                border.push_back(*parent);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first() {
        assert_eq!(order(&[vec![1], vec![2], vec![]]), Ok(vec![2, 1, 0]));
    }

    #[test]
    fn the_shortest_cycle_is_told() {
        let parents = [vec![1], vec![2], vec![0], vec![4], vec![3], vec![]];
        assert_eq!(order(&parents), Err(vec![3, 4, 3]));
        assert_eq!(order(&[vec![0]]), Err(vec![0, 0]));
    }
}
