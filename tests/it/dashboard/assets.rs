//! How the dashboard's files are answered: compressed, kept for good under an address of their own, and asked again otherwise.

use crate::support::daemon::Daemon;

#[tokio::test]
async fn files_are_kept_for_good_and_pages_are_asked_for_again() {
    let mut daemon = Daemon::start().await;
    let page = daemon.get("/movements?from=2026-01-01").await;
    let header = |answer: &mrrd::demo::http::Answer, name: &str| {
        answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!((page.status, header(&page, "cache-control")), (200, "no-cache".into()));
    let policy = header(&page, "content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let script = text.split('"').find(|part| part.ends_with("/main.js")).expect("the page names its script").to_owned();
    let answer = daemon.get(&script).await;
    assert_eq!(answer.status, 200);
    assert_eq!(header(&answer, "cache-control"), "public, max-age=31536000, immutable");
    assert!(header(&answer, "etag").starts_with('"'));
    let old = daemon.get("/assets/0123456789abcdef/main.js").await;
    assert_eq!((old.status, header(&old, "cache-control")), (200, "no-store".into()));
    assert_eq!(old.body, answer.body);
    assert_eq!(daemon.get("/assets/0123456789abcdef/none.js").await.status, 404);
}
