// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials

/// What an import has done, or would do.
public struct ZoneImport: Sendable, Equatable {
    /// The zone.
    public var zone: String
    /// The serial that it is served with.
    public var serial: UInt32
    /// Records that went and came.
    public var removed: Int
    /// Records that came.
    public var added: Int
    /// The records themselves, of an import that is only looked at.
    var difference: ZoneComparison?

    init(zone: String, serial: UInt32, removed: Int, added: Int) {
        (self.zone, self.serial, self.removed, self.added) = (zone, serial, removed, added)
    }
}

/// A whole zone from outside, in the place of what is served: all of it, or nothing.
extension Plane {
    /// Has the text of a zone file taken, or looked at alone; nil when that has begun.
    mutating func importZone(_ order: ZoneImportOrder, _ number: UInt64) -> ControlOutcome? {
        guard let apex = DomainName(order.zone)?.lowercased else {
            return .failed("'\(order.zone)' is no name of a zone")
        }
        let configured = settings.zones.first { $0.name == "\(apex)" }
        guard configured?.transferFrom.isEmpty != false else {
            return .failed("zone \(apex) is what its primaries have: it is changed there")
        }
        guard canChange else {
            return .failed("zones cannot be changed now: \(whyUnchangeable)")
        }
        if let reason = whyFormerLifeKeeps(apex) {
            return .failed("\(reason.text). \(reason.remedy)")
        }
        // Read, compared and laid out by another thread: a zone may be large.
        var ticket = ZoneTicket(order: (number, .open))
        ticket.change = .imported
        launch(.replace(apex, order), [], [ticket])
        return nil
    }
}
