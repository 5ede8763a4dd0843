//! Migrations: embedded, applied at start, and a plain refusal of what this version can't read.

use sqlx::{
    Acquire,
    migrate::{Migrate, MigrateError, Migrator},
};

use super::StoreError;

/// Migrations of the log and of records: all but those of derived tables.
pub(crate) fn log_part(all: &Migrator) -> Migrator {
    Migrator::with_migrations(all.iter().filter(|one| !is_derived(&one.description)).cloned().collect())
}

/// Migrations of derived tables: those whose name begins with `derived`.
pub(crate) fn derived_part(all: &Migrator) -> Migrator {
    Migrator::with_migrations(all.iter().filter(|one| is_derived(&one.description)).cloned().collect())
}

fn is_derived(description: &str) -> bool {
    description.starts_with("derived")
}

/// Errors unless the database has taken all of `migrations` and no other: whoever only reads changes nothing.
pub(crate) fn is_of_now(migrations: &Migrator, taken: &[i64], name: &str) -> Result<(), StoreError> {
    if let Some(version) = taken.iter().find(|version| !migrations.version_exists(**version)) {
        return Err(newer(name, *version));
    }
    let to_come = migrations.iter().filter(|step| !taken.contains(&step.version)).count();
    let last = taken.iter().max().copied().unwrap_or_default();
    if to_come > 0 {
        return Err(StoreError::Schema(format!(
            "{name} was written by an older mrrd: its schema ends with step {last}, and {to_come} more are to come. A command \
             that only reads leaves it as it is: mrrd serve or mrrd rebuild brings it up to date; make a back-up before"
        )));
    }
    Ok(())
}

/// What has no schema at all.
pub(crate) fn none_yet(name: &str) -> StoreError {
    StoreError::NoLedger(format!("{name} holds no ledger yet: serve or replay makes one"))
}

fn newer(name: &str, version: i64) -> StoreError {
    StoreError::Schema(format!(
        "{name} was written by a newer mrrd (its schema has step {version}, which this version doesn't know): \
         use that version or a newer one"
    ))
}

/// Brings the database up to date.
pub(crate) async fn migrate<'a, A>(migrations: &Migrator, database: A, name: &str) -> Result<(), StoreError>
where
    A: Acquire<'a>,
    <A::Connection as std::ops::Deref>::Target: Migrate,
{
    migrations.run(database).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => newer(name, version),
        MigrateError::VersionMismatch(version) => StoreError::Schema(format!(
            "{name} has another schema than mrrd's (step {version} differs): is it mrrd's database?"
        )),
        MigrateError::Execute(error) => {
            StoreError::Unavailable { doing: "reading the schema", reason: format!("{name}: {error}") }
        }
        MigrateError::ExecuteMigration(error, version) => StoreError::Unavailable {
            doing: "bringing the schema up to date",
            reason: format!("{name}, step {version}: {error}"),
        },
        other => StoreError::Schema(format!("{name} can't be brought up to date: {other}")),
    })
}
