//! What can go wrong in the lake, with the operation and the table or key it happened to.

use arrow_schema::ArrowError;
use touchline_store::StoreError;

/// One error of the lake. The message names the operation and its subject; the source is kept.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("{operation} {subject}: {source}")]
    Iceberg { operation: &'static str, subject: String, source: Box<iceberg::Error> },
    #[error("{operation} {subject}: {source}")]
    Arrow { operation: &'static str, subject: String, source: ArrowError },
    #[error("{operation} {subject}: {source}")]
    Io { operation: &'static str, subject: String, source: std::io::Error },
    #[error("{operation} {subject}: {source}")]
    Catalog { operation: &'static str, subject: String, source: sqlx::Error },
    #[error("{operation} {subject}: {source}")]
    Store { operation: &'static str, subject: String, source: StoreError },
    #[error("chain of shard {shard} cannot be read: {message}")]
    Chain { shard: String, message: String },
    #[error("chain of shard {shard} is full with {files} uncommitted files; run the committer, then retry")]
    ChainFull { shard: String, files: usize },
    #[error("write {table}: column {column} is missing from the rows; select it or make it optional in the table")]
    MissingColumn { table: String, column: String },
    #[error("write {table}: column {column} is not in the table; drop it from the rows or add it to the table")]
    UnknownColumn { table: String, column: String },
    #[error("commit to {subject}: gave up after {attempts} attempts, other writers kept winning; run it again")]
    Contended { subject: String, attempts: usize },
    #[error("object key {key:?} is not allowed: {reason}")]
    Key { key: String, reason: &'static str },
    #[error("payload {key} is not as it should be: {reason}")]
    Payload { key: String, reason: String },
    #[error("{operation}: table {table} does not exist")]
    MissingTable { operation: &'static str, table: String },
    #[error(
        "commit to table {table}: the catalog said yes, but the table does not show it; check the catalog file, then retry"
    )]
    Unconfirmed { table: String },
    #[error("a row of {table} is no event: {message}")]
    Row { table: String, message: String },
    #[error("name {name:?} is no table: write it as namespace.table")]
    TableName { name: String },
}

impl LakeError {
    /// Whether the same call may succeed later without a change by a person.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Contended { .. } | Self::Unconfirmed { .. } | Self::Io { .. } | Self::Catalog { .. } => true,
            Self::ChainFull { .. } => true,
            Self::Iceberg { source, .. } => source.retryable(),
            Self::Store { source, .. } => {
                matches!(source, StoreError::Throttled { .. } | StoreError::Unknown { .. } | StoreError::Unavailable(_))
            }
            _ => false,
        }
    }
}

/// Adds the operation and its subject to a foreign error.
pub(crate) trait Context<T> {
    fn context(self, operation: &'static str, subject: impl ToString) -> Result<T, LakeError>;
}

impl<T> Context<T> for Result<T, iceberg::Error> {
    fn context(self, operation: &'static str, subject: impl ToString) -> Result<T, LakeError> {
        self.map_err(|source| LakeError::Iceberg { operation, subject: subject.to_string(), source: Box::new(source) })
    }
}

impl<T> Context<T> for Result<T, ArrowError> {
    fn context(self, operation: &'static str, subject: impl ToString) -> Result<T, LakeError> {
        self.map_err(|source| LakeError::Arrow { operation, subject: subject.to_string(), source })
    }
}

impl<T> Context<T> for Result<T, std::io::Error> {
    fn context(self, operation: &'static str, subject: impl ToString) -> Result<T, LakeError> {
        self.map_err(|source| LakeError::Io { operation, subject: subject.to_string(), source })
    }
}

impl<T> Context<T> for Result<T, sqlx::Error> {
    fn context(self, operation: &'static str, subject: impl ToString) -> Result<T, LakeError> {
        self.map_err(|source| LakeError::Catalog { operation, subject: subject.to_string(), source })
    }
}

impl<T> Context<T> for Result<T, StoreError> {
    fn context(self, operation: &'static str, subject: impl ToString) -> Result<T, LakeError> {
        self.map_err(|source| LakeError::Store { operation, subject: subject.to_string(), source })
    }
}
