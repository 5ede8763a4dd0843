//! What every report can be asked: the API's common parameters as options.

use clap::ValueEnum;

use super::{
    Failure, output,
    values::{self, offered},
};
use crate::{
    ledger::{ids::TestClockId, time::Day},
    report::{
        about::About,
        ask::{Ask, Basis, GroupBy, InCurrency, KnownAt, Segment},
        ledger_status::LedgerStatus,
        month::Month,
        notice::Notice,
        period::Interval,
        service::{AskError, Reports},
        table::Table,
        workbook::workbook,
    },
    segment::{self, Expression},
    store::derived::reports::AccountScope,
};

/// Which figures, and how they are printed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// First day
    #[arg(long, value_name = "DAY")]
    pub(super) from: Option<Day>,
    /// Last day
    #[arg(long, value_name = "DAY")]
    pub(super) to: Option<Day>,
    /// One month, such as 2026-10, instead of --from and --to
    #[arg(long, value_name = "YYYY-MM", conflicts_with_all = ["from", "to", "last"])]
    month: Option<Month>,
    /// The last so many days, weeks, months, quarters or years up to today, such as 30d, 12m or 4q
    #[arg(long, value_name = "SPAN", value_parser = span, conflicts_with_all = ["from", "to"])]
    last: Option<(i64, Interval)>,
    #[command(flatten)]
    ledger: Ledger,
    #[command(flatten)]
    output: Output,
}

/// How a series is cut into periods.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Every {
    /// Length of a period: day, week, month, quarter or year
    #[arg(long, default_value = "month", value_parser = offered(values::intervals(), interval), hide_possible_values = true)]
    pub(super) interval: Interval,
}

/// What a series is broken down by.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct By {
    /// product, price, interval, currency, country, cohort, customer, cause, metadata:KEY or attribute:KEY
    #[arg(long, visible_alias = "by", value_name = "WHAT", value_parser = offered(values::groups(), group_by),
        hide_possible_values = true)]
    pub(super) group_by: Option<GroupBy>,
}

/// Of which customers figures are told.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Customers {
    /// Only of customers of whom this holds, such as "attribute:size >= 200 and not country = DE"
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition, conflicts_with = "segment")]
    condition: Option<Expression>,
    /// Only of customers of this segment, of the configuration or saved
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// Segments and attributes as they are today, for all history
    #[arg(long)]
    current: bool,
}

impl Customers {
    /// A question about these customers.
    pub(super) fn of(&self, ask: Ask) -> Ask {
        let named = self.segment.as_deref().map(|name| Segment::Named(name.into()));
        let segment = named.or_else(|| self.condition.clone().map(|condition| Segment::Where(condition.into())));
        Ask { segment, current: self.current, ..ask }
    }
}

fn condition(text: &str) -> Result<Expression, String> {
    segment::parse(text).map_err(|mistake| mistake.to_string())
}

/// Which ledger.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Ledger {
    /// Under which profile's rules [default: the first of ledger.profiles]
    #[arg(long, value_parser = values::profile(), hide_possible_values = true)]
    profile: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

/// Whose events, and how many of them.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Whose {
    /// A currency's own ledger, or reporting: the one converted into ledger.reporting_currency, which is the default
    #[arg(long, value_name = "CODE|reporting", value_parser = offered(values::currencies(), in_currency),
        hide_possible_values = true)]
    currency: Option<InCurrency>,
    /// As the log told it at an instant (RFC 3339) or a place in the log
    #[arg(long, value_name = "WHEN", value_parser = known_at)]
    as_known_at: Option<KnownAt>,
    /// Test events instead of live ones
    #[arg(long)]
    test: bool,
    /// Live events (true) or test events (false) [default: live, unless only test events were ever seen]
    #[arg(long, value_name = "true|false", conflicts_with = "test")]
    livemode: Option<bool>,
    /// A connected account's figures, or all
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// A test clock's figures, in its simulated time
    #[arg(long, value_name = "CLOCK")]
    test_clock: Option<String>,
}

/// How an answer is printed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Output {
    /// How to print it; xlsx is a file, for > FILE
    #[arg(long, default_value = "table")]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Every place of each amount in a table, as CSV and JSON always have it: sums are made of these, so that amounts rounded to the
    /// currency's own places may differ from their sum by a cent
    #[arg(long)]
    exact: bool,
    /// Whether tables and CSV have amounts in units of the currency (major) or in its minor units, as JSON has them
    #[arg(long, default_value = "major")]
    units: Units,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Xlsx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Units {
    Major,
    Minor,
}

