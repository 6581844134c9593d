//! Statistics of plain slices.

/// Count, mean and the sum of squared distances from it, in one pass: Welford, "Note on a method for calculating corrected sums of squares and
/// products", 1962.
pub struct Moments {
    pub count: u32,
    pub mean: f64,
    squares: f64,
}

impl Moments {
    /// None of no values.
    pub fn of(values: &[f64]) -> Option<Moments> {
        let mut moments = Moments { count: 0, mean: 0.0, squares: 0.0 };
        for value in values {
            moments.count += 1;
            let before = value - moments.mean;
            moments.mean += before / f64::from(moments.count);
            moments.squares += before * (value - moments.mean);
        }
        (moments.count > 0).then_some(moments)
    }

    /// Of the sample; 0 for a single value.
    pub fn standard_deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / f64::from(self.count - 1)).sqrt() }
    }
}

/// The value below which that part of the sorted `values` lies, between two of them by a straight line (type 7 of Hyndman and Fan, 1996).
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let place = part * (values.len() - 1) as f64;
    let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// Slope, intercept and r²; none if all of `x` is one value. Both are of one length.
pub fn fit(x: &[f64], y: &[f64]) -> Option<(f64, f64, f64)> {
    let (mean_x, mean_y) = (Moments::of(x)?.mean, Moments::of(y)?.mean);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    if xx == 0.0 {
        return None;
    }
    let slope = xy / xx;
    let r_squared = if yy == 0.0 { 1.0 } else { xy * xy / (xx * yy) };
    Some((slope, mean_y - slope * mean_x, r_squared))
}

/// The mean of as many values, drawn with replacement.
pub fn mean_of_sample(values: &[f64], random: &mut SplitMix64) -> f64 {
    let sum: f64 = values.iter().map(|_| values[random.below(values.len())]).sum();
    sum / values.len() as f64
}

/// Random numbers from a seed, so that a task run gives the same each time: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// By multiplication instead of division; for lengths of memory, what that favours some numbers is nothing.
    fn below(&mut self, length: usize) -> usize {
        ((u128::from(self.next()) * length as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_textbook_also_far_from_zero() {
        let values = [4.0, 7.0, 13.0, 16.0].map(|value| value + 1e9);
        let moments = Moments::of(&values).expect("values");
        assert_eq!(moments.mean, 1e9 + 10.0);
        assert!((moments.standard_deviation() - 30.0_f64.sqrt()).abs() < 1e-6);
        assert_eq!(Moments::of(&[5.0]).expect("a value").standard_deviation(), 0.0);
        assert!(Moments::of(&[]).is_none());
    }

    #[test]
    fn quantiles_lie_between_values() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|part| quantile(&values, part)), [1.0, 1.75, 2.5, 4.0]);
    }

    #[test]
    fn a_line_is_found_again() {
        let x = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(fit(&x, &x.map(|x| 3.0 - 2.0 * x)), Some((-2.0, 3.0, 1.0)));
        assert_eq!(fit(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn random_numbers_are_those_of_the_reference() {
        // The first three of seed 1234567, as the authors' own program prints them.
        let mut random = SplitMix64(1_234_567);
        let drawn = [random.next(), random.next(), random.next()];
        assert_eq!(drawn, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }
}
