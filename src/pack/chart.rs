//! Two drawings, as SVG that needs nothing else: a month's bridge, and a year of months. Whole numbers of a fixed canvas, so that the
//! same figures draw the same picture.

use maud::{Markup, html};

/// A bar of a bridge.
pub(super) struct Bar {
    /// The label below the bar.
    pub(super) label: String,
    /// The amount above the bar, as it is shown.
    pub(super) text: String,
    /// Where it begins and ends, in any one unit.
    pub(super) from: i128,
    pub(super) to: i128,
    /// Whether MRR stands there; else it moves.
    pub(super) stands: bool,
}

const WIDE: i128 = 720;
const HIGH: i128 = 240;
/// Room above for numbers, below for labels.
const TOP: i128 = 22;
const BOTTOM: i128 = 26;

/// Where an amount lies from the top.
fn height(amount: i128, low: i128, high: i128) -> i128 {
    let span = high.saturating_sub(low).max(1);
    let room = HIGH - TOP - BOTTOM;
    // Scaled down before it is multiplied: amounts may be as large as the ledger's own.
    let (part, span) = match high.saturating_sub(amount) {
        part if span > i128::MAX / 1000 => (part / 1000, span / 1000),
        part => (part, span),
    };
    TOP + part.saturating_mul(room) / span.max(1)
}

/// Bars side by side, each from where it begins to where it ends.
pub(super) fn bars(title: &str, bars: &[Bar]) -> String {
    let ends = || bars.iter().flat_map(|bar| [bar.from, bar.to]);
    let (low, high) = (ends().min().unwrap_or(0).min(0), ends().max().unwrap_or(0).max(1));
    // A bridge between two high banks is drawn from near its lower one, so that its planks can be told apart.
    let standing = bars.iter().filter(|bar| bar.stands).map(|bar| bar.to.min(bar.from.max(bar.to)));
    let least = bars.iter().filter(|bar| !bar.stands).flat_map(|bar| [bar.from, bar.to]).chain(standing).min();
    let cut = least.filter(|least| low == 0 && *least > high / 2).map(|least| least - (high - least));
    let low = cut.unwrap_or(low).max(low);
    let step = WIDE / i128::try_from(bars.len().max(1)).unwrap_or(1);
    let width = step * 7 / 10;
    let drawn: Markup = html! {
        svg viewBox={ "0 0 " (WIDE) " " (HIGH) } role="img" aria-label=(title) xmlns="http://www.w3.org/2000/svg" {
            title { (title) }
            line class="base" x1="0" x2=(WIDE) y1=(HIGH - BOTTOM) y2=(HIGH - BOTTOM) {}
            @for (at, bar) in (0i128..).zip(bars) {
                @let (upper, lower) = (bar.from.max(bar.to), bar.from.min(bar.to).max(low));
                @let (y, bottom) = (height(upper, low, high), height(lower, low, high));
                @let x = at * step + (step - width) / 2;
                @let kind = if bar.stands { "stands" } else if bar.to >= bar.from { "up" } else { "down" };
                rect class=(kind) x=(x) y=(y) width=(width) height=((bottom - y).max(1)) {}
                text class="value" x=(x + width / 2) y=(y - 5) { (bar.text) }
                text class="label" x=(x + width / 2) y=(HIGH - 9) { (bar.label) }
                @if at + 1 < i128::try_from(bars.len()).unwrap_or(0) && !bars.iter().all(|bar| bar.stands) {
                    @let y = height(bar.to, low, high);
                    line class="step" x1=(x + width) x2=(x + step) y1=(y) y2=(y) {}
                }
            }
        }
        @if cut.is_some() { p class="note" { "The bars that stand are cut: they begin above 0." } }
    };
    drawn.into_string()
}

/// `12,345.67` as a chart has room for it, rounded: `12.3k`.
pub(super) fn short(units: &str) -> String {
    let plain: String = units.chars().filter(|c| *c != ',' && *c != '-').collect();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let Ok(whole) = whole.parse::<i128>() else { return units.to_owned() };
    let whole = whole.saturating_add(i128::from(fraction.starts_with(['5', '6', '7', '8', '9'])));
    let sign = if units.starts_with('-') && whole > 0 { "-" } else { "" };
    let (unit, suffix) = match whole {
        0..=999 => return format!("{sign}{whole}"),
        1000..=9_999 => return format!("{sign}{},{:03}", whole / 1000, whole % 1000),
        10_000..=999_949 => (1_000, "k"),
        999_950..=999_949_999 => (1_000_000, "M"),
        _ => (1_000_000_000, "bn"),
    };
    let tenths = (whole + unit / 20) / (unit / 10);
    if tenths < 1000 {
        format!("{sign}{}.{}{suffix}", tenths / 10, tenths % 10)
    } else {
        format!("{sign}{}{suffix}", (whole + unit / 2) / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_as_short_as_its_room() {
        for (units, text) in [
            ("0.00", "0"),
            ("-0.40", "0"),
            ("-20.89", "-21"),
            ("1,234.56", "1,235"),
            ("9,999.50", "10.0k"),
            ("-12,345.67", "-12.3k"),
            ("123,456.00", "123k"),
            ("999,960.00", "1.0M"),
            ("12,345,678", "12.3M"),
            ("2,500,000,000.00", "2.5bn"),
        ] {
            assert_eq!(short(units), text);
        }
    }

    #[test]
    fn amounts_of_any_size_stay_on_the_canvas() {
        for high in [1, 1000, i128::MAX / 4] {
            assert_eq!((height(high, 0, high), height(0, 0, high)), (TOP, HIGH - BOTTOM));
        }
    }
}
