//! A list that nearly always holds one: kept in place, and on the heap only from the second on.

use std::ops::{Deref, DerefMut};

/// A list that nearly always holds one thing or none, and then needs no allocation. Used as the slice that it is.
///
/// ```
/// use tollway_core::Few;
///
/// let mut few: Few<u8> = Few::one(7);
/// few.push(8);
/// assert_eq!(few, [7, 8]);
/// assert_eq!(Few::from(vec![7, 8]), few);
/// ```
#[derive(Clone)]
pub struct Few<T>(Kept<T>);

#[derive(Clone)]
enum Kept<T> {
    None,
    One(T),
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Kept::None)
    }
    /// One thing.
    pub const fn one(thing: T) -> Self {
        Self(Kept::One(thing))
    }
    /// All of it.
    pub fn as_slice(&self) -> &[T] {
        match &self.0 {
            Kept::None => &[],
            Kept::One(one) => std::slice::from_ref(one),
            Kept::Many(many) => many,
        }
    }
    /// Adds one more at the end.
    pub fn push(&mut self, thing: T) {
        self.0 = match std::mem::replace(&mut self.0, Kept::None) {
            Kept::None => Kept::One(thing),
            Kept::One(first) => Kept::Many(vec![first, thing]),
            Kept::Many(mut many) => {
                many.push(thing);
                Kept::Many(many)
            }
        };
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Kept::None => &mut [],
            Kept::One(one) => std::slice::from_mut(one),
            Kept::Many(many) => many,
        }
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(many: Vec<T>) -> Self {
        Self(Kept::Many(many))
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut few = Self::new();
        few.extend(things);
        few
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        things.into_iter().for_each(|thing| self.push(thing));
    }
}

impl<'f, T> IntoIterator for &'f Few<T> {
    type Item = &'f T;
    type IntoIter = std::slice::Iter<'f, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
impl<T: Eq> Eq for Few<T> {}

impl<T: PartialEq, const N: usize> PartialEq<[T; N]> for Few<T> {
    fn eq(&self, other: &[T; N]) -> bool {
        **self == *other
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_list_that_a_vec_would_be(things in proptest::collection::vec(any::<u8>(), 0..5), more in any::<u8>()) {
            let mut few: Few<u8> = things.iter().copied().collect();
            prop_assert_eq!(&*few, &*things);
            prop_assert_eq!(&few, &Few::from(things.clone()));
            prop_assert_eq!(format!("{few:?}"), format!("{things:?}"));
            let mut all = things;
            few.push(more);
            all.push(more);
            few.iter_mut().for_each(|n| *n ^= 1);
            all.iter_mut().for_each(|n| *n ^= 1);
            prop_assert_eq!((&few).into_iter().collect::<Vec<_>>(), all.iter().collect::<Vec<_>>());
        }
    }
}
