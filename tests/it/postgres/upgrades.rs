//! Processes of several versions on one database: migrations lock each other out, and an older process says what it is.

use mrrd::store::Store;
use tempfile::TempDir;

use crate::support::{daemon::Settings, postgres, sql};

/// Several processes start at once over an empty database, as an orchestrator starts them.
async fn start_together(url: &str) {
    let opening = (0..6).map(|_| {
        let url = url.to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                Store::open(&url).await.unwrap().close().await;
            });
        })
    });
    for opened in opening.collect::<Vec<_>>() {
        opened.join().expect("each opens it");
    }
    let applied = sql::number(url, "SELECT COUNT(*) FROM _sqlx_migrations").await;
    let versions = sql::number(url, "SELECT COUNT(DISTINCT version) FROM _sqlx_migrations WHERE success").await;
    assert!(applied > 2 && applied == versions, "{applied} {versions}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_at_once_migrate_once() {
    start_together(&postgres::database().await).await;
    let folder = TempDir::new().unwrap();
    start_together(&format!("sqlite://{}", folder.path().join("mrrd.db").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_process_refuses_a_newer_schema_plainly() {
    let url = postgres::database().await;
    let daemon = Settings::default().env("MRRD_DATABASE__URL", &url).start().await;
    sql::run(
        &url,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations LIMIT 1",
    )
    .await
    .unwrap();
    // Neither a start, which doesn't wait for what waiting won't mend, nor a command; and nothing is changed.
    for command in [&["serve"][..], &["rebuild"], &["events", "list"]] {
        let output = tokio::task::block_in_place(|| daemon.command(command));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{command:?}");
        assert!(said.contains("written by a newer mrrd") && said.contains("9999"), "{command:?}: {said}");
    }
    assert_eq!(sql::number(&url, "SELECT COUNT(*) FROM _sqlx_migrations WHERE version = 9999").await, 1);
}
