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

/// As received.
pub const PLAIN: i64 = 0;
/// One zstd frame, no dictionary.
pub const ZSTD: i64 = 1;
/// One zstd frame against `dictionaries/bodies-1`.
pub const BODIES_1: i64 = 2;
/// One zstd frame against `dictionaries/facts-1`.
pub const FACTS_1: i64 = 3;

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
static FACTS: Dictionary = Dictionary {
    encoder: LazyLock::new(|| EncoderDictionary::copy(include_bytes!("dictionaries/facts-1"), LEVEL)),
    decoder: LazyLock::new(|| DecoderDictionary::copy(include_bytes!("dictionaries/facts-1"))),
};

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
        /// Bytes found.
        got: usize,
        /// Bytes received.
        expected: usize,
    },
}

thread_local! {
    // A context is some hundred kilobytes: made once for each thread and codec, not once for each event.
    static COMPRESSORS: RefCell<BTreeMap<i64, Compressor<'static>>> = const { RefCell::new(BTreeMap::new()) };
    static DECOMPRESSORS: RefCell<BTreeMap<i64, Decompressor<'static>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The codec and the bytes to store for `body`.
pub fn encode(body: &[u8]) -> (i64, Vec<u8>) {
    compressed(BODIES_1, &BODIES, body)
}

/// The codec and the bytes to store for a fact's text.
pub fn encode_fact(text: &str) -> (i64, Vec<u8>) {
    compressed(FACTS_1, &FACTS, text.as_bytes())
}

fn compressed(codec: i64, dictionary: &'static Dictionary, plain: &[u8]) -> (i64, Vec<u8>) {
    let compress = |compressors: &mut BTreeMap<i64, Compressor<'static>>| -> io::Result<Vec<u8>> {
        if let Some(compressor) = compressors.get_mut(&codec) {
            return compressor.compress(plain);
        }
        let mut compressor = Compressor::with_prepared_dictionary(&dictionary.encoder)?;
        // The codec says which dictionary it is.
        compressor.include_dictid(false)?;
        compressors.entry(codec).or_insert(compressor).compress(plain)
    };
    match COMPRESSORS.with_borrow_mut(compress) {
        Ok(bytes) if bytes.len() < plain.len() => (codec, bytes),
        // Compression is a saving, not a duty: what doesn't compress is kept as it is.
        _ => (PLAIN, plain.to_vec()),
    }
}

/// The body again; `length` is what the event row says, and the most that is ever allocated.
pub fn decode(codec: i64, bytes: &[u8], length: usize) -> Result<Vec<u8>, CodecError> {
    let body = plain(codec, bytes, length)?;
    if body.len() != length {
        return Err(CodecError::Length { got: body.len(), expected: length });
    }
    Ok(body)
}

/// A fact's text again; what its frame claims is the most that is ever allocated.
pub fn decode_fact(codec: i64, bytes: &[u8]) -> Result<String, CodecError> {
    let claimed = if codec == PLAIN { None } else { get_frame_content_size(bytes).ok().flatten() };
    let length = claimed.and_then(|length| usize::try_from(length).ok()).unwrap_or(bytes.len());
    String::from_utf8(plain(codec, bytes, length)?).map_err(|error| CodecError::Damaged(error.to_string()))
}

fn plain(codec: i64, bytes: &[u8], length: usize) -> Result<Vec<u8>, CodecError> {
    let dictionary = match codec {
        PLAIN => return Ok(bytes.to_vec()),
        ZSTD => None,
        BODIES_1 => Some(&BODIES),
        FACTS_1 => Some(&FACTS),
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
            Some(dictionary) => Decompressor::with_prepared_dictionary(&dictionary.decoder)?,
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

    #[test]
    fn every_fact_comes_back() {
        let usual =
            r#"{"event":"evt_1","at":1750782364,"api_version":"2025-12-15.clover","origin":"event","role":"updated"}"#;
        for text in ["", "x", usual, &"Ä".repeat(100_000)] {
            let (codec, bytes) = encode_fact(text);
            assert_eq!(decode_fact(codec, &bytes).unwrap(), text);
        }
        let (codec, bytes) = encode_fact(usual);
        assert_eq!(codec, FACTS_1);
        assert!(bytes.len() * 2 < usual.len(), "{}", bytes.len());
        assert!(matches!(decode_fact(FACTS_1, &bytes[..bytes.len() - 1]), Err(CodecError::Damaged(_))));
    }

    /// A dictionary that changes under rows already written makes them unreadable.
    #[test]
    fn dictionaries_are_the_ones_that_wrote_the_rows() {
        let digest = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            digest(include_bytes!("dictionaries/bodies-1")),
            "ba3d59e513f8cdf88471e93ee9415b705c307b7c94d688b36ab6754c298e5382"
        );
        assert_eq!(
            digest(include_bytes!("dictionaries/facts-1")),
            "8734bbc3bab72ec9c0c44189b19d40d6a613789dfd16fe31deb458d8ccc3e6f7"
        );
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
