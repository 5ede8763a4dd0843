//! The door: closed until opened, whoever asks and from wherever; a token opens it, and so does a session opened with one.

use bytes::Bytes;
use http::Method;
use mrrd::{
    clock::Clock,
    demo::http::{Answer, Client},
};

use super::webhooks::event;
use crate::support::{
    daemon::{Daemon, SECRET, Settings, TOKEN},
    nginx::Nginx,
};

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

async fn send(client: &mut Client, method: Method, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    client.send(method, path, fields, Bytes::from(body.to_owned())).await.unwrap()
}

/// The sign-in page: a form that people can fill in, and nothing of the ledger.
#[track_caller]
fn is_sign_in_page(answer: &Answer, what: &str) {
    let page = text(answer);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{what}: {page}");
    assert!(page.contains("<form") && page.contains("name=\"token\""), "{what}: {page}");
    assert!(page.contains("id=\"sign-in\""), "{what}: {page}");
}

/// The token that a daemon without any made for itself.
fn made(daemon: &Daemon) -> String {
    std::fs::read_to_string(daemon.dir().join("mrrd.token")).unwrap().trim().to_owned()
}

#[tokio::test]
async fn behind_a_proxy_that_tells_nothing_the_ledger_stays_closed() {
    let daemon = Settings::default().without_tokens().start().await;
    let nginx = Nginx::before(daemon.address(), "");
    let mut visitor = Client::new(nginx.address());
    let webhook = visitor.post_signed(SECRET, Clock::system().now(), event("evt_1").into()).await.unwrap();
    assert_eq!(webhook.status, 200, "webhooks need no token");
    is_sign_in_page(&visitor.get("/").await.unwrap(), "/");
    for path in ["/api/v1/status", "/api/v1/mrr", "/api/v1/events/evt_1/raw", "/api/openapi.json", "/v1/metrics/all"] {
        assert_eq!(visitor.get(path).await.unwrap().status, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = visitor.get(path).await.unwrap();
        assert_eq!(answer.status, 200, "{path}");
        assert!(!text(&answer).contains("minor_units"), "{path}");
    }
    let mut bearer = Client::new(nginx.address()).bearing(&made(&daemon));
    assert_eq!(bearer.get("/api/v1/status").await.unwrap().status, 200);
}

#[tokio::test]
async fn no_request_is_trusted_for_its_address() {
    let daemon = Settings::default().without_tokens().start().await;
    let host = daemon.address().to_string();
    for fields in [
        &[][..],
        &[("x-forwarded-for", "127.0.0.1")],
        &[("forwarded", "for=127.0.0.1")],
        &[("x-real-ip", "127.0.0.1"), ("x-forwarded-user", "root"), ("remote-user", "root")],
        &[("origin", &*format!("http://{host}")), ("sec-fetch-site", "same-origin"), ("mrrd-request", "1")],
        &[("authorization", "Bearer ")],
        &[("authorization", "Basic Og==")],
        &[("cookie", "mrrd_session=; __Host-mrrd_session=")],
    ] {
        let answer = send(&mut daemon.stranger(), Method::GET, "/api/v1/status", fields, "").await;
        assert_eq!(answer.status, 401, "{fields:?}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"mrrd\"");
    }
}

#[tokio::test]
async fn who_is_not_let_in_hears_whether_a_token_came() {
    let daemon = Daemon::start().await;
    let (id, revoked) = create(&daemon, "Ada", "viewer");
    assert!(daemon.command(&["token", "revoke", &id]).status.success());
    let mut details = Vec::new();
    for (fields, said) in [
        (&[][..], "no token was sent"),
        (&[("authorization", "Bearer ")], "no token was sent"),
        (
            &[("authorization", "Bearer none-of-theirs-none-of-theirs")],
            "the token that was sent is none of this ledger's",
        ),
        (&[("authorization", &*format!("Bearer {revoked}"))], "the token that was sent is none of this ledger's"),
        (&[("cookie", &*format!("mrrd_session_{}=ended-long-ago", daemon.address().port()))], "the session has ended"),
    ] {
        let answer = send(&mut daemon.stranger(), Method::GET, "/api/v1/status", fields, "").await;
        let problem = answer.json();
        assert_eq!((answer.status, &problem["type"]), (401, &"urn:mrrd:problem:unauthorized".into()), "{fields:?}");
        assert!(problem["detail"].as_str().unwrap().starts_with(said), "{fields:?}: {problem}");
        details.push(problem["detail"].clone());
    }
    assert_eq!(details[2], details[3], "a token that was in force once is not told from one that never was");
}

#[tokio::test]
async fn what_a_service_prints_shows_no_token() {
    for kept in ["JOURNAL_STREAM", "container"] {
        let daemon = Settings::default().env(kept, "9:123456").without_tokens().start().await;
        daemon.wait_for_output("prints a link that signs in with it");
        let (token, output) = (made(&daemon), daemon.output());
        assert!(!output.contains(&token), "{kept}: {output}");
        assert!(output.contains("/mrrd.token. `mrrd token link`, run by the same user, prints a link"), "{output}");
    }
}

#[tokio::test]
async fn the_first_start_makes_a_token_and_prints_a_link_that_signs_in_once() {
    let daemon = Settings::default().without_tokens().start().await;
    daemon.wait_for_output("#token=");
    let (token, output) = (made(&daemon), daemon.output());
    assert!(token.len() >= 40, "{token}");
    assert!(output.contains(&format!("http://{}/#token={token}\n", daemon.address())), "{output}");
    assert!(output.contains("`mrrd token link` prints it again"), "{output}");
    let link = String::from_utf8(daemon.command(&["token", "link"]).stdout).unwrap();
    assert!(link.trim().ends_with(&format!("/#token={token}")), "{link}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(daemon.dir().join("mrrd.token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let mut bearer = Client::new(daemon.address()).bearing(&token);
    assert_eq!(bearer.get("/api/v1/status").await.unwrap().status, 200);
    let again = daemon.restart().await;
    let mut bearer = Client::new(again.address()).bearing(&token);
    assert_eq!(bearer.get("/api/v1/status").await.unwrap().status, 200, "it outlives a restart");
    assert_eq!(made(&again), token);
    assert!(!again.output().contains("token"), "{}", again.output());
    // Only its digest is in the database.
    for file in ["mrrd.db", "mrrd.db-wal"] {
        let bytes = std::fs::read(again.dir().join(file)).unwrap_or_default();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{file} holds the token");
    }
}

#[tokio::test]
async fn a_token_file_that_was_emptied_or_is_no_file_is_told() {
    let daemon = Settings::default().without_tokens().start().await;
    daemon.wait_for_output("#token=");
    let file = daemon.dir().join("mrrd.token");
    std::fs::write(&file, "").unwrap();
    let link = daemon.command(&["token", "link"]);
    let told = String::from_utf8_lossy(&link.stderr).into_owned();
    assert_eq!(link.status.code(), Some(1), "{told}");
    assert!(told.contains("mrrd.token is empty") && told.contains("mrrd token create NAME --role admin"), "{told}");
    let daemon = daemon.restart().await;
    daemon.wait_for_output("mrrd.token is empty");
    // As unreadable for root as for anybody.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let link = daemon.command(&["token", "link"]);
    let told = String::from_utf8_lossy(&link.stderr).into_owned();
    assert!(told.contains("can't be read") && told.contains("run this as that user"), "{told}");
    assert!(!told.contains("can be written"), "{told}");
}

/// Signs in as a browser does; answers the cookie as it is to be sent back.
async fn sign_in(daemon: &Daemon, token: &str, fields: &[(&str, &str)]) -> (Answer, String) {
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(fields);
    let body = format!("token={token}&next=%2Fchurn%3Fa%3D1");
    let answer = send(&mut daemon.stranger(), Method::POST, "/sign-in", &all, &body).await;
    let set = answer.headers.get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap());
    let cookie = set.split(';').next().unwrap_or_default().to_owned();
    (answer, cookie)
}

#[tokio::test]
async fn a_token_becomes_a_session_that_ends_when_it_is_told_to() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    let origin = format!("http://{}", daemon.address());
    let (answer, cookie) = sign_in(&daemon, TOKEN, &[("origin", &origin), ("sec-fetch-site", "same-origin")]).await;
    assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, "/churn?a=1"));
    let set = answer.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Strict") && set.contains("; Path=/;"), "{set}");
    assert!(!set.contains("Secure"), "plain HTTP on loopback: {set}");
    let mut browser = daemon.stranger();
    for path in ["/", "/api/v1/status"] {
        let answer = send(&mut browser, Method::GET, path, &[("cookie", &cookie)], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!text(&answer).contains("id=\"sign-in\""), "{}", text(&answer));
    }
    let who = send(&mut browser, Method::GET, "/session", &[("cookie", &cookie)], "").await.json();
    assert_eq!((&who["signed_in"], &who["role"]), (&true.into(), &"admin".into()), "{who}");
    // Whoever kept a copy of the cookie has nothing of it once the session was ended.
    let same = [("cookie", &*cookie), ("sec-fetch-site", "same-origin")];
    assert_eq!(send(&mut browser, Method::POST, "/sign-out", &same, "").await.status, 303);
    let answer = send(&mut browser, Method::GET, "/api/v1/status", &[("cookie", &cookie)], "").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn the_cookie_is_for_tls_alone_wherever_others_could_read_it() {
    let daemon = Daemon::start().await;
    for (origin, cookie) in [("https://mrrd.example", true), ("http://mrrd.example", false)] {
        let (answer, _) = sign_in(&daemon, TOKEN, &[("origin", origin), ("sec-fetch-site", "same-origin")]).await;
        let set = answer.headers.get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
        match set {
            Some(set) => assert!(cookie && set.starts_with("__Host-") && set.ends_with("; Secure"), "{origin}: {set}"),
            None => {
                assert_eq!((cookie, answer.status), (false, 403), "{origin}");
                is_sign_in_page(&answer, origin);
            }
        }
    }
}

