//! Tokens, sessions and the audit trail on both databases.

use mrrd::{
    ledger::time::UnixTime,
    store::records::{access::*, audit_trail::Action},
};

use super::subject::*;
use crate::support::deed;

fn digest(text: &str) -> SecretDigest {
    SecretDigest(text.into())
}

fn token(id: &str, of: &str, role: AccessRole) -> TokenRow {
    TokenRow { id: id.into(), digest: digest(of), name: id.into(), role, created_at: UnixTime(1), revoked_at: None }
}

fn session(of: &str, token: &str, created_at: i64, ends_at: i64) -> SessionRow {
    let (created_at, ends_at) = (UnixTime(created_at), UnixTime(ends_at));
    SessionRow { digest: digest(of), token: digest(token), created_at, ends_at, address: "10.0.0.7".into() }
}

on_both! {
    async fn a_token_opens_until_it_is_revoked_and_its_sessions_end_with_it(subject) {
        let store = &subject.store;
        let (ada, bob) = (token("tok_1", "a", AccessRole::Viewer), token("tok_2", "b", AccessRole::Admin));
        store.records.keep_token(&ada, &deed(1)).await.unwrap();
        store.records.keep_token(&bob, &deed(2)).await.unwrap();
        store.records.keep_token(&token("tok_3", "b", AccessRole::Viewer), &deed(3)).await.unwrap();
        assert_eq!(store.records.access_tokens().await.unwrap(), [ada.clone(), bob.clone()], "a digest is one token");
        assert_eq!(store.records.access_token(&digest("b")).await.unwrap(), Some(bob));
        assert_eq!(store.records.access_token(&digest("c")).await.unwrap(), None);
        let (short, long) = (session("x", "a", 10, 20), session("y", "a", 10, 100));
        store.records.open_session(&short, &deed(10)).await.unwrap();
        store.records.open_session(&long, &deed(10)).await.unwrap();
        assert_eq!(store.records.session(&digest("x"), UnixTime(19)).await.unwrap(), Some(short));
        assert_eq!(store.records.session(&digest("x"), UnixTime(20)).await.unwrap(), None);
        assert!(store.records.revoke_token("tok_1", &deed(30)).await.unwrap());
        assert!(!store.records.revoke_token("tok_1", &deed(31)).await.unwrap() && !store.records.revoke_token("tok_9", &deed(31)).await.unwrap());
        assert_eq!(store.records.session(&digest("y"), UnixTime(30)).await.unwrap(), None);
        assert_eq!(store.records.access_token(&digest("a")).await.unwrap().unwrap().revoked_at, Some(UnixTime(30)));
        let trail = store.records.audit_trail(None, None, 100).await.unwrap();
        assert_eq!(trail.iter().map(|line| line.at.0).collect::<Vec<_>>(), [30, 10, 10, 2, 1]);
    }

    async fn the_audit_trail_is_listed_newest_first_and_never_changed(subject) {
        let store = &subject.store;
        for at in 1..=5 {
            let mut deed = deed(at).saying("why");
            deed.action = if at == 3 { Action::RatesImported } else { Action::RuleMuted };
            store.records.record(&deed).await.unwrap();
        }
        let first = store.records.audit_trail(None, None, 2).await.unwrap();
        assert_eq!(first.iter().map(|line| line.at.0).collect::<Vec<_>>(), [5, 4]);
        let rest = store.records.audit_trail(None, Some(first[1].id), 100).await.unwrap();
        assert_eq!(rest.iter().map(|line| line.at.0).collect::<Vec<_>>(), [3, 2, 1]);
        let one = store.records.audit_trail(Some(Action::RatesImported), None, 100).await.unwrap();
        assert_eq!(one.len(), 1);
        let line = &one[0];
        assert_eq!((line.who.as_str(), line.by.as_str(), line.detail.as_str()), ("ada", "command", "why"));
        for statement in ["UPDATE audit_trail SET who = 'bob'", "DELETE FROM audit_trail"] {
            let error = subject.sql(statement).await.expect_err(statement).to_string();
            assert!(error.contains("stays as it was written"), "{statement}: {error}");
        }
    }
}
