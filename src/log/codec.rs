//! How a body lies in the log: compressed where that helps, and always back to the very bytes received.

use std::{cell::RefCell, io};

use sha2::{Digest, Sha256};
use thiserror::Error;
use zstd::bulk::{Compressor, Decompressor};

/// As received.
pub const PLAIN: i64 = 0;
/// One zstd frame, no dictionary.
pub const ZSTD: i64 = 1;

/// No body is larger, so nothing decompresses to more: replay takes larger bodies than the webhook route does.
pub const BODY_BYTES_MAX: usize = 64 << 20;

/// Level 1: a 5 KB event in about 15 µs, within a tenth of what the slower levels reach.
const LEVEL: i32 = 1;

/// A stored body can't be read back.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CodecError {
    /// A newer mrrd wrote it.
    #[error("the body is stored in codec {0}, which this version doesn't know: use the version that wrote it")]
    Unknown(i64),
    /// The stored bytes are damaged.
    #[error("the stored body is damaged: {0}")]
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
    // A context is some hundred kilobytes: made once for each thread, not once for each event.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The codec and the bytes to store for `body`.
pub fn encode(body: &[u8]) -> (i64, Vec<u8>) {
    let compressed = COMPRESSOR.with_borrow_mut(|slot| -> io::Result<Vec<u8>> {
        match slot {
            Some(compressor) => compressor.compress(body),
            None => slot.insert(Compressor::new(LEVEL)?).compress(body),
        }
    });
    match compressed {
        Ok(bytes) if bytes.len() < body.len() => (ZSTD, bytes),
        // Compression is a saving, not a duty: what doesn't compress is kept as it is.
        _ => (PLAIN, body.to_vec()),
    }
}

/// The body again; `length` is what the event row says, and the most that is ever allocated.
pub fn decode(codec: i64, bytes: &[u8], length: usize) -> Result<Vec<u8>, CodecError> {
    let body = match codec {
        PLAIN => bytes.to_vec(),
        ZSTD if length > BODY_BYTES_MAX => {
            return Err(CodecError::Damaged(format!("its event claims {length} bytes")));
        }
        ZSTD => DECOMPRESSOR
            .with_borrow_mut(|slot| match slot {
                Some(decompressor) => decompressor.decompress(bytes, length),
                None => slot.insert(Decompressor::new()?).decompress(bytes, length),
            })
            .map_err(|error| CodecError::Damaged(error.to_string()))?,
        other => return Err(CodecError::Unknown(other)),
    };
    if body.len() != length {
        return Err(CodecError::Length { got: body.len(), expected: length });
    }
    Ok(body)
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
        assert_eq!(codec, ZSTD);
        assert!(bytes.len() * 10 < long.len());
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
