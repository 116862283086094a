// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Whose updates are looked at: decided by what comes before their records.
extension Plane {
    struct Admitted: Sendable {
        /// The zone.
        var apex: DomainName
        /// The message without its signature.
        var plain: [UInt8]
        var machine: UpdateMachine
        var asker: UpdateAsker
    }

    /// Sees whether a rule is about an update, before anything of it is decoded but its zone; nil
    /// with the code in the answer.
    mutating func admit(_ answer: inout ZoneUpdater.Answer) -> Admitted? {
        let (plain, key, refusal) = judge(answer.request.message, &answer.signature)
        if let refusal {
            answer.code = refusal
            return nil
        }
        let option = UpdateMessage.option(plain)
        answer.code = .formatError
        guard option != .malformed, let section = UpdateMessage.zone(plain) else { return nil }
        if case .version(let version) = option, version > 0 {
            answer.code = .badVersion
            return nil
        }
        let apex = section.name.lowercased
        let name = "\(apex)"
        guard section.zoneClass == RecordClass.internet,
            let zone = settings.zones.first(where: { $0.name == name })
        else {
            // Those of the API are ours, and have no rules.
            let isMade = updater.overlays.zones[apex]?.kind == .made
            answer.code = isMade ? .refused : .notAuthorized
            return nil
        }
        let machine = UpdateMachine(
            rules: zone.updates.map { UpdateRule($0) },
            serialRule: zone.serialRule == .unixtime ? .time : .increment,
            isSigned: zone.dnssec != nil,
            joinsSigners: zone.dnssec?.otherSigners ?? false
        )
        let asker = UpdateAsker(key: key, client: answer.request.client)
        // The next transfer would undo what is changed here.
        guard zone.transferFrom.isEmpty, machine.lets(asker) else {
            answer.code = .refused
            return nil
        }
        if let reason = whyFormerLifeKeeps(apex) {
            answer.code = .refused
            noteRefused(apex, [answer], "\(reason.text). \(reason.remedy)")
            return nil
        }
        answer.code = .noError
        return Admitted(apex: apex, plain: plain, machine: machine, asker: asker)
    }
}
