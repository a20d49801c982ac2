//! What can go wrong in the warehouse, always with the file and line, or the table, and what to do.

use datafusion::error::DataFusionError;
use touchline_lake::LakeError;

/// One error of the warehouse.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// Something in the project that is wrong or outside the subset; `line` counts from 1.
    #[error("{file}:{line}: {message}")]
    Project { file: String, line: usize, message: String },
    #[error("read project file {file}: {source}")]
    ReadFile { file: String, source: std::io::Error },
    #[error("write {file}: {source}")]
    WriteFile { file: String, source: std::io::Error },
    /// The models refer to each other in a circle.
    #[error("models depend on each other in a circle: {}; remove one of these refs", .path.join(" -> "))]
    Cycle { path: Vec<String> },
    #[error("selection {selector:?}: {message}")]
    Select { selector: String, message: String },
    #[error("sql refused: {reason}; only queries run here: select, with, explain, show, describe, values")]
    NotAQuery { reason: String },
    #[error("{operation}: {}", first_line(.source))]
    Sql { operation: String, source: Box<DataFusionError> },
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("format rows: {0}")]
    Format(#[from] datafusion::arrow::error::ArrowError),
    #[error("unit test {test}: {message}")]
    UnitTest { test: String, message: String },
}

impl WarehouseError {
    pub(crate) fn project(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self::Project { file: file.to_owned(), line: line.max(1), message: message.into() }
    }

    /// Whether the same call may succeed later without a change by a person.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Lake(error) if error.is_retryable())
    }
}

/// Adds the operation to an error of the SQL engine.
pub(crate) trait SqlContext<T> {
    fn during(self, operation: impl FnOnce() -> String) -> Result<T, WarehouseError>;
}

impl<T> SqlContext<T> for Result<T, DataFusionError> {
    fn during(self, operation: impl FnOnce() -> String) -> Result<T, WarehouseError> {
        self.map_err(|source| WarehouseError::Sql { operation: operation(), source: Box::new(source) })
    }
}

/// The engine's message without its backtrace.
fn first_line(error: &DataFusionError) -> String {
    error.strip_backtrace().lines().map(str::trim_end).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The names nearest to a mistyped one, best first, at most three.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<(usize, &str)> = known.into_iter().map(|other| (edit_distance(name, other), other)).collect();
    ranked.sort();
    let limit = (name.len() / 2).max(3);
    ranked.into_iter().filter(|(distance, _)| *distance <= limit).take(3).map(|(_, other)| other).collect()
}

/// `; did you mean a, b?`, or nothing where no name is near.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known).as_slice() {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(", ")),
    }
}

/// Levenshtein distance over bytes, which suffices for identifiers.
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first_and_far_ones_not_at_all() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(nearest("stg_trade", ["fct_odds_moves", "stg_trades", "stg_plays"]), ["stg_trades", "stg_plays"]);
        assert_eq!(did_you_mean("x", ["anomalies"]), "");
    }
}
