//! Tolerant pieces of JSON: a value of an unexpected kind is absent and noted, never an error.
//!
//! Every scalar is kept as its text until it is asked for, so that no number passes through a float.

use std::{borrow::Cow, fmt, marker::PhantomData, str::FromStr, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::{
    ledger::{
        money::{Currency, Decimal},
        time::UnixTime,
    },
    limits,
};

/// What was met that isn't as it should be: names of fields only, never a value.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    /// Fields that held something else than they should, and were left out for it.
    pub(super) fields: Vec<&'static str>,
    /// The first thing that can't be Stripe's and that no figure may rest on, in words: of that object there is no fact.
    pub(super) beyond: Option<String>,
}

impl Oddities {
    /// Notes that `field` could not be read as what it should be.
    pub(super) fn note(&mut self, field: &'static str) {
        if !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }

    /// Notes that `field` is beyond what Stripe has: a number too large, an id too long.
    pub(super) fn note_beyond(&mut self, field: &str, why: &str) {
        self.beyond.get_or_insert_with(|| format!("{field} {why}"));
    }

    /// Whether `id` can be one of Stripe's.
    pub(super) fn fits(&mut self, field: &str, id: &str) -> bool {
        let fault = no_id(id);
        fault.into_iter().for_each(|why| self.note_beyond(field, why));
        fault.is_none()
    }
}

/// Why a text can be no id of Stripe's; `None` where it can.
pub(super) fn no_id(text: &str) -> Option<&'static str> {
    if too_long(text) {
        Some("is longer than an id of Stripe's")
    } else if text.contains(char::is_control) {
        Some("holds a control character")
    } else {
        None
    }
}

/// Whether a text is longer than any id of Stripe's.
pub(super) fn too_long(text: &str) -> bool {
    text.len() > limits::ID_BYTES || text.chars().count() > limits::ID_CHARACTERS
}

/// Why a number is none: it is written as one, and can't be held as what it should be.
const OUT_OF_RANGE: &str = "is out of range";

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
}

/// The text of any value; null and absent are the same.
#[derive(Clone, Copy, Default)]
pub(super) struct Raw<'a>(pub(super) Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Option::<&'a RawValue>::deserialize(deserializer)?;
        Ok(Self(raw.map(RawValue::get)))
    }
}

impl<'a> Raw<'a> {
    /// Neither absent nor null.
    pub(super) fn is_set(self) -> bool {
        self.0.is_some()
    }

    /// The first of the two that is set.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    /// The string, unescaped.
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        let inner = self.0?.strip_prefix('"')?.strip_suffix('"')?;
        if !inner.contains('\\') {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str(self.0?).ok().map(Cow::Owned)
    }

    /// The string as facts keep it.
    pub(super) fn text(self) -> Option<Arc<str>> {
        self.string().map(|text| shared(&text))
    }

    /// An id or word that isn't empty; anything else that is set is odd.
    pub(super) fn word(self, field: &'static str, odd: &mut Oddities) -> Option<Arc<str>> {
        let word = self.checked(field, odd, |raw| raw.string().filter(|text| !text.is_empty()))?;
        odd.fits(field, &word).then(|| shared(&word))
    }

    /// A whole number, written as one or as `1.0` or `1e3`.
    pub(super) fn whole(self, field: &'static str, odd: &mut Oddities) -> Option<i64> {
        self.number(field, odd, |raw| {
            let text = raw.0?;
            text.parse().ok().or_else(|| {
                let units = text.parse::<Decimal>().ok()?.units();
                (units % Decimal::ONE_UNITS == 0).then(|| i64::try_from(units / Decimal::ONE_UNITS).ok())?
            })
        })
    }

    /// An instant in Unix seconds; `None` where it is absent, null or, noted in `odd`, something else.
    pub(super) fn time(self, field: &'static str, odd: &mut Oddities) -> Option<UnixTime> {
        self.whole(field, odd).map(UnixTime)
    }

