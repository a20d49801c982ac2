//! Every path through a small tree of choices, for bounds so tiny that nothing need be left to chance.
//! CHO-1: depth first, each path once; the code that chooses is run again from its beginning for every path.

/// A walk over all paths.
#[derive(Debug, Default)]
pub struct Choices {
    /// Chosen branch and number of branches, from the root.
    path: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    /// Before the first path.
    pub fn new() -> Self {
        Self::default()
    }

    /// One of `of` branches, at least one.
    pub fn pick(&mut self, of: usize) -> usize {
        if self.at == self.path.len() {
            self.path.push((0, of));
        }
        let (chosen, _) = self.path[self.at];
        self.at += 1;
        chosen
    }

    /// The choices of this path so far.
    pub fn taken(&self) -> Vec<usize> {
        self.path[..self.at].iter().map(|(chosen, _)| *chosen).collect()
    }

    /// Goes back to the root and on to the next path; `false` after the last one.
    pub fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, of)) = self.path.pop() {
            if chosen + 1 < of {
                self.path.push((chosen + 1, of));
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_walked_once() {
        let mut choices = Choices::new();
        let mut paths = Vec::new();
        loop {
            // The second choice exists on one branch of the first only.
            if choices.pick(3) == 1 {
                choices.pick(2);
            }
            paths.push(choices.taken());
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(paths, [vec![0], vec![1, 0], vec![1, 1], vec![2]]);
    }
}
