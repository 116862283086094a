// SPDX-License-Identifier: Apache-2.0

/// A clock that was far ahead for a while.
extension RolloverMachine {
    /// Makes `now` the latest time, however late it has been before.
    ///
    /// Times that lie ahead become now, and what was served then is waited for from now on in
    /// full: that is never too short. Times that a right clock has written stay.
    public mutating func setBack(to now: Int64) {
        guard now < clock else { return }
        clock = now
        func past(_ time: Int64?) -> Int64? { time.map { min($0, now) } }
        for index in keys.indices {
            keys[index].created = min(keys[index].created, now)
            keys[index].published = past(keys[index].published)
            keys[index].active = past(keys[index].active)
            keys[index].retired = past(keys[index].retired)
            keys[index].withdrawn = past(keys[index].withdrawn)
        }
        awaitedSince = past(awaitedSince)
        let timing = policy.timing
        keySets.setBack(to: now, reach: timing.propagation)
        signers.setBack(to: now, reach: timing.propagation)
        parents.setBack(to: now, reach: timing.parentPropagation)
    }
}

extension CacheHistory {
    /// Lets no former content be gone later than if it had gone now.
    fileprivate mutating func setBack(to now: Int64, reach: Int64) {
        for index in former.indices where !former[index].isServed {
            former[index].gone = min(former[index].gone, now &+ reach &+ former[index].ttl)
        }
    }
}
