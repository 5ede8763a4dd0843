//! How bodies and facts lie in the log: compressed where that helps, and always back to the very bytes.
//!
//! A single event has little in it that repeats, but events resemble each other: each is compressed against a dictionary
//! of what is usual. A dictionary is part of the format. It ships in the binary for ever; a better one gets a number of
//! its own, and rows of the older stay readable (`dictionaries/README.md` says how they were trained).

use std::{cell::RefCell, collections::BTreeMap, io, sync::LazyLock};

use sha2::{Digest, Sha256};
use thiserror::Error;
use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
    zstd_safe::get_frame_content_size,
};

use crate::ledger::{fact::Fact, stored};

/// The bytes as they were received, not compressed.
pub const PLAIN: i64 = 0;
/// One zstd frame, no dictionary.
pub const ZSTD: i64 = 1;
/// One zstd frame against `dictionaries/bodies-1`.
pub const BODIES_1: i64 = 2;
/// One zstd frame against `dictionaries/facts-1`: a fact as JSON. Read, and not written any more.
pub const FACTS_1: i64 = 3;
/// An LZ4 block with its length before it: a fact as CBOR (`ledger::stored`). Reading it back costs a fraction of what the
/// other costs, for a third more bytes.
pub const FACTS_2: i64 = 4;

/// No body is larger, so nothing decompresses to more: replay takes larger bodies than the webhook route does.
pub const BODY_BYTES_MAX: usize = 64 << 20;

/// Level 1: within a tenth of what the slower levels reach, in a fraction of their time.
const LEVEL: i32 = 1;

/// A dictionary, made ready once for the whole process.
struct Dictionary {
    encoder: LazyLock<EncoderDictionary<'static>>,
    decoder: LazyLock<DecoderDictionary<'static>>,
}

static BODIES: Dictionary = Dictionary {
    encoder: LazyLock::new(|| EncoderDictionary::copy(include_bytes!("dictionaries/bodies-1"), LEVEL)),
    decoder: LazyLock::new(|| DecoderDictionary::copy(include_bytes!("dictionaries/bodies-1"))),
};
const FACTS_DICTIONARY: &[u8] = include_bytes!("dictionaries/facts-1");
static FACTS: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(FACTS_DICTIONARY));

/// A stored body or fact can't be read back.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CodecError {
    /// A newer mrrd wrote it.
    #[error("it is stored in codec {0}, which this version doesn't know: use the version that wrote it")]
    Unknown(i64),
    /// The stored bytes are damaged.
    #[error("the stored bytes are damaged: {0}")]
    Damaged(String),
    /// It isn't as long as its event row says.
    #[error("the stored body has {got} bytes where its event says {expected}")]
    Length {
        /// How many bytes the stored body has.
        got: usize,
        /// How many bytes were received.
        expected: usize,
    },
}

thread_local! {
    // A context is some hundred kilobytes: made once for each thread and codec, not once for each event.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSORS: RefCell<BTreeMap<i64, Decompressor<'static>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The codec and the bytes to store for `body`.
pub fn encode(body: &[u8]) -> (i64, Vec<u8>) {
    let compress = |kept: &mut Option<Compressor<'static>>| -> io::Result<Vec<u8>> {
        match kept {
            Some(compressor) => compressor.compress(body),
            None => kept.insert(compressor()?).compress(body),
        }
    };
    match COMPRESSOR.with_borrow_mut(compress) {
        Ok(bytes) if bytes.len() < body.len() => (BODIES_1, bytes),
        // Compression is a saving, not a duty: what doesn't compress is kept as it is.
        _ => (PLAIN, body.to_vec()),
    }
}

/// The codec and the bytes to store for a fact.
pub fn encode_fact(fact: &Fact) -> (i64, Vec<u8>) {
    (FACTS_2, lz4_flex::block::compress_prepend_size(&stored::to_bytes(fact)))
}

