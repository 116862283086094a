// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Steering

/// The families that tell who got the answers of policies.
extension MetricFamily {
    static let answerRows: [MetricFamily] = [
        MetricFamily(
            "martlet_steer_answers",
            .counter,
            labels: ["policy", "family"],
            "Answers with addresses that a policy chose, by their family."
        ) { source in
            source.perPolicy { steer, policy in
                let identity = steer.identity(of: policy)
                let dns = source.view.shared.dns
                return [("ipv4", true), ("ipv6", false)].map { family, isIPv4 in
                    let count = dns.answerCount(policy: identity, isIPv4: isIPv4)
                    let name = steer.definitions[policy].name
                    return MetricSample([name, family], .integer(count))
                }
            }
        },
        MetricFamily(
            "martlet_steer_top_network_share",
            .gauge,
            labels: ["policy"],
            "Share, of 0 to 1, of a policy's answers that the resolver network (/24 or /48) with most "
                + "of them has certainly got."
        ) { source in
            let shares = source.view.shared.dns.networkShares
            return source.perPolicy { steer, policy in
                let identity = steer.identity(of: policy)
                let dns = source.view.shared.dns
                let whole =
                    dns.answerCount(policy: identity, isIPv4: true)
                    &+ dns.answerCount(policy: identity, isIPv4: false)
                guard whole > 0, let first = shares[identity]?.first else { return [] }
                let share = Double(first.atLeast) / Double(whole)
                return [MetricSample([steer.definitions[policy].name], .number(min(share, 1)))]
            }
        },
        MetricFamily(
            "martlet_dns_sampled_queries",
            .counter,
            "Queries of which a record was kept, for `martlet queries`."
        ) { [MetricSample(.integer($0.view.shared.dns.keptQueries))] },
        MetricFamily(
            "martlet_steer_uncounted_answers",
            .counter,
            "Answers that could not be counted by policy and target, for want of room."
        ) { [MetricSample(.integer($0.view.shared.dns.uncountedAnswers))] },
    ]
}

extension MetricSource {
    /// The samples of each policy, by its number.
    fileprivate func perPolicy(_ samples: (SteerTable, Int) -> [MetricSample]) -> [MetricSample] {
        guard let steer = view.snapshot?.dns.steer else { return [] }
        return steer.definitions.indices.flatMap { samples(steer, $0) }
    }
}
