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
        default:
            .init(
                "no such key",
                "The name is not among `tsig-keys`.",
                "Look for a spelling mistake; both servers must call the key the same."
            )
        }
    }
}
