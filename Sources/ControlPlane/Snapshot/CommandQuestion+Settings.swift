// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Prober

extension CommandQuestion {
    /// A program for one endpoint: the variables in its arguments and in its environment are filled in.
    init(
        _ settings: CommandProbeSettings,
        probe: String,
        _ endpoint: ProbedEndpoint,
        _ asked: SocketAddress
    ) {
        func value(_ variable: CommandArgument.Variable) -> String {
            switch variable {
            case .address: "\(asked.ip)"
            case .port: asked.port == 0 ? "" : "\(asked.port)"
            case .pool: endpoint.pool
            case .endpoint: endpoint.name
            }
        }
        self.init(
            program: settings.program,
            arguments: settings.arguments.map { $0.filled(value) },
            environment: CommandArgument.Variable.allCases.map {
                "MARTLET_\($0.rawValue.uppercased())=\(value($0))"
            } + ["MARTLET_PROBE=\(probe)"],
            statuses: Set(settings.exit.compactMap { Int32(exactly: $0) })
        )
    }
}
