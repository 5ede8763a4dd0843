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

/// Brings the database up to date.
pub(crate) async fn migrate<'a, A>(migrations: &Migrator, database: A, name: &str) -> Result<(), StoreError>
where
    A: Acquire<'a>,
    <A::Connection as std::ops::Deref>::Target: Migrate,
{
    migrations.run(database).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::Schema(format!(
            "{name} was written by a newer mrrd (its schema has step {version}, which this version doesn't know): \
             use that version or a newer one"
        )),
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
