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
        case .unlistedZone:
            .init(
                "no such zone for a catalog",
                "`members` names zones of this configuration, and `like` one of those that have "
                    + "`transfer-from`.",
                "Look for a spelling mistake, or add the zone under `zones`."
            )
        case .repeatedMember:
            .init(
                "catalog that names something twice",
                "A catalog names each zone once and never itself (RFC 9432 §4.1), and a group stands "
                    + "for one zone.",
                "Remove one of the two."
            )
        case .catalogWithData:
            .init(
                "catalog with data of its own",
                "A zone with `members` is made of them, and of nothing else.",
                "Remove `members`, or what stands beside them."
            )
        case .unsignedTransfers:
            .init(
                "signed zone that goes out unsigned",
                "Answers are signed as they are given; a transfer has the records alone. A secondary "
                    + "that answers with them makes the zone bogus for validators.",
                "Let every server of the zone sign with the same keys (`follow`), or let the taker "
                    + "be one that signs. Where it is no server of the zone, all is well."
            )
        case .unmetTransfers:
            .init(
                "zone that nobody can take by TLS",
                "By TLS a zone goes to a peer that an entry of `transfer-to` knows by `network` and "
                    + "by `key`, or to one with a certificate that the listener demands (RFC 9103 §8.4).",
                "Give an entry both, or set `client-authorities` and `client-certificate: required` "
                    + "at the listener. A zone that is only taken by TCP may stay as it is."
            )
        case .oldTransferVersion:
            .init(
                "transfers by TLS 1.2",
                "The listener speaks TLS 1.2, and zones go by TLS 1.3 alone (RFC 9103 §7.2): a peer "
                    + "with TLS 1.2 is refused them.",
                "`min-version: \"1.3\"`, or leave it out when only queries come by TLS 1.2."
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
