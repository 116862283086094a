// SPDX-License-Identifier: Apache-2.0

extension DiagnosticCode {
    var packetExplanation: CodeExplanation {
        switch self {
        case .sharedInterface:
            .init(
                "two listeners at one interface",
                "Two listeners take queries at the same interface by `xdp`.",
                "One listener can have all addresses: `dns: \":53\"`. Else leave `xdp` out at one."
            )
        default:
            .init(
                "no interface",
                "`xdp.interface` cannot be the name of an interface: 1 to 15 characters, none of them a "
                    + "blank, `/` or `:`.",
                "`ip link` lists the names."
            )
        }
    }
}