/// The codec and the bytes to store for the reason why there is no fact.
pub fn encode_reason(reason: &str) -> (i64, Vec<u8>) {
    (PLAIN, reason.as_bytes().to_vec())
}

fn compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::with_prepared_dictionary(&BODIES.encoder)?;
    // The codec says which dictionary it is.
    compressor.include_dictid(false)?;
    Ok(compressor)
}

/// The body again; `length` is what the event row says, and the most that is ever allocated.
pub fn decode(codec: i64, bytes: &[u8], length: usize) -> Result<Vec<u8>, CodecError> {
    let body = plain(codec, bytes, length)?;
    if body.len() != length {
        return Err(CodecError::Length { got: body.len(), expected: length });
    }
    Ok(body)
}

/// The fact again; an error where the bytes are none, or of a codec that isn't known.
pub fn decode_fact(codec: i64, bytes: &[u8]) -> Result<Fact, CodecError> {
    if codec != FACTS_2 {
        let text = decode_reason(codec, bytes)?;
        return serde_json::from_str(&text).map_err(|error| CodecError::Damaged(error.to_string()));
    }
    let damaged = |error: String| CodecError::Damaged(error);
    let (length, block) = lz4_flex::block::uncompressed_size(bytes).map_err(|error| damaged(error.to_string()))?;
    if length > BODY_BYTES_MAX {
        return Err(damaged(format!("it claims {length} bytes")));
    }
    let plain = lz4_flex::block::decompress(block, length).map_err(|error| damaged(error.to_string()))?;
    stored::from_bytes(&plain).map_err(|error| damaged(error.to_string()))
}

/// The reason again, or an older fact's text; what its frame claims is the most that is ever allocated.
pub fn decode_reason(codec: i64, bytes: &[u8]) -> Result<String, CodecError> {
    let claimed = if codec == PLAIN { None } else { get_frame_content_size(bytes).ok().flatten() };
    let length = claimed.and_then(|length| usize::try_from(length).ok()).unwrap_or(bytes.len());
    String::from_utf8(plain(codec, bytes, length)?).map_err(|error| CodecError::Damaged(error.to_string()))
}

fn plain(codec: i64, bytes: &[u8], length: usize) -> Result<Vec<u8>, CodecError> {
    let dictionary = match codec {
        PLAIN => return Ok(bytes.to_vec()),
        ZSTD => None,
        BODIES_1 => Some(&*BODIES.decoder),
        FACTS_1 => Some(&*FACTS),
        other => return Err(CodecError::Unknown(other)),
    };
    if length > BODY_BYTES_MAX {
        return Err(CodecError::Damaged(format!("it claims {length} bytes")));
    }
    let decompress = |decompressors: &mut BTreeMap<i64, Decompressor<'static>>| -> io::Result<Vec<u8>> {
        if let Some(decompressor) = decompressors.get_mut(&codec) {
            return decompressor.decompress(bytes, length);
        }
        let decompressor = match dictionary {
            Some(dictionary) => Decompressor::with_prepared_dictionary(dictionary)?,
            None => Decompressor::new()?,
        };
        decompressors.entry(codec).or_insert(decompressor).decompress(bytes, length)
    };
    DECOMPRESSORS.with_borrow_mut(decompress).map_err(|error| CodecError::Damaged(error.to_string()))
}

