//! Signatures: every published vector, and our choice where Stripe's own libraries disagree.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use mrrd::{
    ledger::time::UnixTime,
    stripe::signature::{SignatureError, SigningSecret, sign, verify},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    name: String,
    header: String,
    secret: String,
    payload_b64: String,
    now: i64,
    tolerance: Option<u64>,
    expect: String,
}

fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors/signature.jsonl");
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `accept`, `blank secret`, or the slug of the refusal.
fn outcome(vector: &Vector) -> &'static str {
    let Ok(secret) = SigningSecret::new(&vector.secret) else { return "blank secret" };
    let body = BASE64_STANDARD.decode(&vector.payload_b64).unwrap();
    let now = UnixTime(vector.now);
    match verify(Some(vector.header.as_bytes()), &body, &[secret], now, vector.tolerance) {
        Ok(_) => "accept",
        Err(error) => error.slug(),
    }
}

#[test]
fn every_vector_gets_its_published_answer_or_our_documented_one() {
    // Where Stripe's libraries disagree (rows marked `policy`): what signature.rs says at its head.
    let ours = BTreeMap::from([
        ("future15_tol10", "signature-outside-tolerance"),
        ("unknown_bare_element", "accept"),
        ("trailing_comma", "accept"),
        ("space_after_comma", "signature-without-v1"),
        ("leading_space", "signature-malformed"),
        ("dup_t_first_signed", "signature-malformed"),
        ("dup_t_last_signed", "signature-malformed"),
        ("uppercase_hex", "accept"),
        ("t_trailing_garbage", "signature-malformed"),
        ("t_plus_sign", "signature-malformed"),
        ("v1_trailing_eq", "signature-mismatch"),
        ("empty_body_signed", "accept"),
        ("invalid_utf8_body", "accept"),
    ]);
    let vectors = vectors();
    let mut policies = 0;
    for vector in &vectors {
        let outcome = outcome(vector);
        match &*vector.expect {
            "accept" => assert_eq!(outcome, "accept", "{}", vector.name),
            "reject" => assert_ne!(outcome, "accept", "{}", vector.name),
            _ => {
                assert_eq!(Some(&outcome), ours.get(&*vector.name), "{}", vector.name);
                policies += 1;
            }
        }
    }
    assert_eq!(vectors.len(), 70);
    assert_eq!(policies, ours.len(), "a policy is listed for a row that has none");
}

const NOW: UnixTime = UnixTime(1_700_000_000);
const BODY: &[u8] = b"{\"id\":\"evt_1\"}";

fn secret(text: &str) -> SigningSecret {
    SigningSecret::new(text).unwrap()
}

#[test]
fn each_refusal_has_its_own_type() {
    let (ours, other) = (secret("whsec_ours"), secret("whsec_other"));
    let secrets = std::slice::from_ref(&ours);
    let check = |header: Option<&str>| verify(header.map(str::as_bytes), BODY, secrets, NOW, Some(300));
    let refusals = [
        check(None),
        check(Some("bad_header")),
        check(Some("t=1700000000,v0=00")),
        check(Some(&sign(&other, NOW, BODY))),
        check(Some(&sign(&ours, NOW.plus(-301), BODY))),
    ];
    let slugs = refusals.map(|refusal| refusal.unwrap_err().slug());
    assert_eq!(
        slugs,
        [
            "signature-missing",
            "signature-malformed",
            "signature-without-v1",
            "signature-mismatch",
            "signature-outside-tolerance",
        ]
    );
}

