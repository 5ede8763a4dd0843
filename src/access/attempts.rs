//! Wrong tokens, counted by address: whoever tries too many waits.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use crate::{ledger::time::UnixTime, limits};

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    since: UnixTime,
}

/// The failures of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, Failures>>);

impl Attempts {
    /// How many seconds an address has to wait; `None` where it may try.
    pub(super) fn wait(&self, address: IpAddr, now: UnixTime) -> Option<u32> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = failures.get(&whose(address)).filter(|one| one.count >= limits::WRONG_TOKENS)?;
        let left = one.since.0.saturating_add(limits::WRONG_TOKENS_SECONDS).saturating_sub(now.0);
        u32::try_from(left).ok().filter(|left| *left > 0)
    }

    /// Counts one.
    pub(super) fn failed(&self, address: IpAddr, now: UnixTime) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |one: &Failures| one.since.0.saturating_add(limits::WRONG_TOKENS_SECONDS) <= now.0;
        let address = whose(address);
        if !failures.contains_key(&address) && failures.len() >= limits::WRONG_TOKEN_ADDRESSES {
            failures.retain(|_, one| !over(one));
            // Still full: the oldest has waited the longest.
            if failures.len() >= limits::WRONG_TOKEN_ADDRESSES {
                let oldest = failures.iter().min_by_key(|(_, one)| one.since).map(|(address, _)| *address);
                oldest.map(|oldest| failures.remove(&oldest));
            }
        }
        let one = failures.entry(address).or_insert(Failures { count: 0, since: now });
        if over(one) {
            *one = Failures { count: 0, since: now };
        }
        one.count = one.count.saturating_add(1);
    }
}

/// One subscriber has a whole /64 of IPv6.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_waits_after_too_many_and_others_do_not() {
        let (attempts, now) = (Attempts::default(), UnixTime(1_000_000));
        let (guesser, neighbour) = ("2001:db8::1".parse().unwrap(), "2001:db8::ffff".parse().unwrap());
        let other = "10.0.0.7".parse().unwrap();
        for _ in 0..limits::WRONG_TOKENS {
            assert_eq!(attempts.wait(guesser, now), None);
            attempts.failed(guesser, now);
        }
        assert!(attempts.wait(guesser, now).is_some());
        assert!(attempts.wait(neighbour, now).is_some(), "of the same /64");
        assert_eq!(attempts.wait(other, now), None);
        let later = now.plus(limits::WRONG_TOKENS_SECONDS);
        assert_eq!(attempts.wait(guesser, later), None);
        attempts.failed(guesser, later);
        assert_eq!(attempts.wait(guesser, later), None, "the count begins anew");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::default();
        for address in 0..u32::try_from(limits::WRONG_TOKEN_ADDRESSES).unwrap() + 500 {
            attempts.failed(std::net::Ipv4Addr::from_bits(address).into(), UnixTime(i64::from(address)));
        }
        assert!(attempts.0.lock().unwrap().len() <= limits::WRONG_TOKEN_ADDRESSES);
    }
}
