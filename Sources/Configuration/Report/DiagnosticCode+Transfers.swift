// SPDX-License-Identifier: Apache-2.0

/// What the reference page says about keys and transfers.
extension DiagnosticCode {
    var transferExplanation: CodeExplanation {
        switch self {
        case .badSecret:
            .init(
                "secret that is none",
                "Secrets are octets in base64, and short ones can be guessed.",
                "Make one by `openssl rand -base64 32`, and give it to both servers."
            )
        case .secondaryWithData:
            .init(
                "secondary zone with data of its own",
                "A zone with `transfer-from` is what its primaries have, and nothing else.",
                "Remove `transfer-from`, or what stands beside it; steer names in a zone of their own."
            )
        default:
            .init(
                "no such key",
                "The name is not among `tsig-keys`.",
                "Look for a spelling mistake; both servers must call the key the same."
            )
        }
    }
}
