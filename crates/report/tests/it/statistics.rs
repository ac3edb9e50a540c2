//! Statistics against values worked out by hand and against printed tables of Student's t.

use peerlab_report::statistics::{Estimate, Paired, t_quantile_975};

fn close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-6, "{actual} is not {expected}");
}

#[test]
fn eight_values_give_the_textbook_estimate() {
    // Squared deviations from 5: 9+1+1+1+0+0+4+16 = 32; sd = √(32/7); half-width = 2.364624 · sd / √8.
    let estimate = Estimate::of(&[9.0, 2.0, 4.0, 5.0, 4.0, 7.0, 4.0, 5.0]).unwrap();
    assert_eq!((estimate.n, estimate.mean, estimate.median), (8, 5.0, 4.5));
    assert_eq!((estimate.min, estimate.max), (2.0, 9.0));
    close(estimate.sd.unwrap(), 2.138_089_935);
    close(estimate.half_width().unwrap(), 1.787_487_9);
    let (low, high) = estimate.ci95.unwrap();
    close(low, 5.0 - 1.787_487_9);
    close(high, 5.0 + 1.787_487_9);
}

#[test]
fn quantiles_of_t_are_the_printed_ones() {
    let table = [
        (1, 12.706_204_7),
        (2, 4.302_652_7),
        (4, 2.776_445_1),
        (7, 2.364_624_3),
        (30, 2.042_272_5),
        (100, 1.983_971_5),
        (1000, 1.962_339_1),
    ];
    for (degrees, printed) in table {
        let quantile = t_quantile_975(degrees);
        assert!((quantile - printed).abs() < 1e-6, "t of {degrees} degrees: {quantile}, printed {printed}");
    }
}

#[test]
fn one_value_has_no_interval() {
    let estimate = Estimate::of(&[3.25]).unwrap();
    assert_eq!((estimate.n, estimate.mean, estimate.median), (1, 3.25, 3.25));
    assert_eq!((estimate.sd, estimate.ci95, estimate.half_width()), (None, None, None));
}

#[test]
fn nothing_finite_has_no_estimate() {
    assert_eq!(Estimate::of(&[]), None);
    assert_eq!(Estimate::of(&[f64::NAN, f64::INFINITY]), None);
    assert_eq!(Estimate::of(&[f64::NAN, 1.0, 3.0]).unwrap().n, 2);
}

#[test]
fn equal_values_have_exactly_their_own_mean_and_no_spread() {
    let estimate = Estimate::of(&[0.1; 7]).unwrap();
    assert_eq!((estimate.mean, estimate.sd, estimate.ci95), (0.1, Some(0.0), Some((0.1, 0.1))));
}

#[test]
fn paired_differences_are_narrower_than_the_systems_apart() {
    // Differences 1, 2, 3: mean 2, sd 1, half-width 4.302653/√3 = 2.484138.
    let paired = Paired::of(&[10.0, 50.0, 90.0], &[11.0, 52.0, 93.0]).unwrap().unwrap();
    assert_eq!((paired.baseline_mean, paired.other_mean, paired.difference.mean), (50.0, 52.0, 2.0));
    close(paired.difference.half_width().unwrap(), 2.484_137_7);
    close(paired.relative().unwrap(), 0.04);
    assert_eq!(paired.is_significant(), Some(false));
    let paired = Paired::of(&[10.0, 50.0, 90.0], &[12.0, 52.0, 92.1]).unwrap().unwrap();
    assert_eq!(paired.is_significant(), Some(true));
}

#[test]
fn pairs_lacking_a_value_are_left_out_and_unequal_lengths_refused() {
    let paired = Paired::of(&[1.0, f64::NAN, 3.0], &[2.0, 5.0, 5.0]).unwrap().unwrap();
    assert_eq!((paired.difference.n, paired.baseline_mean, paired.difference.mean), (2, 2.0, 1.5));
    assert_eq!(Paired::of(&[f64::NAN], &[1.0]).unwrap(), None);
    let error = Paired::of(&[1.0], &[1.0, 2.0]).unwrap_err();
    assert_eq!((error.baseline, error.other), (1, 2));
}

#[test]
fn one_pair_cannot_be_significant_and_zero_has_no_relative_difference() {
    let paired = Paired::of(&[0.0], &[1.0]).unwrap().unwrap();
    assert_eq!((paired.is_significant(), paired.relative()), (None, None));
}