fn span(text: &str) -> Result<(i64, Interval), String> {
    let read = text.char_indices().last().and_then(|(at, unit)| {
        let interval = match unit {
            'd' => Interval::Day,
            'w' => Interval::Week,
            'm' => Interval::Month,
            'q' => Interval::Quarter,
            'y' => Interval::Year,
            _ => return None,
        };
        Some((text[..at].parse().ok().filter(|count| (1..=10_000).contains(count))?, interval))
    });
    read.ok_or_else(|| "a number from 1 to 10000 and d, w, m, q or y, such as 30d or 12m".to_owned())
}

/// The first day of the last `count` periods that end with the one `today` lies in.
fn first_of_last(count: i64, interval: Interval, today: Day) -> Day {
    let back = count - 1;
    let first = match interval {
        Interval::Day => jiff::Span::new().days(back),
        Interval::Week => jiff::Span::new().weeks(back),
        Interval::Month => jiff::Span::new().months(back),
        Interval::Quarter => jiff::Span::new().months(back.saturating_mul(3)),
        Interval::Year => jiff::Span::new().years(back),
    };
    // Before the calendar begins there is nothing to report either.
    let begun = today.0.checked_sub(first).unwrap_or(jiff::civil::Date::MIN);
    interval.first_day(Day(begun))
}

fn interval(text: &str) -> Result<Interval, String> {
    Interval::parse(text).ok_or_else(|| "day, week, month, quarter or year are possible".to_owned())
}

fn group_by(text: &str) -> Result<GroupBy, String> {
    GroupBy::parse(text).ok_or_else(|| format!("{} are possible", GroupBy::words()))
}

fn in_currency(text: &str) -> Result<InCurrency, String> {
    text.parse().map_err(|_| format!("{} is expected", InCurrency::WORDS))
}

pub(super) fn known_at(text: &str) -> Result<KnownAt, String> {
    KnownAt::parse(text).ok_or_else(|| format!("it is not {}", KnownAt::expected(text)))
}

impl Options {
    /// The question they make.
    pub(super) fn ask(&self, today: Day) -> Ask {
        let (from, to) = self.days(today);
        Ask { from, to, ..self.ledger.ask() }
    }

    /// The same on a basis. Months are closed whole, and the one that runs is not cut at today.
    ///
    /// Errors where days or weeks of closed figures are asked for.
    pub(super) fn ask_on(&self, basis: Basis, today: Day) -> Result<Ask, AskError> {
        let ask = Ask { basis, ..self.ask(today) };
        match (basis, self.last) {
            (Basis::Closed, Some((_, Interval::Day | Interval::Week))) => {
                let reason = "months are closed whole: with --basis closed it is in m, q or y, such as 3m".into();
                Err(AskError::Parameter { name: "last", reason })
            }
            (Basis::Closed, Some(_)) => Ok(Ask { to: None, ..ask }),
            _ => Ok(ask),
        }
    }

    /// The first and the last day asked for.
    pub(super) fn days(&self, today: Day) -> (Option<Day>, Option<Day>) {
        match (self.month, self.last) {
            (Some(month), _) => (Some(month.first()), Some(month.last())),
            (_, Some((count, interval))) => (Some(first_of_last(count, interval, today)), Some(today)),
            _ => (self.from, self.to),
        }
    }

    /// Prints an answer, with what a reader has to be told of it.
    pub(super) fn print<T: serde::Serialize>(
        &self,
        answer: &T,
        told: &Told,
        table: impl Fn(&T) -> Table,
    ) -> std::io::Result<()> {
        self.output.print(answer, told, table)
    }

    /// Prints an answer that a person reads better in another table than a program's.
    pub(super) fn print_for_people<T: serde::Serialize>(
        &self,
        answer: &T,
        told: &Told,
        table: impl Fn(&T) -> Table,
        for_people: impl Fn(&T) -> Table,
    ) -> std::io::Result<()> {
        self.output.print_as(answer, told, table, |answer| for_people(answer).shown(self.output.exact))
    }

    /// Prints an answer that a person reads better as `text` than as a table.
    pub(super) fn print_as<T: serde::Serialize>(
        &self,
        answer: &T,
        told: &Told,
        table: impl Fn(&T) -> Table,
        text: impl Fn(&T) -> String,
    ) -> std::io::Result<()> {
        self.output.print_as(answer, told, table, text)
    }
}

