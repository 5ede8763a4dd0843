//! Any bytes as a verified body, and as an answer of Stripe's API: never a panic, and every fact can be stored.
//!
//! `cargo +nightly fuzz run -s none facts`: all of it is safe Rust, and SQLite trips the address sanitizer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mrrd::{event::{Reading, codec}, ledger::time::UnixTime, stripe::read::{read, read_answer}};

fuzz_target!(|body: &[u8]| {
    let answer = read_answer(body, &"answer".into(), UnixTime(0), None);
    let event = read(body).map(|event| event.reading);
    for reading in [Some(answer), event.ok()].into_iter().flatten() {
        let Reading::Facts(facts) = reading else { continue };
        for fact in facts {
            let stored = serde_json::to_string(&fact).expect("a fact is plain data");
            assert!(!stored.contains("\\u0000") || stored.contains("\\\\u0000"), "NUL in {stored}");
            let (codec, stored) = codec::encode_fact(&fact);
            assert_eq!(codec::decode_fact(codec, &stored).expect("a stored fact is read back"), fact);
        }
    }
});
