// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Signing of zones, and what is kept of signatures.
    static let signingOptions: [Option] = [
        Option(
            "zones.*.dnssec.algorithm",
            .words(SigningSettings.Algorithm.allCases.map(\.rawValue)),
            "ecdsa-p256-sha256",
            "What signatures are made with (RFC 6605, RFC 8080); every validator knows the first."
        ),
        Option(
            "zones.*.dnssec.denial",
            .words(SigningSettings.Denial.allCases.map(\.rawValue)),
            "nsec",
            "How it is proven that something does not exist: `nsec` by one record (RFC 9824), `nsec3` "
                + "by hashes of names and with NXDOMAIN; neither lets a zone be listed."
        ),
        Option(
            "zones.*.dnssec.signature-lifetime",
            .duration(minutes(2)...days(180)),
            "14d",
            "How long signatures hold at most."
        ),
        Option(
            "zones.*.dnssec.signature-refresh",
            .duration(minutes(1)...days(90)),
            "5d",
            "How long they hold at least when they are given out: more than any TTL of the zone."
        ),
        Option(
            "zones.*.dnssec.key-ttl",
            anyTTL,
            "1h",
            "TTL of DNSKEY, CDS, CDNSKEY and NSEC3PARAM."
        ),
        Option(
            "zones.*.dnssec.other-signers",
            .boolean,
            "false",
            "Whether DNSKEY, CDS and CDNSKEY records of the zone are those of others who sign it too "
                + "(RFC 8901, model 2), and are shown beside its own; DNSKEY of the same algorithm alone."
        ),
        Option(
            "dns.signature-cache",
            .integer(64...16_777_216),
            "65536",
            "Signatures that each worker keeps, at 82 bytes, once a zone is signed; beyond them those "
                + "go that nobody has asked for again.",
            restart: true
        ),
    ]

    static let signingGroups: [OptionGroup] = [
        OptionGroup(
            "zones.*.dnssec",
            "The zone is signed as it is answered for; `dnssec: {}` takes all defaults."
        )
    ]
}
