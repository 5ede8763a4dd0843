//! The ledger's own words as the log stores them in facts: CBOR, each field by a number that stays.

use std::{cell::RefCell, convert::Infallible, str::FromStr, sync::Arc};

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    data::Type,
    decode,
    encode::{self, Write},
};

use super::{
    money::{Currency, Decimal},
    time::UnixTime,
};

type Encoded<W> = Result<(), encode::Error<<W as Write>::Error>>;

/// A value as the log stores it.
pub fn to_bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let written: Result<(), encode::Error<Infallible>> = minicbor::encode(value, &mut bytes);
    // A vector takes everything, and no encoder of the ledger's words has a reason to refuse.
    debug_assert!(written.is_ok());
    bytes
}

/// What [`to_bytes`] wrote, and nothing after it.
///
/// Errors say what stands where something else was expected.
pub fn from_bytes<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, decode::Error> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode()?;
    if decoder.position() != bytes.len() {
        return Err(decode::Error::message("something follows it").at(decoder.position()));
    }
    Ok(value)
}

fn parsed<T: FromStr>(decoder: &mut Decoder<'_>) -> Result<T, decode::Error> {
    let at = decoder.position();
    let text = decoder.str()?;
    text.parse().map_err(|_| decode::Error::message(format!("{text:?} is not what belongs here")).at(at))
}

/// Texts read a moment ago: the facts of one customer say the same few ids over and over.
const RECENT: usize = 256;

thread_local! {
    static SHARED: RefCell<Vec<Option<Arc<str>>>> = const { RefCell::new(Vec::new()) };
}

/// The text, shared with whoever read the same a moment ago.
pub(super) fn shared(text: &str) -> Arc<str> {
    // Ids end in what tells them apart.
    let end = text.bytes().rev().take(8).fold(text.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    SHARED.with_borrow_mut(|recent| {
        recent.resize(RECENT, None);
        match &mut recent[end % RECENT] {
            Some(known) if **known == *text => known.clone(),
            place => place.insert(text.into()).clone(),
        }
    })
}

/// Shared text.
pub(super) mod text {
    use super::*;

    pub(crate) fn encode<C, W: Write>(text: &Arc<str>, to: &mut Encoder<W>, _: &mut C) -> Encoded<W> {
        to.str(text)?.ok()
    }

    pub(crate) fn decode<C>(from: &mut Decoder<'_>, _: &mut C) -> Result<Arc<str>, decode::Error> {
        from.str().map(shared)
    }
}

/// Shared text that may be absent.
pub(super) mod optional_text {
    use super::*;

    pub(crate) fn encode<C, W: Write>(text: &Option<Arc<str>>, to: &mut Encoder<W>, _: &mut C) -> Encoded<W> {
        match text {
            Some(text) => to.str(text)?.ok(),
            None => to.null()?.ok(),
        }
    }

    pub(crate) fn decode<C>(from: &mut Decoder<'_>, _: &mut C) -> Result<Option<Arc<str>>, decode::Error> {
        if from.datatype()? == Type::Null {
            return from.null().map(|()| None);
        }
        from.str().map(|text| Some(shared(text)))
    }

    pub(crate) fn nil() -> Option<Option<Arc<str>>> {
        Some(None)
    }

    pub(crate) fn is_nil(text: &Option<Arc<str>>) -> bool {
        text.is_none()
    }
}

impl<C> Encode<C> for UnixTime {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Encoded<W> {
        to.i64(self.0)?.ok()
    }
}

impl<C> Decode<'_, C> for UnixTime {
    fn decode(from: &mut Decoder<'_>, _: &mut C) -> Result<Self, decode::Error> {
        from.i64().map(Self)
    }
}

impl<C> Encode<C> for Currency {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Encoded<W> {
        to.str(self.as_str())?.ok()
    }
}

impl<C> Decode<'_, C> for Currency {
    fn decode(from: &mut Decoder<'_>, _: &mut C) -> Result<Self, decode::Error> {
        parsed(from)
    }
}

/// Almost all are whole: those are an integer, the others their text.
impl<C> Encode<C> for Decimal {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Encoded<W> {
        let whole = (self.units() % Self::ONE_UNITS == 0).then(|| i64::try_from(self.units() / Self::ONE_UNITS));
        match whole {
            Some(Ok(whole)) => to.i64(whole)?.ok(),
            _ => to.str(&self.to_string())?.ok(),
        }
    }
}

impl<C> Decode<'_, C> for Decimal {
    fn decode(from: &mut Decoder<'_>, _: &mut C) -> Result<Self, decode::Error> {
        match from.datatype()? {
            Type::String => parsed(from),
            _ => from.i64().map(Self::whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decimal_comes_back_as_it_was() {
        let ends = [i128::MIN + 1, i128::MAX, i128::from(i64::MIN) * Decimal::ONE_UNITS, Decimal::ONE_UNITS];
        for units in ends.into_iter().chain([0, 1, -1, 500_000_000_000, 1_999 * Decimal::ONE_UNITS]) {
            let decimal = Decimal::from_units(units);
            assert_eq!(from_bytes::<Decimal>(&to_bytes(&decimal)).unwrap(), decimal, "{units}");
        }
        assert_eq!(to_bytes(&Decimal::whole(-5)), [0x24], "whole ones are an integer");
    }

    #[test]
    fn what_is_cut_short_or_followed_by_something_is_no_value() {
        let bytes = to_bytes(&UnixTime(1_700_000_000));
        assert!(from_bytes::<UnixTime>(&bytes[..3]).is_err());
        assert!(from_bytes::<UnixTime>(&[&bytes[..], &[0]].concat()).is_err());
        assert!(from_bytes::<Currency>(&to_bytes(&Decimal::from_units(1))).is_err());
    }
}
