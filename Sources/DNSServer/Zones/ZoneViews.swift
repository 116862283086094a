// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// All zones, and those that have changed since the table of all was made.
///
/// A table of many zones takes seconds to make. One zone that changes is made anew by itself and
/// stands beside it: a name belongs to whichever table has the deeper zone around it, and to the
/// changed zone where both have the same. While nothing has changed that costs one comparison.
struct ZoneViews: ~Escapable {
    let all: ZoneView
    let changed: ZoneView

    @_lifetime(copy all, copy changed)
    init(all: consuming ZoneView, changed: consuming ZoneView) {
        self.all = all
        self.changed = changed
    }

    /// Finds what answers for the name of `length` octets at `start`, and in which of the two.
    @inline(__always)
    func find(
        _ name: Span<UInt8>,
        at start: Int,
        _ scanned: ScannedName,
        type: RecordType
    ) -> (match: ZoneMatch, isChanged: Bool) {
        let match = all.find(name, at: start, scanned, type: type)
        guard changed.zones.count > 0 else { return (match, false) }
        return choose(match, name, at: start, scanned, type: type)
    }

    @inline(never)
    private func choose(
        _ match: ZoneMatch,
        _ name: Span<UInt8>,
        at start: Int,
        _ scanned: ScannedName,
        type: RecordType
    ) -> (match: ZoneMatch, isChanged: Bool) {
        let other = changed.find(name, at: start, scanned, type: type)
        guard other.kind != .outside else { return (match, false) }
        let zone = changed.zones[other.zone]
        guard match.kind != .outside else { return (other, true) }
        let length = all.zones[match.zone].apexLength
        // DS is the outer zone's word, and stands where that does (RFC 4035 §3.1.4.1).
        if type == .DS, other.node == Int(zone.apex), length < zone.apexLength {
            return (match, false)
        }
        return zone.apexLength >= length ? (other, true) : (match, false)
    }
}