#[tokio::test]
async fn another_sites_page_can_do_nothing_with_a_browsers_session() {
    let daemon = Daemon::start().await;
    let (_, cookie) = sign_in(&daemon, TOKEN, &[]).await;
    let acknowledge = "/api/v1/alerts/al_none/acknowledge";
    let cookie = ("cookie", &*cookie);
    for (fields, status) in [
        (&[cookie, ("sec-fetch-site", "cross-site"), ("mrrd-request", "1")][..], 403),
        (&[cookie, ("sec-fetch-site", "same-site"), ("mrrd-request", "1")], 403),
        (&[cookie, ("origin", "https://evil.example"), ("mrrd-request", "1")], 403),
        (&[cookie, ("sec-fetch-site", "same-origin")], 403),
        (&[("authorization", &*format!("Bearer {TOKEN}")), ("sec-fetch-site", "cross-site")], 403),
        (&[cookie, ("sec-fetch-site", "same-origin"), ("mrrd-request", "1")], 404),
        (&[("authorization", &*format!("Bearer {TOKEN}"))], 404),
    ] {
        let answer = send(&mut daemon.stranger(), Method::POST, acknowledge, fields, "").await;
        assert_eq!(answer.status, status, "{fields:?}: {}", text(&answer));
    }
    let (answer, _) = sign_in(&daemon, TOKEN, &[("sec-fetch-site", "cross-site")]).await;
    assert!(answer.status == 403 && !answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn who_tries_too_many_wrong_tokens_waits() {
    let daemon = Settings::default().env("MRRD_API__TOKENS", "short-and-weak-token").start().await;
    let mut statuses = Vec::new();
    for number in 0..12 {
        statuses.push(sign_in(&daemon, &format!("wrong-{number}"), &[]).await.0.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    let (answer, cookie) = sign_in(&daemon, "short-and-weak-token", &[]).await;
    assert_eq!((answer.status, cookie.as_str()), (429, ""), "the right one is not told from the wrong ones");
    assert!(answer.headers.contains_key("retry-after"));
    is_sign_in_page(&answer, "429");
    // The same wherever a token is taken.
    let answer = daemon.connect().get("/api/v1/status").await.unwrap();
    assert_eq!((answer.status, &answer.json()["type"]), (429, &"urn:mrrd:problem:too-many-wrong-tokens".into()));
    assert!(answer.headers.contains_key("retry-after"));
}

/// A token that `mrrd token create` makes beside the running daemon.
fn create(daemon: &Daemon, name: &str, role: &str) -> (String, String) {
    let output = daemon.command(&["token", "create", name, "--role", role, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let field = |name: &str| made[name].as_str().unwrap().to_owned();
    (field("id"), field("token"))
}

#[tokio::test]
async fn viewers_read_and_admins_act_until_their_token_is_revoked() {
    let daemon = Daemon::start().await;
    let (viewer_id, viewer) = create(&daemon, "Ada, finance", "viewer");
    let (_, admin) = create(&daemon, "Bob", "admin");
    let acknowledge = "/api/v1/alerts/al_none/acknowledge";
    for (token, posted) in [(&viewer, 403), (&admin, 404)] {
        let mut bearer = Client::new(daemon.address()).bearing(token);
        assert_eq!(bearer.get("/api/v1/status").await.unwrap().status, 200);
        let answer = send(&mut bearer, Method::POST, acknowledge, &[], "").await;
        assert_eq!(answer.status, posted, "{}", text(&answer));
        let (_, cookie) = sign_in(&daemon, token, &[]).await;
        let fields = [("cookie", &*cookie), ("sec-fetch-site", "same-origin"), ("mrrd-request", "1")];
        assert_eq!(send(&mut daemon.stranger(), Method::POST, acknowledge, &fields, "").await.status, posted);
    }
    let (_, cookie) = sign_in(&daemon, &viewer, &[]).await;
    let cookie = [("cookie", &*cookie)];
    let mut browser = daemon.stranger();
    assert_eq!(send(&mut browser, Method::GET, "/api/v1/status", &cookie, "").await.status, 200);
    assert!(daemon.command(&["token", "revoke", &viewer_id]).status.success());
    assert_eq!(
        send(&mut browser, Method::GET, "/api/v1/status", &cookie, "").await.status,
        401,
        "its sessions end with it"
    );
    let mut bearer = Client::new(daemon.address()).bearing(&viewer);
    assert_eq!(bearer.get("/api/v1/status").await.unwrap().status, 401);
    let listed = String::from_utf8(daemon.command(&["token", "list"]).stdout).unwrap();
    assert!(listed.contains("Ada, finance") && listed.contains("Bob") && !listed.contains(&viewer), "{listed}");
    assert_eq!(daemon.command(&["token", "revoke", &viewer_id]).status.code(), Some(1));
}

#[tokio::test]
async fn the_audit_trail_says_who_did_what_and_from_where() {
    let mut daemon = Daemon::start().await;
    let (_, admin) = create(&daemon, "Bob", "admin");
    sign_in(&daemon, &admin, &[]).await;
    for args in [&["alerts", "mute", "churn_spike", "--note", "a move"][..], &["alerts", "unmute", "churn_spike"]] {
        assert!(daemon.command(args).status.success());
    }
    std::fs::write(daemon.dir().join("rates.csv"), "day,currency,rate\n2026-01-02,eur,1.1\n").unwrap();
    assert!(daemon.command(&["fx", "import", "rates.csv", "--base", "usd"]).status.success());
    std::fs::write(daemon.dir().join("events.jsonl"), event("evt_1")).unwrap();
    assert!(daemon.command(&["replay", "events.jsonl"]).status.success());
    let trail = daemon.json("/api/v1/audit-trail").await;
    let line = |entry: &serde_json::Value| {
        let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {} {}", word("action"), word("by"), word("address"), word("subject"))
    };
    let lines: Vec<_> = trail["data"].as_array().unwrap().iter().map(line).collect();
    let told = [
        "events_imported command - events.jsonl",
        "events_imported command - events.jsonl",
        "rates_imported command - rates.csv",
        "rule_unmuted command - churn_spike",
        "rule_muted command - churn_spike",
        "signed_in token 127.0.0.1 Bob",
    ];
    assert_eq!(lines[..6], told, "{trail}");
    let csv = text(&daemon.get("/api/v1/audit-trail?format=csv&action=signed_in").await);
    assert!(csv.contains("Bob") && csv.lines().count() == 2, "{csv}");
    let page = daemon.json("/api/v1/audit-trail?limit=1").await;
    let next = page["next_cursor"].as_str().unwrap();
    let second = daemon.json(&format!("/api/v1/audit-trail?limit=1&cursor={next}")).await;
    assert_eq!(second["data"][0], trail["data"][1]);
    let listed = daemon.command(&["audit-trail", "--limit", "100"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("rule_muted") && listed.contains("a move") && listed.contains("token_created"), "{listed}");
}

#[tokio::test]
async fn a_proxys_word_counts_from_listed_addresses_alone() {
    let header = [("x-forwarded-user", "ada@example.com")];
    let acknowledge = "/api/v1/alerts/al_none/acknowledge";
    let listed = Settings::default()
        .env("MRRD_API__PROXIES", "127.0.0.0/8,::1")
        .env("MRRD_API__USER_HEADER", "X-Forwarded-User");
    let viewers = listed.clone().start().await;
    let session = send(&mut viewers.stranger(), Method::GET, "/session", &header, "").await.json();
    assert_eq!((&session["who"], &session["role"]), (&"ada@example.com".into(), &"viewer".into()));
    assert_eq!(
        viewers.stranger().get("/api/v1/status").await.unwrap().status,
        401,
        "without the header nobody is signed in"
    );
    let twice = [header[0], ("x-forwarded-user", "root@example.com")];
    assert_eq!(send(&mut viewers.stranger(), Method::GET, "/api/v1/status", &twice, "").await.status, 401);
    assert_eq!(send(&mut viewers.stranger(), Method::POST, acknowledge, &header, "").await.status, 403);
    let admins = listed.clone().env("MRRD_API__USER_ROLE", "admin").start().await;
    let ours = [header[0], ("sec-fetch-site", "same-origin"), ("mrrd-request", "1")];
    assert_eq!(send(&mut admins.stranger(), Method::POST, acknowledge, &ours, "").await.status, 404);
    assert_eq!(
        send(&mut admins.stranger(), Method::POST, acknowledge, &header, "").await.status,
        403,
        "it may be another site's page"
    );
    for elsewhere in [listed.env("MRRD_API__PROXIES", "10.0.0.0/8"), Settings::default()] {
        let daemon = elsewhere.start().await;
        let answer = send(&mut daemon.stranger(), Method::GET, "/api/v1/status", &header, "").await;
        assert_eq!(answer.status, 401, "{}", text(&answer));
    }
}
