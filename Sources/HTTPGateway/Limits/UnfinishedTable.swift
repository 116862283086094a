// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Counts the connections that have not asked anything yet, by client network.
///
/// A client network is one IPv4 address or an IPv6 /64, which is what one host is commonly given.
/// Memory is fixed: every network has one counter in each of two rows and shares them with others;
/// the smaller of both counts. What leaves is taken off again, so only networks that are in the
/// table at the same time can make each other's count larger, never smaller.
final class UnfinishedTable: Sendable {
    /// Counters per row: at 16,384 connections two networks of a thousand meet in both rows once
    /// in millions.
    static let width = 8192

    private let rows = SharedWords(count: 2 * UnfinishedTable.width)
    // Which networks share counters must not be for clients to know.
    private let seed = UInt64.random(in: 0 ... .max)

    /// Counts a connection; false, with nothing counted, when the network has `limit` already.
    func enter(_ client: IPAddress, limit: Int) -> Bool {
        let (first, second) = places(client)
        let one = rows.add(first, 1)
        let other = rows.add(second, 1)
        guard min(one, other) > UInt64(clamping: limit) else { return true }
        leave(client)
        return false
    }

    /// Takes a connection off that was counted.
    func leave(_ client: IPAddress) {
        let (first, second) = places(client)
        rows.add(first, .max)
        rows.add(second, .max)
    }

    /// How many connections the network has at most.
    func count(_ client: IPAddress) -> UInt64 {
        let (first, second) = places(client)
        return min(rows.load(first), rows.load(second))
    }

    private func places(_ client: IPAddress) -> (Int, Int) {
        let ip = client.unmapped
        let network = ip.isIPv4 ? ip.bits : ip.bits >> 64 | 1 << 64
        let high = UInt64(truncatingIfNeeded: network >> 64)
        let low = UInt64(truncatingIfNeeded: network)
        let hash = Hash.mix(Hash.mix(low ^ seed) ^ high)
        let width = UInt64(UnfinishedTable.width)
        return (Int(hash % width), UnfinishedTable.width + Int((hash >> 32) % width))
    }
}