    /// A decimal written as a string or as a number, read from its text.
    pub(super) fn decimal(self, field: &'static str, odd: &mut Oddities) -> Option<Decimal> {
        let held = |decimal: &Decimal| i64::try_from(decimal.units() / Decimal::ONE_UNITS).is_ok();
        self.number(field, odd, |raw| {
            let decimal: Option<Decimal> = match raw.string() {
                Some(text) => text.parse().ok(),
                None => raw.0?.parse().ok(),
            };
            decimal.filter(held)
        })
    }

    /// A percentage: a float at Stripe, so digits beyond the twelfth place are rendering and are rounded off.
    pub(super) fn percent(self, field: &'static str, odd: &mut Oddities) -> Option<Decimal> {
        self.number(field, odd, |raw| {
            let text = raw.string().or_else(|| raw.0.map(Cow::Borrowed))?;
            text.parse().ok().or_else(|| rounded(&text))
        })
    }

    /// A number: one that is written as such and can't be held is beyond what Stripe has.
    fn number<T>(self, field: &'static str, odd: &mut Oddities, read: impl FnOnce(Self) -> Option<T>) -> Option<T> {
        let value = self.checked(field, odd, read);
        if value.is_none()
            && let Some(text) = self.string().or_else(|| self.0.map(Cow::Borrowed))
            && is_number(&text)
        {
            odd.note_beyond(field, OUT_OF_RANGE);
        }
        value
    }

    /// `true` or `false`; absent is false.
    pub(super) fn flag(self, field: &'static str, odd: &mut Oddities) -> bool {
        self.checked(field, odd, |raw| raw.0?.parse().ok()).unwrap_or(false)
    }

    /// A currency of three letters; `None` where it is absent, null or, noted in `odd`, something else.
    pub(super) fn currency(self, field: &'static str, odd: &mut Oddities) -> Option<Currency> {
        self.checked(field, odd, |raw| Currency::from_str(&raw.string()?).ok())
    }

    fn checked<T>(self, field: &'static str, odd: &mut Oddities, read: impl FnOnce(Self) -> Option<T>) -> Option<T> {
        let value = read(self);
        if value.is_none() && self.is_set() {
            odd.note(field);
        }
        value
    }
}

/// Facts are stored as text in databases that refuse NUL: it is escaped the way JSON writes it.
pub(super) fn shared(text: &str) -> Arc<str> {
    if text.contains('\0') { text.replace('\0', "\\u0000").into() } else { text.into() }
}

fn rounded(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.')?;
    let places = Decimal::PLACES as usize;
    let (kept, rest) = fraction.split_at_checked(places)?;
    let negative = whole.starts_with('-');
    let units = format!("{whole}.{kept}").parse::<Decimal>().ok()?.units();
    if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let up = i128::from(rest.as_bytes().first().is_some_and(|&digit| digit >= b'5'));
    Some(Decimal::from_units(if negative { units - up } else { units + up }))
}

/// An object that may be absent, or something else altogether.
#[derive(Default)]
pub(super) enum Obj<T> {
    /// Absent or null.
    #[default]
    Absent,
    /// Set, but not an object.
    Odd,
    /// The object.
    Is(T),
}

impl<T> Obj<T> {
    /// The object; anything else that is set is odd.
    pub(super) fn get(&self, field: &'static str, odd: &mut Oddities) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent => None,
            Self::Odd => {
                odd.note(field);
                None
            }
        }
    }

    /// The object, where it is one.
    pub(super) fn quiet(&self) -> Option<&T> {
        if let Self::Is(value) = self { Some(value) } else { None }
    }

    /// Neither absent nor null.
    pub(super) fn is_set(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Obj<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::<T>::deserialize(deserializer)? {
            Any::Null => Self::Absent,
            Any::Object(value) => Self::Is(value),
            Any::Text(_) | Any::List(_) | Any::Other => Self::Odd,
        })
    }
}

/// An object that may say what it is.
pub(super) trait Named {
    /// Its `object`.
    fn object(&self) -> Raw<'_>;
}