impl Ledger {
    /// The question they make.
    pub(super) fn ask(&self) -> Ask {
        Ask { profile: self.profile.clone(), ..self.whose.ask() }
    }
}

impl Whose {
    /// The question they make.
    pub(super) fn ask(&self) -> Ask {
        Ask {
            currency: self.currency,
            livemode: self.livemode.or(self.test.then_some(false)),
            account: AccountScope::named(self.account.as_deref()),
            test_clock: self.test_clock.as_deref().map(TestClockId::from),
            as_known_at: self.as_known_at,
            ..Ask::default()
        }
    }
}

impl Output {
    /// Whether a person reads it.
    pub(super) fn is_table(&self) -> bool {
        !self.json && self.format == Format::Table
    }

    /// Every place of each amount.
    pub(super) fn exact(&self) -> bool {
        self.exact
    }

    /// Prints an answer.
    pub(super) fn print<T: serde::Serialize>(
        &self,
        answer: &T,
        told: &Told,
        table: impl Fn(&T) -> Table,
    ) -> std::io::Result<()> {
        self.print_as(answer, told, &table, |answer| table(answer).shown(self.exact))
    }

    /// Prints an answer that a person reads better as `text` than as a table, with what a reader has to be told of it: in
    /// JSON with the answer; beside a table on standard error; instead of one that would be empty.
    pub(super) fn print_as<T: serde::Serialize>(
        &self,
        answer: &T,
        told: &Told,
        table: impl Fn(&T) -> Table,
        text: impl Fn(&T) -> String,
    ) -> std::io::Result<()> {
        #[derive(serde::Serialize)]
        struct Whole<'a, T> {
            #[serde(flatten)]
            answer: &'a T,
            #[serde(skip_serializing_if = "<[Notice]>::is_empty")]
            notices: &'a [Notice],
        }
        let Told { notices, about } = told;
        if self.json || self.format == Format::Json {
            return output::json(&Whole { answer, notices });
        }
        let cells = table(answer);
        if self.format == Format::Table && cells.rows.is_empty() && !notices.is_empty() {
            return notices.iter().try_for_each(|notice| output::line(output::sentence(&notice.for_terminal())));
        }
        notices.iter().for_each(|notice| eprintln!("mrrd: {}", notice.for_terminal()));
        match self.format {
            Format::Csv => {
                let text = if self.units == Units::Major { cells.csv_in_units() } else { cells.csv() };
                std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes())
            }
            Format::Xlsx => {
                let mut about = about.clone();
                about.extend(notices.iter().map(|notice| ("note", notice.detail.clone())));
                output::file(&workbook(&about, &[("figures", cells)]).map_err(std::io::Error::other)?)
            }
            _ if self.units == Units::Minor => output::line(cells.in_minor_units()),
            _ => output::line(text(answer)),
        }
    }
}

/// What goes with an answer.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What a reader has to be told of it.
    pub(super) notices: Vec<Notice>,
    /// What was asked.
    about: About,
}

/// What a reader has to be told of the answer to `ask`: that its figures are behind, and why there are none.
pub(super) async fn told(reports: &Reports<'_>, ask: &Ask, is_empty: bool) -> Result<Told, AskError> {
    let mut notices = reports.ledger_status_of(ask).await?.as_ref().map(LedgerStatus::notices).unwrap_or_default();
    if is_empty {
        notices.extend(reports.why_empty(ask).await?);
    } else {
        notices.extend(reports.of_test_events(ask).await?);
    }
    Ok(Told { notices, about: reports.about(ask, &[]).await? })
}

/// Where what was looked for is instead, or why it can't be there: the end of a sentence that says it isn't in the ledger.
pub(super) fn elsewhere(notices: &[Notice]) -> String {
    let end = |notice: &Notice| match notice.flags() {
        Some(flags) => format!("; {}: ask with {flags}", notice.detail),
        None => format!("; {}", notice.detail),
    };
    notices.iter().map(end).collect()
}

/// A question that makes no sense is the user's; anything else is a failure.
pub(super) fn failure(error: AskError) -> Failure {
    match error {
        AskError::Parameter { name, reason } => Failure::Usage(format!("--{}: {reason}", name.replace('_', "-"))),
        error => Failure::Failed(format!("the report can't be given: {error}")),
    }
}
