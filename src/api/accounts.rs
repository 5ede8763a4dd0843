//! `GET /api/v1/accounts`: whose ledgers there are: the account's own, and one for each connected account.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, json,
    query::{Query, parameters},
    reports,
};
use crate::{api::state::AppState, ledger::ids::AccountId, report::ask::Ask};

parameters! {
    /// Whose accounts are listed.
    pub(super) struct AccountsQuery {
        /// Rule profile; the first configured one without it.
        profile: Option<String>,
        /// Live or test: live without it, unless only test events were ever seen.
        livemode: Option<bool>,
    }
}

/// Connected accounts, by id. Not paged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AccountList {
    /// One each; the account's own ledger is always there and isn't among them.
    data: Vec<AccountEntry>,
    /// Always null: the list has one page.
    next_cursor: Option<String>,
}

/// A connected account that the log knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AccountEntry {
    /// `acct_…`, as the parameter `account` takes it.
    account: String,
    /// How many customers it has, whether they pay or not.
    customers: i64,
}

/// The connected accounts that the ledger has customers of.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "customers",
    params(AccountsQuery), responses((status = 200, body = AccountList)))]
pub(super) async fn accounts(State(state): State<AppState>, Query(query): Query<AccountsQuery>) -> Answer {
    let ask = Ask { profile: query.profile, livemode: query.livemode, ..Ask::default() };
    let found = reports(&state).accounts(&ask).await?;
    let entry = |(account, customers): (AccountId, i64)| AccountEntry { account: account.to_string(), customers };
    Ok(json(&AccountList { data: found.into_iter().map(entry).collect(), next_cursor: None }))
}
