// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Names that are steered by records of the store: from a change that is kept to one that serves.
///
/// Such a change is not in force with a table alone: policies, probes and zones are put together
/// anew, and those who asked hear of it once workers have that.
extension Plane {
    /// The settings as they are to be, with the policies of what is kept now.
    var settingsWithDynamic: Settings { loaded.withDynamic(updater.overlays).settings }

    /// A configuration with the zones that catalogs name, and the policies of what is kept.
    func whole(_ read: LoadedConfiguration) -> LoadedConfiguration {
        withMembers(read).withDynamic(updater.overlays)
    }

    /// Has some zones, or all of them, put together anew; those who have asked are told in the end.
    mutating func awaitSteering(
        _ zones: Set<DomainName>?,
        _ tickets: [ZoneTicket],
        _ answers: [ZoneUpdater.Answer]
    ) {
        updater.awaitsSteering = true
        updater.steeringTickets += tickets
        updater.steeringAnswers += answers
        prepareZones(zones)
    }

    /// Tells those who have asked for changes that they are in force, or why they are not.
    mutating func endSteering(_ fault: ZoneAPIFault?) {
        guard updater.awaitsSteering, updater.preparing == .none else { return }
        updater.awaitsSteering = false
        let tickets = updater.steeringTickets
        var answers = updater.steeringAnswers
        (updater.steeringTickets, updater.steeringAnswers) = ([], [])
        for index in answers.indices where fault != nil && answers[index].code == .noError {
            answers[index].code = .serverFailure
        }
        tell(tickets, fault)
        answer(answers)
        noteDynamicFaults()
    }

    /// Tells of records of the store that steer nothing.
    func noteDynamicFaults() {
        for fault in DynamicPolicies(updater.overlays, settings).faults {
            var event = LogEvent(.notice, .warning, realtime: Clock.realtime(), fault)
            event.code = "M3090"
            log.record(event)
        }
    }
}

extension Settings {
    /// Refuses dynamic records of a zone that could not be served, before they are kept.
    func checkDynamic(_ zone: ZoneRecords) throws(ZoneAPIFault) {
        try SteeredNames.check(zone)
        var added = 0
        for (key, former) in zone.former where key.type == DynamicRecord.type {
            guard let set = zone[key.owner, key.type] else { continue }
            do throws(DynamicFault) {
                let entries = try DynamicSet(set).entries
                for entry in entries { try check(entry.record, key.owner, zone) }
                added += max(entries.count - (former?.data.count ?? 0), 0)
            } catch {
                throw ZoneAPIFault(422, "RRset \(key.owner) IN LUA: \(error.message)")
            }
        }
        guard added > 0 else { return }
        guard steer.count(where: \.isDynamic) + added <= DynamicPolicies.limit else {
            throw ZoneAPIFault(
                422,
                "more than \(DynamicPolicies.limit) names would be steered",
                "steer some by the configuration, which has no such bound"
            )
        }
    }

    private func check(
        _ record: DynamicRecord,
        _ owner: DomainName,
        _ zone: ZoneRecords
    ) throws(DynamicFault) {
        if let type = SteeredNames.beside(record.answers, owner, zone) {
            let reason =
                record.answers == .CNAME
                ? "beside an alias stands nothing (RFC 1034 §3.6.2)"
                : "a steered name has no others for its addresses"
            throw DynamicFault(
                "the name has records of type \(type) beside it, and \(reason)",
                owner == zone.apex && record.answers == .CNAME
                    ? "give the alias another name" : "delete them in the same request"
            )
        }
        guard !record.rules.leads(to: owner) else {
            throw DynamicFault("a value leads back to the name itself", "name another host")
        }
        guard record.rules.asksPlaces, !knowsPlaces else { return }
        throw DynamicFault(
            "its rules ask where clients are, and `geo` of the configuration has no source for that",
            "set `geo.database` or places of `geo.networks`"
        )
    }

    private var knowsPlaces: Bool {
        geo.database != nil || geo.networks.contains(where: \.hasPlace)
    }
}

extension ZoneUpdater.Flight {
    /// True when what is being kept changes which names are steered, or how.
    func changesSteering(_ overlays: ZoneOverlays) -> Bool {
        commits.contains { commit in
            commit.sets.keys.contains { $0.type == DynamicRecord.type }
                || (commit.isRemoval || commit.restsOnFile)
                    && overlays.zones[commit.zone.name]?.sets.keys.contains {
                        $0.type == DynamicRecord.type
                    } == true
        }
    }
}