/// An object by its id alone, or expanded.
#[derive(Default)]
pub(super) enum Ref<'a, T = JustId<'a>> {
    /// Absent or null.
    #[default]
    Absent,
    /// Neither text nor an object.
    Odd,
    /// Its id.
    Id(Cow<'a, str>),
    /// The object itself.
    Is(Box<T>),
}

/// All we want of an expanded object.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct JustId<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Ref<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::<T>::deserialize(deserializer)? {
            Any::Null => Self::Absent,
            Any::Text(id) => Self::Id(id),
            Any::Object(value) => Self::Is(Box::new(value)),
            Any::List(_) | Any::Other => Self::Odd,
        })
    }
}

impl Ref<'_> {
    /// The id, whichever way it is written; an empty one is none.
    pub(super) fn id(&self, field: &'static str, odd: &mut Oddities) -> Option<Arc<str>> {
        match self {
            Self::Absent => None,
            Self::Odd => {
                odd.note(field);
                None
            }
            Self::Id(id) => (!id.is_empty() && odd.fits(field, id)).then(|| shared(id)),
            Self::Is(object) => object.id.word(field, odd),
        }
    }
}

/// A list: Stripe's list object, or a plain array.
pub(super) struct List<T> {
    /// Neither absent nor null.
    pub(super) is_set: bool,
    /// Its elements.
    pub(super) data: Vec<T>,
    /// Nothing is missing: no `has_more`, no larger `total_count`, and a list in the first place.
    pub(super) complete: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { is_set: false, data: Vec::new(), complete: true }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::<ListObject<'de, T>, T>::deserialize(deserializer)? {
            Any::Null => Self::default(),
            Any::Text(_) | Any::Other => Self { is_set: true, data: Vec::new(), complete: false },
            Any::List(data) => Self { is_set: true, data, complete: true },
            Any::Object(list) => {
                let Some(data) = list.data.0 else {
                    return Ok(Self { is_set: true, data: Vec::new(), complete: false });
                };
                let total = list.total_count.0.and_then(|total| total.parse().ok());
                let complete = list.has_more.0 != Some("true") && total.is_none_or(|total: usize| total <= data.len());
                Self { is_set: true, data, complete }
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct ListObject<'a, T> {
    #[serde(default)]
    data: Array<T>,
    #[serde(borrow, default)]
    has_more: Raw<'a>,
    #[serde(borrow, default)]
    total_count: Raw<'a>,
}

/// An array; `None` for anything else.
pub(super) struct Array<T>(pub(super) Option<Vec<T>>);

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::<IgnoredAny, T>::deserialize(deserializer)? {
            Any::List(list) => Self(Some(list)),
            _ => Self(None),
        })
    }
}

/// Any JSON value, looked into only where the caller wants it: objects as `T`, elements of arrays as `E`.
enum Any<'de, T, E = IgnoredAny> {
    Null,
    Text(Cow<'de, str>),
    Object(T),
    List(Vec<E>),
    Other,
}

impl<'de, T: Deserialize<'de>, E: Deserialize<'de>> Deserialize<'de> for Any<'de, T, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}

struct AnyVisitor<T, E>(PhantomData<(T, E)>);

impl<'de, T: Deserialize<'de>, E: Deserialize<'de>> Visitor<'de> for AnyVisitor<T, E> {
    type Value = Any<'de, T, E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<X>(self) -> Result<Self::Value, X> {
        Ok(Any::Null)
    }

    fn visit_borrowed_str<X>(self, text: &'de str) -> Result<Self::Value, X> {
        Ok(Any::Text(Cow::Borrowed(text)))
    }

    fn visit_str<X>(self, text: &str) -> Result<Self::Value, X> {
        Ok(Any::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<X>(self, _: bool) -> Result<Self::Value, X> {
        Ok(Any::Other)
    }

    fn visit_i64<X>(self, _: i64) -> Result<Self::Value, X> {
        Ok(Any::Other)
    }

    fn visit_u64<X>(self, _: u64) -> Result<Self::Value, X> {
        Ok(Any::Other)
    }

    fn visit_f64<X>(self, _: f64) -> Result<Self::Value, X> {
        Ok(Any::Other)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Any::Object)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(Any::List(list))
    }
}
