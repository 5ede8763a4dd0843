//! What the detector raises, closes and learns, over lives told day by day.

use super::*;

fn day(day: usize, all: u64) -> Observation<3> {
    let kind = DayKind { weekday: (day % 7) as u8, turn: Turn::Within };
    Observation { kind, exposed: 2000, counts: [all, all / 3, all / 2] }
}

/// A year of 1, 2 or 3 a day in turn.
fn lived() -> Detector<3> {
    let mut detector = Detector::new(2.0);
    for at in 0..364 {
        let verdict = detector.day(&day(at, 1 + (at % 3) as u64));
        assert!(!matches!(verdict, Verdict::Raised(_)), "day {at}: {verdict:?}");
    }
    detector
}

#[test]
fn a_spike_is_raised_once_and_closed() {
    let mut detector = lived();
    let Verdict::Raised(finding) = detector.day(&day(364, 14)) else { panic!("14 where 2 are usual") };
    assert!(finding.series == 0 && finding.observed >= 14 && finding.observed > finding.high, "{finding:?}");
    assert!(finding.once_in_years() > 2.0, "{finding:?}");
    let after: Vec<Verdict> = (365..390).map(|at| detector.day(&day(at, 2))).collect();
    assert_eq!(after.iter().filter(|verdict| matches!(verdict, Verdict::Closed(End::AsBefore))).count(), 1);
    assert!(!after.iter().any(|verdict| matches!(verdict, Verdict::Raised(_))));
}

#[test]
fn a_slow_rise_is_found_though_no_day_stands_out() {
    let mut detector = lived();
    let found = (0..28).find_map(|at| match detector.day(&day(364 + at, 4)) {
        Verdict::Raised(finding) => Some(finding),
        _ => None,
    });
    assert!(found.is_some_and(|finding| finding.days > 1 && finding.observed > finding.high), "{found:?}");
}

#[test]
fn part_of_a_day_raises_before_it_is_over_and_learns_nothing() {
    let detector = lived();
    let before = format!("{detector:?}");
    assert!(matches!(detector.look(&day(364, 14)), Verdict::Raised(_)));
    assert_eq!(detector.look(&day(364, 0)), Verdict::Usual);
    assert_eq!(format!("{detector:?}"), before);
}

#[test]
fn too_few_are_not_judged() {
    let mut detector = Detector::<3>::new(2.0);
    for at in 0..300 {
        let small = Observation { exposed: 60, ..day(at, u64::from(at % 30 == 7)) };
        assert!(!matches!(detector.day(&small), Verdict::Raised(_)));
    }
    let verdict = detector.day(&Observation { exposed: 60, ..day(300, 4) });
    assert!(matches!(verdict, Verdict::TooFew { expected } if expected < 2.0), "{verdict:?}");
}

#[test]
fn few_are_judged_where_clusters_matter_and_not_one_by_one() {
    let mut detector = Detector::<3>::new(2.0).judging_few();
    for at in 0..300 {
        let small = Observation { exposed: 60, ..day(at, u64::from(at % 10 == 7)) };
        assert_eq!(detector.day(&small), Verdict::Usual, "day {at}");
    }
    let two = Observation { exposed: 60, ..day(300, 2) };
    assert_eq!(detector.look(&two), Verdict::Usual);
    let cluster = Observation { exposed: 60, ..day(300, 6) };
    let Verdict::Raised(finding) = detector.day(&cluster) else { panic!("6 where 1 in ten days is usual") };
    assert!(finding.once_in_years() >= 0.5, "{finding:?}");
    let after: Vec<Verdict> = (301..312).map(|at| detector.day(&Observation { exposed: 60, ..day(at, 0) })).collect();
    assert_eq!(
        after.iter().filter(|verdict| matches!(verdict, Verdict::Closed(End::AsBefore))).count(),
        1,
        "{after:?}"
    );
}

#[test]
fn weekends_that_were_always_quiet_are_no_news_nor_are_busy_mondays() {
    let mut detector = Detector::<3>::new(2.0);
    for at in 0..500 {
        let count = [9, 4, 4, 4, 4, 1, 1][at % 7];
        let verdict = detector.day(&day(at, count));
        assert!(at < 60 || !matches!(verdict, Verdict::Raised(_)), "day {at}: {verdict:?}");
    }
    assert!(matches!(detector.day(&Observation { counts: [13, 0, 0], ..day(5, 0) }), Verdict::Raised(_)));
}

/// What is told of lives of 3 a day for 300 days and then as `after` says, day by day.
fn told_after(days: usize, after: impl Fn(usize) -> u64) -> Vec<(usize, Verdict)> {
    let mut detector = Detector::<3>::new(2.0);
    for at in 0..300 {
        let _ = detector.day(&day(at, 3));
    }
    let verdicts = (0..days).map(|at| (at, detector.day(&day(300 + at, after(at)))));
    verdicts.filter(|(_, verdict)| !matches!(verdict, Verdict::Usual | Verdict::Open)).collect()
}

#[test]
fn a_rise_that_lasts_is_raised_once_and_its_level_is_usual_afterwards() {
    for level in [5, 6, 9] {
        let told = told_after(500, |_| level);
        let [(_, Verdict::Raised(_)), (closed, Verdict::Closed(End::NewLevel))] = told[..] else { panic!("{told:?}") };
        assert!(closed < 40, "{told:?}");
    }
    // From the new level a rise is found as from the old one, and as soon.
    let told = told_after(500, |at| if at < 300 { 6 } else { 12 });
    let [_, _, (raised, Verdict::Raised(finding)), (_, Verdict::Closed(End::NewLevel))] = told[..] else {
        panic!("{told:?}")
    };
    assert!(raised < 304 && (finding.expected / f64::from(finding.days) - 6.0).abs() < 0.5, "{finding:?}");
}

#[test]
fn a_rise_in_an_open_episode_is_told_where_it_would_be_an_alert_by_itself() {
    let risen = |after: fn(usize) -> u64| {
        let told = told_after(60, after);
        assert_eq!(told.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Raised(_))).count(), 1, "{told:?}");
        let days = told.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Risen(_))).map(|(at, _)| *at);
        days.collect::<Vec<_>>()
    };
    assert_eq!(risen(|at| if matches!(at, 0 | 2) { 20 } else { 3 }), [2], "as many again, two days later");
    assert_eq!(risen(|at| if at < 20 { 20 } else { 3 }), [0; 0], "it only goes on");
    assert_eq!(risen(|at| if at == 0 { 20 } else { 4 }), [0; 0], "hardly more than usual");
    let doubled = risen(|at| if at < 12 { 6 } else { 12 });
    assert!(doubled.len() == 1 && (12..20).contains(&doubled[0]), "a slow rise that doubles: {doubled:?}");
}

#[test]
fn an_episode_teaches_nothing_until_it_is_known_what_it_was() {
    let mut detector = lived();
    let expected = |detector: &Detector<3>| detector.baseline.rates[0].mean(2000.0);
    let before = expected(&detector);
    let verdicts: Vec<Verdict> = (364..384).map(|at| detector.day(&day(at, 14))).collect();
    assert!(matches!(verdicts[0], Verdict::Raised(_)) && detector.episode.is_some());
    assert!((expected(&detector) - before).abs() < 0.05, "{before} became {}", expected(&detector));
}