/// What the event row keeps of a body for ever. The salt leaves with an erased body, so that nobody can guess it back.
pub fn digest(salt: &[u8], body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(body).finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn every_body_comes_back_to_the_byte() {
        let long = "{\n  \"id\": \"evt_1\",\n  \"object\": \"event\"\n}".repeat(500);
        for body in ["", "x", "{}", "\u{0}\u{1}é", long.as_str()] {
            let (codec, bytes) = encode(body.as_bytes());
            assert_eq!(decode(codec, &bytes, body.len()).unwrap(), body.as_bytes());
        }
        let (codec, bytes) = encode(long.as_bytes());
        assert_eq!(codec, BODIES_1);
        assert!(bytes.len() * 10 < long.len());
        let older = zstd::bulk::compress(long.as_bytes(), 1).unwrap();
        assert_eq!(decode(ZSTD, &older, long.len()).unwrap(), long.as_bytes());
    }

    /// Facts that an earlier mrrd stored as JSON, each with what this one stores: a row written once is read for ever. What
    /// is added to the format gets lines of its own; a line that has to change means rows that can't be read.
    const STORED: &str = include_str!("../../tests/data/log/facts.tsv");

    #[test]
    fn every_fact_comes_back_whichever_mrrd_stored_it() {
        let mut lines = 0;
        for (json, hex) in STORED.lines().map(|line| line.split_once('\t').unwrap()) {
            let older =
                Compressor::with_dictionary(LEVEL, FACTS_DICTIONARY).unwrap().compress(json.as_bytes()).unwrap();
            let fact = decode_fact(FACTS_1, &older).unwrap();
            assert_eq!(decode_fact(PLAIN, json.as_bytes()).unwrap(), fact);
            let bytes: Vec<u8> =
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
            assert_eq!(decode_fact(FACTS_2, &bytes).unwrap(), fact);
            assert_eq!(decode_fact(FACTS_2, &encode_fact(&fact).1).unwrap(), fact);
            assert!(matches!(decode_fact(FACTS_2, &bytes[..bytes.len() - 1]), Err(CodecError::Damaged(_))));
            lines += 1;
        }
        assert!(lines > 50);
        assert!(matches!(decode_fact(FACTS_2, &[255; 8]), Err(CodecError::Damaged(_))));
        let (codec, bytes) = encode_reason("no price");
        assert_eq!(decode_reason(codec, &bytes).unwrap(), "no price");
    }

    proptest! {
        #[test]
        fn a_damaged_fact_is_an_error_or_another_fact_and_never_a_panic(
            line in 0..60_usize, at in any::<proptest::sample::Index>(), byte: u8, whole in vec(any::<u8>(), 0..64),
        ) {
            let json = STORED.lines().nth(line).and_then(|line| line.split('\t').next()).unwrap();
            let mut plain = stored::to_bytes(&serde_json::from_str::<Fact>(json).unwrap());
            let at = at.index(plain.len());
            plain[at] = byte;
            let _ = stored::from_bytes::<Fact>(&plain);
            let _ = decode_fact(FACTS_2, &lz4_flex::block::compress_prepend_size(&plain));
            let _ = decode_fact(FACTS_2, &whole);
            let _ = stored::from_bytes::<Fact>(&whole);
        }
    }

    /// A dictionary that changes under rows already written makes them unreadable.
    #[test]
    fn dictionaries_are_the_ones_that_wrote_the_rows() {
        let digest = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            digest(include_bytes!("dictionaries/bodies-1")),
            "ba3d59e513f8cdf88471e93ee9415b705c307b7c94d688b36ab6754c298e5382"
        );
        assert_eq!(digest(FACTS_DICTIONARY), "8734bbc3bab72ec9c0c44189b19d40d6a613789dfd16fe31deb458d8ccc3e6f7");
    }

    #[test]
    fn a_bomb_a_cut_and_an_unknown_codec_are_refused() {
        let bomb = zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap();
        assert!(matches!(decode(ZSTD, &bomb, 100), Err(CodecError::Damaged(_))));
        assert!(decode(ZSTD, &bomb[..bomb.len() - 1], 1 << 20).is_err());
        assert!(decode(ZSTD, &bomb, BODY_BYTES_MAX + 1).is_err());
        assert!(matches!(decode(PLAIN, b"abc", 4), Err(CodecError::Length { got: 3, expected: 4 })));
        assert_eq!(decode(9, b"", 0), Err(CodecError::Unknown(9)));
    }
}
