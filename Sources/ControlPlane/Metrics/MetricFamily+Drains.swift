// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway
internal import Runtime
internal import Steering

/// How far endpoints are that leave service.
extension MetricFamily {
    static let drainRows: [MetricFamily] = [
        MetricFamily(
            "martlet_endpoint_tunnels",
            .gauge,
            labels: ["pool", "endpoint"],
            "WebSockets and other tunnels open through the endpoint; part of those in flight."
        ) { source in source.perPoolEndpoint { .integer(source.tunnels($0.slot)) } },
        MetricFamily(
            "martlet_endpoint_drain_remaining_seconds",
            .gauge,
            unit: "seconds",
            labels: ["pool", "endpoint"],
            "Until what is left at a draining endpoint is cut; 0 while none drains."
        ) { source in
            let now = Clock.monotonic()
            return source.perPoolEndpoint { endpoint in
                let end = source.view.drains[endpoint.slot] ?? now
                return .number(max((end - now).seconds, 0))
            }
        },
        MetricFamily(
            "martlet_endpoint_forced_remaining_seconds",
            .gauge,
            unit: "seconds",
            labels: ["pool", "endpoint", "state"],
            "Until the health is judged again that an operator has forced up or down."
        ) { source in
            source.view.pools.flatMap { pool in
                pool.endpoints.compactMap { endpoint in
                    source.view.forced[endpoint.slot].map { forced in
                        let left = max((forced.until - Clock.monotonic()).seconds, 0)
                        return MetricSample(
                            [pool.label, endpoint.name, forced.word],
                            .number(left)
                        )
                    }
                }
            }
        },
        MetricFamily(
            "martlet_endpoint_drain_cuts",
            .counter,
            labels: ["pool", "endpoint"],
            "Exchanges and tunnels that a drain had to end because its time was over."
        ) { source in
            source.perPoolEndpoint {
                .integer(source.endpoint($0.slot, GatewayMetrics.drainCuts))
            }
        },
    ]
}
