// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Which numbers of ``GatewayMetrics`` belong to what, for things that come and go by reloads.
///
/// A place is taken once and for all: a counter must not go back, or on under another name.
final class CounterPlaces: Sendable {
    private let owners: SharedWords

    /// So many places, the last of which is for all that find no other.
    init(count: Int) { owners = SharedWords(count: count) }

    /// The place for all that have none of their own.
    var last: Int { owners.count - 1 }

    /// The place of what has this identity, the same as long as the process runs.
    func place(of identity: UInt64) -> Int {
        let wanted = identity | 1
        for place in 0..<last {
            let owner = owners.load(place)
            if owner == wanted { return place }
            guard owner == 0 else { continue }
            if owners.exchange(place, from: 0, to: wanted) { return place }
            if owners.load(place) == wanted { return place }
        }
        return last
    }
}
