// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import Synchronization

/// Objects that are asked for anew while they answer.
extension CacheStore {
    /// Notes that asking for an object in the background came to nothing: for a while it is not done again,
    /// for longer with each time.
    public func pauseRefresh(of base: StoredRef, now: WallTime) {
        guard !base.isNone else { return }
        shards[base.shard].withLock { shard in
            guard let slot = shard.slot(base), shard.records[slot].phase == .complete else {
                return
            }
            if shard.records[slot].failures < .max { shard.records[slot].failures += 1 }
            shard.records[slot].until = now + RefreshPause.after(shard.records[slot].failures)
        }
    }

    /// A number that the key of an entry makes, and nobody else can.
    public func keyDigest(_ ref: StoredRef) -> UInt64 {
        guard !ref.isNone else { return 0 }
        return shards[ref.shard].withLock { shard in
            shard.slot(ref).map { shard.records[$0].hash } ?? 0
        }
    }
}

extension StoreShard {
    /// True when the origin may be asked for an object in the background.
    func isQuiet(_ slot: Int, _ now: WallTime) -> Bool {
        let end = records[slot].until
        // A clock that was set back makes no pause longer.
        return now < end && end - now <= RefreshPause.longest
    }

    /// A new head has come for an object: it is as good as new.
    mutating func restart(_ slot: Int) {
        records[slot].freshHits = 0
        records[slot].failures = 0
        records[slot].until = WallTime(nanoseconds: .min)
    }
}
