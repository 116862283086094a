// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import Runtime

/// Zones that come and go.
extension KeyKeeper {
    /// Takes up a zone, from its files or with new keys.
    mutating func open(_ plan: KeyPlan, _ now: Int64) {
        let zone = plan.zone
        hasChanged = true
        guard let store else {
            let text =
                "zone \(zone) cannot be signed: there is no state folder to keep its keys in; set "
                + "'state' to a folder that can be written"
            news.append(.fault(zone, KeyStore.Fault(code: "M1682", text: text)))
            return
        }
        do throws(KeyStore.Fault) {
            if !plan.follows { try store.prepare(zone) }
        } catch {
            news.append(.fault(zone, error))
        }
        let found = store.load(zone)
        for fault in found.faults { news.append(.fault(zone, fault)) }
        // Keys that are there and cannot be read are not replaced: it is as if there were others.
        guard found.state != nil || found.faults.isEmpty else { return }
        var kept = KeptZone(plan, found, store: store, now: now)
        if found.hasState, kept.isRebuilt {
            if !plan.follows { store.setAside(zone) }
            let text =
                "the state of the keys of zone \(zone) cannot be understood: every key that was "
                + "found is published and used, until the parent is seen to refer to one"
            news.append(.fault(zone, KeyStore.Fault(code: "M1681", text: text)))
        }
        kept.mustApply = true
        zones[zone] = kept
        guard !plan.follows else { return }
        _ = handle(.policy(plan.policy, signed: plan.isSigned), zone, now)
    }

    /// A zone whose parent has its DS is bogus without signatures.
    mutating func tellAbandoned(_ zone: String) {
        guard let kept = zones[zone],
            kept.machine.standing == .secure || kept.machine.awaitsParent
        else { return }
        let text =
            "zone \(zone) is not signed any more, and its parent may refer to its keys: validators "
            + "take it for bogus; sign it again, and set 'withdraw: true' first"
        news.append(.fault(zone, KeyStore.Fault(code: "M1686", text: text)))
    }

    /// Looks again for key files that were missing.
    mutating func loadMissing(_ zone: String) {
        guard let store, let kept = zones[zone] else { return }
        for key in kept.missing {
            let file = KeyFile(key.key)
            do throws(KeyStore.Fault) {
                zones[zone]?.keys[key.id] = try store.read(file, zone)
                hasChanged = true
                news.append(
                    KeyNews(zone: zone, text: "zone \(zone): the file of \(key.key.words) is back")
                )
            } catch {
                news.append(.fault(zone, error))
            }
        }
    }
}
