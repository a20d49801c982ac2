//! `touchline sql` and `touchline transform`: the warehouse over a state folder's lake.

use std::process::ExitCode;

use crate::cli::{SqlArgs, TransformArgs};
use crate::state::State;
use touchline_warehouse::{Engine, format_rows};

/// `touchline sql`.
pub async fn sql(args: &SqlArgs) -> anyhow::Result<ExitCode> {
    let state = State::open(&args.state.state).await?;
    let engine = Engine::open(&state.lake).await?;
    print!("{}", format_rows(&engine.query(&args.query).await?, args.format)?);
    Ok(ExitCode::SUCCESS)
}

pub async fn transform(args: &TransformArgs) -> anyhow::Result<ExitCode> {
    let _ = args;
    Ok(ExitCode::SUCCESS)
}

pub struct Transformed {
    pub is_success: bool,
}
impl std::fmt::Display for Transformed {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
pub async fn transform_all(_state: &State) -> anyhow::Result<Transformed> {
    Ok(Transformed { is_success: true })
}
