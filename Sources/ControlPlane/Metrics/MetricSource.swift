// SPDX-License-Identifier: Apache-2.0
public import Runtime

/// Everything that metrics are made of, at one moment.
public struct MetricSource: Sendable {
    /// What the control thread shows.
    public var view: ControlView
    /// What the kernel says about this process; nil when it cannot be asked.
    public var usage: ProcessUsage?
    /// Connections of the admin service.
    public var adminConnections = 0
    /// Connections that the admin service refused.
    public var adminRefusals: UInt64 = 0
    /// Events so far, by kind.
    public var events: [(kind: EventKind, count: UInt64)] = []
    /// Lines that logs dropped, by log.
    public var droppedLines: [(log: String, count: UInt64)] = []

    /// A source without the parts that only the admin service knows.
    public init(view: ControlView, usage: ProcessUsage?) {
        self.view = view
        self.usage = usage
    }

    /// One sample per endpoint, labelled by pool and endpoint.
    func perEndpoint(_ value: (EndpointView) -> MetricValue) -> [MetricSample] {
        view.pools.flatMap { pool in
            pool.endpoints.map { MetricSample([pool.label, $0.name], value($0)) }
        }
    }

    /// One sample per endpoint and label of a closed list, from the counts of its slot.
    func perEndpoint(labels: [String], _ counts: (Int) -> [UInt64]) -> [MetricSample] {
        view.pools.flatMap { pool in
            pool.endpoints.flatMap { endpoint in
                zip(labels, counts(endpoint.slot)).map { label, count in
                    MetricSample([pool.label, endpoint.name, label], .integer(count))
                }
            }
        }
    }

    /// One sample per endpoint and word of a closed list: 1 for the word that holds.
    func perState(_ words: [String], _ now: (EndpointView) -> String) -> [MetricSample] {
        view.pools.flatMap { pool in
            pool.endpoints.flatMap { endpoint in
                let current = now(endpoint)
                return words.map { word in
                    MetricSample([pool.label, endpoint.name, word], .truth(word == current))
                }
            }
        }
    }
}

extension PoolView {
    /// The name in labels and paths: a steer policy may have the name of a pool.
    public var label: String { isSteer ? "steer:\(name)" : name }
}
