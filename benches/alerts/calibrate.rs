//! Measures the detector's table: alerts a year of one series on which nothing happens, by expected week and threshold.

use mrrd::alerts::detector::{Detector, Observation, POWERS, Verdict, WEEKS};

use crate::simulation::{BEFORE, JUDGED, Pattern, Random, Truth};

const RUNS: u64 = 240;

/// Prints the table as src/alerts/detector/calibration.rs holds it.
pub fn calibrate() {
    println!("const ALERTS: [[f64; 7]; 8] = [");
    for week in WEEKS {
        let row: Vec<String> =
            POWERS.iter().map(|power| format!("{:.4}", measure(week, 10_f64.powf(*power)))).collect();
        println!("    [{}],", row.join(", "));
    }
    println!("];");
}

fn measure(week: f64, chance: f64) -> f64 {
    let mut raised = 0_u32;
    for run in 0..RUNS {
        let dispersion = [0.0, 0.1, 0.2][usize::try_from(run % 3).unwrap_or(0)];
        let pattern = Pattern::ALL[usize::try_from(run / 3 % 3).unwrap_or(0)];
        let truth = Truth { rate: week / 7.0, growth: 0.03, dispersion, pattern };
        let mut random = Random::new(0xca11_b0a7 + run);
        let mut detector = Detector::<1>::uncalibrated(chance);
        for day in 0..BEFORE + JUDGED {
            let seen = truth.day(day, 1.0, &mut random);
            let one = Observation { kind: seen.kind, exposed: seen.exposed, counts: [seen.counts[0]] };
            if matches!(detector.day(&one), Verdict::Raised(_)) && day >= BEFORE {
                raised += 1;
            }
        }
    }
    // A row of zeros would say "never": half an alert in all these years is the least that can be said.
    f64::from(raised).max(0.5) / RUNS as f64
}
