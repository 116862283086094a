// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What must hold before an update is applied (RFC 2136 §3.2).
extension UpdateMachine {
    /// The code of the first thing that does not hold; nil when all does.
    func failing(_ records: [DNSMessage.Record], in zone: ZoneRecords) -> ResponseCode? {
        // Sets of which the records are given: all of a set must be there, and nothing else.
        var wanted: [RecordSetKey: Set<[UInt8]>] = [:]
        for record in records {
            guard record.ttl == 0 else { return .formatError }
            guard record.owner.isWithin(zone.apex) else { return .notZone }
            let (owner, type) = (record.owner, record.type)
            guard !type.isMeta || type == .ANY else { return .formatError }
            switch record.recordClass {
            case UpdateMessage.anyClass:
                guard record.data.isEmpty else { return .formatError }
                if type == .ANY {
                    guard zone.isInUse(owner) else { return .nameError }
                } else {
                    guard exists(owner, type, zone) else { return .setMissing }
                }
            case UpdateMessage.noneClass:
                guard record.data.isEmpty else { return .formatError }
                if type == .ANY {
                    guard !zone.isInUse(owner) else { return .nameExists }
                } else {
                    guard !exists(owner, type, zone) else { return .setExists }
                }
            case RecordClass.internet:
                guard type != .ANY, record.isWellFormed else { return .formatError }
                let data = ZoneRecords.canonical(type, record.data)
                wanted[RecordSetKey(owner, type), default: []].insert(data)
            default: return .formatError
            }
        }
        for (key, data) in wanted {
            let there = zone[key.owner, key.type]?.data ?? []
            guard Set(there.map { ZoneRecords.canonical(key.type, $0) }) == data else {
                return .setMissing
            }
        }
        return nil
    }

    private func exists(_ owner: DomainName, _ type: RecordType, _ zone: ZoneRecords) -> Bool {
        if zone[owner, type] != nil { return true }
        return zone.isFixed(owner) && (type == .A || type == .AAAA)
    }
}
