// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// Dynamic update (RFC 2136 §3): a zone and a message make another zone, or a code.
///
///     asker --> prerequisites --> prescan --> permission --> changes --> serial
///     §3.3       §3.2              §3.4.1      §3.3           §3.4.2      §3.6
///
/// Pure: all or nothing, and nobody is told before the change is on the disk.
public struct UpdateMachine: Sendable {
    /// Who may do what.
    public var rules: [UpdateRule]
    /// How the serial rises.
    public var serialRule: SerialRule
    /// Keys and parameters of the zone's signatures are made here.
    public var isSigned: Bool
    /// Keys of other signers may stand beside those.
    public var joinsSigners: Bool

    /// A machine for a zone.
    public init(
        rules: [UpdateRule],
        serialRule: SerialRule = .increment,
        isSigned: Bool = false,
        joinsSigners: Bool = false
    ) {
        self.rules = rules
        self.serialRule = serialRule
        self.isSigned = isSigned
        self.joinsSigners = joinsSigners
    }

    /// What became of an update.
    public struct Outcome: Sendable, Equatable {
        /// The answer's code.
        public var code: ResponseCode
        /// What has changed; nil when nothing has.
        public var difference: ZoneDifference?

        /// Joins the two.
        public init(_ code: ResponseCode, _ difference: ZoneDifference? = nil) {
            self.code = code
            self.difference = difference
        }
    }

    /// Applies an update to a zone, which stays as it is unless all of it is applied.
    ///
    /// `seconds` is the time since 1970, for serials.
    public func apply(
        _ message: UpdateMessage,
        by asker: UpdateAsker,
        to zone: inout ZoneRecords,
        seconds: UInt32
    ) -> Outcome {
        guard message.zoneClass == RecordClass.internet, message.zone == zone.apex else {
            return Outcome(.notAuthorized)
        }
        // Who may change nothing learns nothing by prerequisites either.
        guard lets(asker) else { return Outcome(.refused) }
        if let code = failing(message.prerequisites, in: zone) { return Outcome(code) }
        if let code = prescan(message.updates, zone) { return Outcome(code) }
        guard message.updates.allSatisfy({ isAllowed($0, zone, asker) }) else {
            return Outcome(.refused)
        }
        guard let former = zone.serial else { return Outcome(.serverFailure) }
        zone.begin()
        for record in message.updates { change(record, &zone) }
        guard zone.difference() != nil else { return Outcome(.noError) }
        // §3.6: a serial that the update brings along, which is higher, counts.
        if zone.serial == former { zone.setSerial(serialRule.next(former, seconds: seconds)) }
        return Outcome(.noError, zone.difference())
    }

    // MARK: §3.3

    /// True when a rule is about updates by this asker: without one nothing of them is looked at.
    public func lets(_ asker: UpdateAsker) -> Bool { rules.contains { $0.isFor(asker) } }

    private func isAllowed(
        _ record: DNSMessage.Record,
        _ zone: ZoneRecords,
        _ asker: UpdateAsker
    ) -> Bool {
        guard !touchesSteering(record, zone) else { return false }
        func allows(_ type: RecordType) -> Bool {
            rules.contains { $0.allows(record.owner, type, asker) }
        }
        guard record.type == .ANY else { return allows(record.type) }
        // All sets of a name, but for those that are kept anyway.
        let types = zone.sets(of: record.owner).keys.filter {
            record.owner != zone.apex || ($0 != .SOA && $0 != .NS)
        }
        return types.allSatisfy(allows)
    }

    // What is chosen by a policy is no matter of updates, nor is what would hide it: an alias in
    // its place, or a delegation of its name or of one above.
    private func touchesSteering(_ record: DNSMessage.Record, _ zone: ZoneRecords) -> Bool {
        let isAdded = record.recordClass == RecordClass.internet
        if isAdded, record.type == .NS, zone.isSteered(atOrBelow: record.owner) { return true }
        guard zone.isSteered(record.owner) else { return false }
        // Nothing stands beside an alias.
        if isAdded, zone.isFixed(record.owner, .CNAME) { return true }
        let types: [RecordType] = isAdded ? [.A, .AAAA, .CNAME, .DNAME] : [.A, .AAAA, .ANY]
        return types.contains(record.type)
    }

    // MARK: §3.4.1

    private func prescan(_ updates: [DNSMessage.Record], _ zone: ZoneRecords) -> ResponseCode? {
        for record in updates {
            guard record.owner.isWithin(zone.apex) else { return .notZone }
            let isMeta = record.type.isMeta
            switch record.recordClass {
            case RecordClass.internet:
                guard !isMeta, record.isWellFormed else {
                    return .formatError
                }
            case UpdateMessage.anyClass:
                guard record.ttl == 0, record.data.isEmpty, !isMeta || record.type == .ANY else {
                    return .formatError
                }
            case UpdateMessage.noneClass:
                guard record.ttl == 0, !isMeta, record.isWellFormed else { return .formatError }
            default: return .formatError
            }
            // Signatures and proofs are made here, and go with what they are of (RFC 3007 §4.3).
            guard ![.RRSIG, .NSEC, .NSEC3].contains(record.type) else { return .refused }
            let isKey = [.DNSKEY, .CDS, .CDNSKEY].contains(record.type) && !joinsSigners
            guard !isSigned || !isKey && record.type != .NSEC3PARAM else { return .refused }
            // Ours alone, whatever a rule allows: they say what a name is answered with.
            guard record.type != .ALIAS, record.type != .LUA else { return .refused }
        }
        return nil
    }
}
