// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials

/// What the plain addresses of one policy are called as endpoints.
///
/// An address under two probes is two endpoints, since each branch is judged by the probe that it
/// names. The name is what changes by operators and saved health are kept by, so it says the probe,
/// and nothing of the order in the file.
struct PolicyAddresses {
    private var probes: [IPAddress: String?] = [:]
    private var shared: Set<IPAddress> = []

    /// The addresses of no policy.
    init() {}

    /// The addresses that stand in a policy, at all depths; those of policies that it names are
    /// theirs.
    init(_ policy: PolicySettings) { collect(policy) }

    /// The address alone, or `ADDRESS@PROBE` where it stands under several probes.
    ///
    /// Without a probe beside one with it is `ADDRESS@-`: no probe can be called that.
    func name(_ ip: IPAddress, probe: String?) -> String {
        shared.contains(ip)
            ? PolicyAddresses.name(ip, under: probe) : PolicyAddresses.name(ip)
    }

    /// What an address is called that stands under one probe.
    static func name(_ ip: IPAddress) -> String { "\(ip)" }

    /// What an address is called under one of several probes.
    static func name(_ ip: IPAddress, under probe: String?) -> String { "\(ip)@\(probe ?? "-")" }

    private mutating func collect(_ policy: PolicySettings) {
        if case .address(let ip, let probe) = policy.kind {
            guard let known = probes.updateValue(probe, forKey: ip) else { return }
            if known != probe { shared.insert(ip) }
            return
        }
        for branch in policy.kind.branches { collect(branch.policy) }
    }
}
