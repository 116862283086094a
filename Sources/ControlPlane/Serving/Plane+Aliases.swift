// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials
internal import Runtime

/// Names outside that aliases lead to: from what resolvers say to what workers answer.
extension Plane {
    /// Takes what a lookup has come to; workers see it at their next answer.
    mutating func takeAlias(_ host: String, _ answers: FamilyAnswers, _ now: Instant) {
        let news = aliases.take(host, answers, settings.alias, now: now)
        publishAlias(host, assembly)
        guard let news else { return }
        note(news, host, now)
        // A name may have other addresses at each lookup: those are written with the next period.
        if news != .changed { healthSaving.isDirty = true }
    }

    /// Takes what one family has come to while the lookup goes on.
    mutating func takeAliasFamily(_ host: String, _ answers: FamilyAnswers) {
        aliases.takeFamily(host, answers)
        publishAlias(host, assembly)
    }

    /// Takes what a former process has learned.
    mutating func restoreAliases(_ known: [SavedAlias]) {
        aliases.restore(known, now: Clock.monotonic(), realtime: Clock.realtime())
    }

    private func publishAlias(_ host: String, _ assembly: Assembly) {
        guard let number = assembly.aliasNumbers[host] else { return }
        for isIPv4 in [true, false] {
            let answer = aliases.answer(host, isIPv4: isIPv4, assembly.settings.alias)
            assembly.zones.board.publish(number, isIPv4: isIPv4, answer)
        }
    }

    /// Puts all that is known on the board of an assembly, before workers see that.
    func publishAliases(_ assembly: Assembly) {
        for host in assembly.aliasNumbers.keys { publishAlias(host, assembly) }
    }

    private func note(_ news: AliasKeeper.News, _ host: String, _ now: Instant) {
        guard let entry = aliases.entries[host] else { return }
        let list = entry.addresses.map(\.description).joined(separator: ", ")
        let known = list.isEmpty ? "no addresses" : list
        var (level, text) = (LogLevel.info, "")
        switch news {
        case .addresses, .changed: text = "\(host), which an alias leads to, has \(known)"
        case .returned: text = "\(host), which an alias leads to, resolves again: \(known)"
        case .over:
            level = .error
            text =
                "\(host), which an alias leads to, was learned too long ago "
                + "(\(entry.failure)): its aliases answer SERVFAIL"
        case .failed:
            level = .warning
            let rest: String
            switch entry.state(now, settings.alias) {
            case .unknown: rest = "its aliases answer SERVFAIL"
            case .partial: rest = "a family that was never learned is answered SERVFAIL"
            case .fresh, .stale: rest = "what was learned is answered still, \(known)"
            }
            text = "\(host), which an alias leads to, does not resolve (\(entry.failure)): \(rest)"
        }
        var fields = [
            JSONMember("name", .string(host)),
            JSONMember("addresses", .array(entry.addresses.map { .string($0.description) })),
        ]
        if !entry.failure.isEmpty { fields.append(JSONMember("reason", .string(entry.failure))) }
        note(.resolved, level, text, fields)
    }

    /// What there is to see of aliases; nil when none leads outside.
    var aliasesView: AliasesView? {
        let hosts = assembly.zones.outsideTargets
        guard !hosts.isEmpty else { return nil }
        let shown = hosts.prefix(AliasesView.shownLimit).map { name -> AliasesView.Target in
            let host = Assembly.host(name)
            func regard(_ isIPv4: Bool) -> AliasNetworks.Regard {
                let name = AliasNetworkKeeper.Name(host: host, isIPv4: isIPv4)
                return aliasNetworks.regards[name]?.state ?? .unknown
            }
            return AliasesView.Target(
                host: host,
                entry: aliases.entries[host],
                ipv4: regard(true),
                ipv6: regard(false)
            )
        }
        return AliasesView(
            targets: shown,
            count: hosts.count,
            networks: aliasNetworks.count,
            lookups: aliasNetworks.counts
        )
    }
}
