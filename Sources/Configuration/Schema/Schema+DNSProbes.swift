// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    static let dnsProbeOptions: [Option] = [
        Option("probes.*.dns.name", .domainName, .required, "Name that is asked for."),
        Option(
            "probes.*.dns.type",
            .words([
                "A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB",
                "TXT",
            ]),
            "A",
            "Type that is asked for."
        ),
        Option(
            "probes.*.dns.rcode",
            .list(.words(["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"])),
            "NOERROR",
            "Response codes that count as success; with NOERROR a record of the type must be there."
        ),
        Option(
            "probes.*.dns.addresses",
            .list(.address),
            .absent("any"),
            "Addresses that the answer must have, for the types A and AAAA."
        ),
        Option(
            "probes.*.dns.match",
            .words(AnswerMatch.allCases.map(\.rawValue)),
            "any",
            "Whether one of `addresses` is enough or `all` must be there.",
            beside: ["addresses"]
        ),
        Option(
            "probes.*.dns.authoritative",
            .boolean,
            "false",
            "The answer must come from an authority for the name (AA)."
        ),
        Option(
            "probes.*.dns.transport",
            .words(DNSTransport.allCases.map(\.rawValue)),
            "udp",
            "`udp`: one datagram, which is not sent again; `tcp`: a connection for each check."
        ),
    ]
}
