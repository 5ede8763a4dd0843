//! Signatures: every published vector, and our choice where Stripe's own libraries disagree.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use mrrd::{
    ledger::time::UnixTime,
    stripe::signature::{SigningSecret, verify},
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
