// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// What parents have, as far as they tell.
extension KeyKeeper {
    /// Takes the DS set of a parent, or why it cannot be told.
    mutating func takeParent(_ zone: String, _ outcome: ParentMachine.Outcome, now: Int64) {
        defer { settleDeadline() }
        guard var kept = zones[zone], let apex = DomainName(zone) else { return }
        let former = kept.parent
        switch outcome {
        case .failed(let reason):
            kept.parent = .unknown(reason)
            zones[zone] = kept
        case .holds(let records):
            let seen = kept.match(records, apex)
            kept.parent = .seen(tags: seen.tags, strangers: seen.strangers)
            zones[zone] = kept
            // DS records of strangers are no parent without any.
            guard !seen.ids.isEmpty || seen.strangers == 0 else { break }
            if seen.ids != kept.machine.parentKeys || kept.machine.awaitsParent {
                _ = handle(.parentHolds(seen.ids), zone, now)
            }
        }
        tellParent(zone, former, now)
    }

    private mutating func tellParent(_ zone: String, _ former: KeptZone.Parent, _ now: Int64) {
        guard let kept = zones[zone] else { return }
        if kept.parent != former {
            switch kept.parent {
            case .seen(let tags, let strangers) where tags.isEmpty && strangers > 0:
                let text =
                    "the parent of zone \(zone) refers to none of its keys: validators take it for "
                    + "bogus; give it the DS that 'martlet zone sign-status' shows"
                news.append(.fault(zone, KeyStore.Fault(code: "M1683", text: text)))
            case .seen(let tags, _)
            where tags.isEmpty && !kept.machine.parentKeys.isEmpty && kept.machine.submitted != []:
                let text =
                    "the parent of zone \(zone) is said to have no DS any more: nothing is changed "
                    + "for that; if the zone is to be unsigned, set 'withdraw: true'"
                news.append(KeyNews(zone: zone, level: .warning, code: "M1530", text: text))
            case .unknown(let reason) where kept.machine.awaitsParent:
                let text = "the DS set of zone \(zone) cannot be seen: \(reason)"
                news.append(KeyNews(zone: zone, level: .warning, code: "M1685", text: text))
            default: break
            }
        }
        if let since = kept.machine.awaitedSince, kept.machine.awaitsParent,
            now - since >= KeyKeeper.patience, now - kept.remindedAt >= 86_400
        {
            zones[zone]?.remindedAt = now
            let text =
                "the parent of zone \(zone) has not taken over its DS set for "
                + "\((now - since) / 86_400) days: the rollover waits for it"
            news.append(KeyNews(zone: zone, level: .warning, code: "M1684", text: text))
        }
    }
}
