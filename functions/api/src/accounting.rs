//! `/v1/accounting`: what became of every event that was offered, per source.
//! ACC-1 (P12): offered = applied + duplicate + rejected + quarantined + late + after seal; a difference is shown, never hidden.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::query::Query;
use crate::{ApiContext, OfferedAccount};

/// The accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounting {
    pub values: Vec<Account>,
    /// Always null: sources are few.
    pub next: Option<String>,
    /// Every source adds up.
    pub adds_up: bool,
    /// The same in words.
    pub sentence: String,
}

/// One source's account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    pub source: String,
    /// Events that the source's producers put into the stream, plus records that its parser refused.
    pub offered: u64,
    /// Counted into a pane.
    pub applied: u64,
    /// Further deliveries of a fact that was counted before.
    pub duplicate: u64,
    /// Refused by the parser, kept with the reason.
    pub rejected: u64,
    /// Refused by a consumer of the stream, kept with the reason.
    pub quarantined: u64,
    /// Beyond the lateness horizon when they first arrived.
    pub late: u64,
    /// In time, but their pane was sealed.
    pub after_seal: u64,
    /// Once refused or late, taken after all: among the applied by now.
    pub redriven: u64,
    /// Offered minus everything accounted for: under way while positive, a defect if negative.
    pub difference: i64,
    pub adds_up: bool,
}

#[utoipa::path(
    get, path = "/v1/accounting", tag = "operations",
    responses(
        (status = 200, description = "One account per source", body = Accounting),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// What became of every event, per source.
pub async fn accounting(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Accounting>, Problem> {
    Query::read(&uri, &[])?;
    let accounts = (context.accounting)().await?;
    let values: Vec<Account> = accounts.into_iter().map(|(source, offered)| account(source, &offered)).collect();
    Ok(Json(Accounting {
        adds_up: values.iter().all(|account| account.adds_up),
        sentence: sentence(&values),
        values,
        next: None,
    }))
}

fn account(source: String, OfferedAccount { offered, account }: &OfferedAccount) -> Account {
    let difference =
        (i128::from(*offered) - i128::from(account.total())).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    Account {
        source,
        offered: *offered,
        applied: account.applied,
        duplicate: account.duplicate,
        rejected: account.rejected,
        quarantined: account.quarantined,
        late: account.late,
        after_seal: account.after_seal,
        redriven: account.redriven,
        difference,
        adds_up: difference == 0,
    }
}

fn sentence(accounts: &[Account]) -> String {
    let offered: u64 = accounts.iter().map(|account| account.offered).sum();
    let missing: i64 = accounts.iter().map(|account| account.difference.max(0)).sum();
    let surplus: i64 = accounts.iter().map(|account| account.difference.min(0)).sum::<i64>().abs();
    match (accounts.len(), missing, surplus) {
        (0, _, _) => "No event has been offered yet.".to_owned(),
        (sources, 0, 0) => format!(
            "All {offered} events offered by {sources} {} are accounted for: none lost, none counted twice.",
            if sources == 1 { "source" } else { "sources" }
        ),
        (_, missing, 0) => {
            format!(
                "{missing} of {offered} offered events are not accounted for yet: under way while data flows, lost if it stays."
            )
        }
        (_, _, surplus) => {
            format!(
                "{surplus} events more are accounted for than the {offered} that were offered: something was counted twice."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_store::SourceAccount;

    fn of(offered: u64, applied: u64, duplicate: u64) -> Account {
        let account_of = SourceAccount { applied, duplicate, ..SourceAccount::default() };
        account("espn".into(), &OfferedAccount { offered, account: account_of })
    }

    #[test]
    fn a_difference_in_either_direction_is_told() {
        assert!(of(10, 8, 2).adds_up);
        assert_eq!(of(10, 8, 1).difference, 1);
        assert_eq!(of(10, 8, 3).difference, -1);
        assert!(sentence(&[of(10, 8, 2)]).starts_with("All 10 events"));
        assert!(sentence(&[of(10, 8, 2), of(10, 8, 1)]).starts_with("1 of 20"));
        assert!(sentence(&[of(10, 8, 1), of(10, 8, 3)]).contains("counted twice"));
    }
}
