// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Changes that the API of PowerDNS asks for, decided in a flight.
extension ZoneWork {
    /// Notes what a job changes; false when there is nothing to do.
    mutating func begin(_ job: ZoneAPIJob) throws(ZoneAPIFault) -> Bool {
        switch job.change {
        case .create(let name, let body, _):
            guard configured(name) == nil else {
                // Also one that is not served yet, or not now.
                throw ZoneAPIFault(
                    409,
                    "Domain '\(name)' stands in the configuration",
                    "change its sets by PATCH"
                )
            }
            guard !isMade(name) else {
                throw ZoneAPIFault(
                    409,
                    "Domain '\(name)' already exists",
                    "change its sets by PATCH"
                )
            }
            var zone = try ZoneAPIRequest.records(of: name, body, serial: seconds)
            try settings.checkDynamic(zone)
            var change = ZoneChange(kind: .made)
            for record in zone.records {
                let key = RecordSetKey(record.owner, record.type)
                change.sets[key] = .some(zone[record.owner, record.type])
            }
            changedSets = zone.changedSets
            zone.begin()
            live[name] = zone
            changes[name] = change
            return true
        case .delete(let name):
            guard configured(name) == nil else {
                throw ZoneAPIFault(
                    422,
                    "zone \(name) stands in the configuration",
                    "take it out there; 'martlet zone discard' takes back what was changed of it"
                )
            }
            guard isMade(name) else { throw ZoneAPIFault.unknown(name) }
            var change = ZoneChange(kind: .made)
            change.isRemoval = true
            changes[name] = change
            return true
        case .patch(let name, let sets): return try patch(name, sets, job)
        }
    }

    private func isMade(_ name: DomainName) -> Bool {
        known[name]?.kind == .made && configured(name) == nil
    }

    // Changes of these would be lost, or be no good.
    private func checkChangeable(_ name: DomainName) throws(ZoneAPIFault) {
        guard let zone = configured(name) else {
            guard isMade(name) else { throw ZoneAPIFault.unknown(name) }
            return
        }
        guard zone.transferFrom.isEmpty else {
            throw ZoneAPIFault(422, "zone \(name) comes from its primaries: change it there")
        }
        if known[name]?.kind == .made, zone.memberOf == nil {
            let reason = FormerLife.reason(name)
            throw ZoneAPIFault(422, reason.text, reason.remedy)
        }
    }

    private mutating func patch(
        _ name: DomainName,
        _ sets: [JSONValue],
        _ job: ZoneAPIJob
    ) throws(ZoneAPIFault) -> Bool {
        try checkChangeable(name)
        guard former.has("\(name)") else { throw ZoneAPIFault.unknown(name) }
        if let wanted = job.ifMatch, wanted != "*", wanted != ZoneAPIDocument(former, name)?.tag {
            throw ZoneAPIFault(412, "the zone has changed since", "read it again, with its ETag")
        }
        if configured(name)?.isKeptAsFile == true {
            throw ZoneAPIFault(
                422,
                "zone \(name) comes from elsewhere, or is made of others",
                "change it there, or the list of members in the configuration"
            )
        }
        guard var zone = take(name), let serial = zone.serial else {
            throw ZoneAPIFault.unknown(name)
        }
        defer { live[name] = zone }
        guard !isSignedElsewhere(zone) else {
            throw ZoneAPIFault(
                422,
                "zone \(name) is signed in its file: change it there, or sign it here (dnssec)"
            )
        }
        zone.begin()
        do throws(ZoneAPIFault) {
            try ZoneAPIChange.apply(sets, to: &zone, needsChangeType: true)
            try settings.checkDynamic(zone)
        } catch {
            zone.rollBack()
            throw error
        }
        guard zone.serial != nil else {
            zone.rollBack()
            throw ZoneAPIFault(
                422,
                "zone \(name) needs its SOA",
                "replace it, and do not delete it"
            )
        }
        guard zone.difference() != nil else {
            // A name that was released on the way is steered as before.
            zone.rollBack()
            return false
        }
        if zone.serial == serial {
            let rule: SerialRule = configured(name)?.serialRule == .unixtime ? .time : .increment
            zone.setSerial(rule.next(serial, seconds: seconds))
        }
        var change = ZoneChange()
        for key in zone.former.keys { change.sets[key] = .some(zone[key.owner, key.type]) }
        if let difference = zone.difference() { change.differences = [difference] }
        changedSets = zone.changedSets
        changes[name] = change
        return true
    }
}

extension ZoneAPIJob.Change {
    /// The zone that is changed.
    var zone: DomainName {
        switch self {
        case .create(let name, _, _), .patch(let name, _), .delete(let name): name
        }
    }
}
