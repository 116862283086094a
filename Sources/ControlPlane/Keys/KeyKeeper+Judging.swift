// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import Runtime

extension KeyKeeper {
    /// The zones among these that were signed, and cannot be now for want of key files: they are
    /// not to be answered unsigned, nor by less than before.
    ///
    /// Reads only, so that a configuration can be judged before it is in force.
    static func unusable(_ zones: [String], store: KeyStore?) -> [String: ReloadProblem] {
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
            else { continue }
            let here = machine.keys.filter { key in
                found.keys[KeyFile(key.key)]?.publicKey == key.key.publicKey
            }
            guard !machine.canServe(with: Set(here.map(\.id))) else { continue }
            let missing = machine.keys.filter { key in !here.contains { $0.id == key.id } }
                .map { "\(store.folder(zone))/\(KeyFile($0.key).name)" }
            problems[zone] = .start(
                "M1680",
                "zone \(zone) cannot be signed, for these are missing or damaged: "
                    + missing.joined(separator: ", "),
                "bring the key files back from a copy, then 'martlet reload'"
            )
        }
        return problems
    }
}
