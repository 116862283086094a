// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

extension KeyKeeper {
    /// The zones of a configuration that cannot be signed as they were, and why.
    ///
    /// What is in hand is not read again: a file that goes missing harms the next start only.
    func faults(_ settings: Settings) -> [String: ReloadProblem] { faults(of: settings.zones) }

    /// The same of some zones.
    func faults(of settings: [ZoneSettings]) -> [String: ReloadProblem] {
        let signed = settings.filter { $0.dnssec != nil }.map(\.name)
        guard store != nil else {
            let problems = signed.map { zone in
                let problem = ReloadProblem.start(
                    "M1682",
                    "zone \(zone) cannot be signed: there is no state folder to keep its keys in",
                    "set 'state' to a folder that can be written"
                )
                return (zone, problem)
            }
            return Dictionary(problems) { first, _ in first }
        }
        let left = signed.filter { zones[$0].map { !$0.isServable || $0.awaitsLeader } ?? true }
        let followers = settings.filter { $0.dnssec?.keys.follow == true }.map(\.name)
        return KeyKeeper.unusable(left, followers: Set(followers), store: store)
    }

    /// The code of a zone that cannot be signed for want of keys.
    static let missingCode = "M1680"

    /// What the zones of a configuration are signed with now.
    func inForce(_ settings: Settings) -> [DomainName: ZoneKeys] {
        var found: [DomainName: ZoneKeys] = [:]
        for zone in settings.zones {
            guard let signing = zone.dnssec, let apex = DomainName(zone.name) else { continue }
            found[apex] = zones[zone.name]?.inForce(
                denial: signing.denial == .nsec3 ? .narrowNSEC3 : .compact,
                lifetime: ZoneAssembly.seconds(signing.signatureLifetime),
                refresh: ZoneAssembly.seconds(signing.signatureRefresh)
            )
            found[apex]?.joinsSigners = signing.otherSigners
        }
        return found
    }

    private static func problem(_ fault: KeyStore.Fault) -> ReloadProblem {
        let remedy = "see that 'user' may read the keys, then 'martlet reload'"
        return .start(fault.code, fault.text, remedy)
    }

    /// The zones among these that were signed, and cannot be now for want of key files: they are
    /// not to be answered unsigned, nor by less than before.
    ///
    /// Reads only, so that a configuration can be judged before it is in force.
    static func unusable(
        _ zones: [String],
        followers: Set<String> = [],
        store: KeyStore?
    ) -> [String: ReloadProblem] {
        guard let store else { return [:] }
        var problems: [String: ReloadProblem] = [:]
        for zone in zones {
            let found = store.load(zone)
            let timing = KeyTiming(
                keyTTL: 0,
                zoneTTL: 0,
                propagation: 0,
                parentTTL: 0,
                parentPropagation: 0,
                publishSafety: 0,
                retireSafety: 0
            )
            let policy = KeyPolicy(scheme: .csk, algorithm: 13, timing: timing)
            guard let state = found.state,
                let machine = RolloverMachine(json: state, policy: policy)
            else {
                if let fault = found.faults.first {
                    problems[zone] = problem(fault)
                } else if followers.contains(zone) {
                    problems[zone] = .start(
                        missingCode,
                        "zone \(zone) follows keys that are not there yet: "
                            + "\(store.folder(zone))/\(KeyStore.stateName)",
                        "copy keys and state from the server that leads, or leave 'follow' out"
                    )
                }
                continue
            }
            let here = machine.keys.filter { key in
                found.keys[KeyFile(key.key)]?.publicKey == key.key.publicKey
            }
            guard !machine.canServe(with: Set(here.map(\.id))) else { continue }
            let missing = machine.keys.filter { key in !here.contains { $0.id == key.id } }
                .map { "\(store.folder(zone))/\(KeyFile($0.key).name)" }
            problems[zone] = .start(
                missingCode,
                "zone \(zone) cannot be signed, for these are missing or damaged: "
                    + missing.joined(separator: ", "),
                "bring the key files back from a copy, then 'martlet reload'"
            )
        }
        return problems
    }
}