#[test]
fn a_rolled_secret_verifies_in_every_combination() {
    let (old, new, other) = (secret("whsec_old"), secret("whsec_new"), secret("whsec_other"));
    let (from_old, from_new) = (sign(&old, NOW, BODY), sign(&new, NOW, BODY));
    let (_, v1_of_new) = from_new.split_once(',').unwrap();
    let both = format!("{from_old},{v1_of_new}");
    let accepts = |header: &str, secrets: &[SigningSecret]| {
        verify(Some(header.as_bytes()), BODY, secrets, NOW, Some(300)).is_ok()
    };
    // Stripe signs with both for up to a day; mrrd knows one, the other, or both.
    for secrets in [vec![old.clone()], vec![new.clone()], vec![old.clone(), new.clone()], vec![other.clone(), new]] {
        assert!(accepts(&both, &secrets));
    }
    assert!(accepts(&from_old, &[other.clone(), old]));
    assert!(!accepts(&both, &[other]));
    assert!(!accepts(&both, &[]));
}

#[test]
fn tolerance_holds_on_both_sides_and_can_be_off() {
    let ours = secret("whsec_ours");
    let age = |seconds: i64, tolerance| {
        let header = sign(&ours, NOW.plus(-seconds), BODY);
        verify(Some(header.as_bytes()), BODY, std::slice::from_ref(&ours), NOW, tolerance)
    };
    assert_eq!(age(300, Some(300)), Ok(NOW.plus(-300)));
    assert_eq!(age(-300, Some(300)), Ok(NOW.plus(300)));
    assert_eq!(age(301, Some(300)), Err(SignatureError::OutsideTolerance { seconds: 301, ahead: false }));
    assert_eq!(age(-301, Some(300)), Err(SignatureError::OutsideTolerance { seconds: 301, ahead: true }));
    assert_eq!(age(1_000_000_000, None), Ok(NOW.plus(-1_000_000_000)));
    assert!(age(0, Some(0)).is_ok() && age(1, Some(0)).is_err());
}

#[test]
fn a_forged_header_learns_nothing_from_the_clock() {
    let header = sign(&secret("whsec_other"), UnixTime(5), BODY);
    let refusal = verify(Some(header.as_bytes()), BODY, &[secret("whsec_ours")], NOW, Some(300));
    assert_eq!(refusal, Err(SignatureError::NoMatch));
}

#[test]
fn a_secret_never_prints() {
    assert_eq!(format!("{:?}", secret("whsec_ours")), "SigningSecret(…)");
}

/// Another implementation of the same scheme, where it holds an opinion: it checks no more than the signature and a
/// tolerance of 300 seconds before it parses, and it takes text only.
#[test]
fn another_implementation_agrees_where_the_policy_is_the_same() {
    use stripe_webhook::{Webhook, WebhookError};
    // Ours on purpose: it takes the last of several `t`, `+` before the digits, an empty secret; and it refuses what it
    // can't split.
    let ours_differs = BTreeMap::from([
        ("dup_t_last_signed", "it takes the last t"),
        ("t_plus_sign", "it parses a sign"),
        ("secret_empty", "it takes an empty secret"),
        ("secret_whitespace_only", "it takes a blank secret"),
        ("unknown_bare_element", "it refuses an element without ="),
        ("trailing_comma", "it refuses an element without ="),
    ]);
    let mut compared = 0;
    for vector in vectors().iter().filter(|vector| vector.tolerance == Some(300)) {
        let body = BASE64_STANDARD.decode(&vector.payload_b64).unwrap();
        let Ok(body) = String::from_utf8(body) else { continue };
        let theirs = Webhook::construct_event_with_timestamp(&body, &vector.header, &vector.secret, vector.now);
        let theirs = matches!(theirs, Ok(_) | Err(WebhookError::BadParse(_)));
        let ours = outcome(vector) == "accept";
        assert_eq!(ours != theirs, ours_differs.contains_key(&*vector.name), "{}: ours {ours}", vector.name);
        compared += 1;
    }
    assert!(compared > 50);
    let body = r#"{"id":"evt_1"}"#;
    let header = Webhook::generate_test_header(body, "whsec_ours", Some(NOW.0));
    assert_eq!(header, sign(&secret("whsec_ours"), NOW, body.as_bytes()));
}
