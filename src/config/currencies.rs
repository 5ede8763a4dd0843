//! Which currencies there are, so that a mistyped one is told before rates are looked for in vain. How many places each has the
//! ledger knows (`fx::minor_units`), which takes any code that Stripe sends.

/// The codes in force of ISO 4217, lower-case: money of countries, without funds, metals and codes for tests.
const CODES: &str = "aed afn all amd aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf clp \
    cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr iqd \
    irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt mop mru mur mvr mwk mxn \
    myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sdg sek sgd shp sle sos srd ssp \
    stn svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd uyu uzs ved ves vnd vuv wst xaf xcd xcg xof xpf yer zar zmw zwg";

/// Codes that ISO 4217 has withdrawn, and that invoices of the past, or Stripe's, still bear.
const OLDER: &str = "ang cuc hrk ltl lvl mro sll std vef zwl";

/// Whether a currency has, or had lately, this code.
pub(super) fn is_one(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    CODES.split_whitespace().chain(OLDER.split_whitespace()).any(|known| known == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::fx::minor_units;

    #[test]
    fn codes_are_three_letters_and_each_stands_once() {
        let all: Vec<&str> = CODES.split_whitespace().chain(OLDER.split_whitespace()).collect();
        assert!(all.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_lowercase())));
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(is_one("EUR") && !is_one("zzz") && !is_one("us"));
        // Each that the ledger gives other places than two is one of them.
        let letters = || 'a'..='z';
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
        let unusual: Vec<String> = codes.filter(|code| minor_units(code.parse().unwrap()) != 100).collect();
        assert!(unusual.len() > 15 && unusual.iter().all(|code| is_one(code)), "{unusual:?}");
    }
}
