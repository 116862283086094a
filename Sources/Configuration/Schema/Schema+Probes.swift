// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    static let probeOptions: [Option] =
        askedOptions + dnsProbeOptions + commandProbeOptions + calculatedOptions + probeTLSOptions
        + rhythmOptions

    private static let askedOptions: [Option] = [
        Option(
            "probes.*.http",
            .requestTarget,
            .absent("this is no HTTP probe"),
            "Path asked by HTTP; the status decides unless body options say more."
        ),
        Option(
            "probes.*.tcp",
            .words(TCPProbe.allCases.map(\.rawValue)),
            .absent("this is no TCP probe"),
            "`connect`: a TCP connection that opens is enough; `tls`: TLS must be agreed on as the "
                + "pool speaks it, with a certificate that the pool's `tls` accepts."
        ),
        Option(
            "probes.*.grpc",
            .words(["check"]),
            .absent("this is no gRPC probe"),
            "`check`: asks `grpc.health.v1.Health/Check` by HTTP/2; only SERVING passes."
        ),
        Option(
            "probes.*.service",
            .text(256),
            .absent("the server as a whole"),
            "Service that a gRPC probe asks about.",
            beside: ["grpc"]
        ),
        Option(
            "probes.*.method",
            .words(ProbeMethod.allCases.map(\.rawValue)),
            "GET",
            "Request method.",
            beside: ["http"]
        ),
        Option(
            "probes.*.host",
            .hostField,
            .absent("the endpoint's own address"),
            "Host field of the request, or authority of a gRPC call.",
            beside: ["http", "grpc"]
        ),
        Option(
            "probes.*.headers.*",
            .text(4096),
            .absent("none"),
            "Further fields of the request."
        ),
        Option(
            "probes.*.expect",
            .list(.statuses),
            "200-299",
            "Statuses that count as success.",
            beside: ["http"]
        ),
        Option(
            "probes.*.body-contains",
            .text(1024),
            .absent("any body"),
            "Text that the body must contain.",
            beside: ["http"]
        ),
        Option(
            "probes.*.body-regex",
            .expression,
            .absent("any body"),
            "Regular expression (RE2) that must match somewhere in the body.",
            beside: ["http"]
        ),
        Option(
            "probes.*.read-limit",
            .size(1...MiB(1)),
            "64KiB",
            "Body bytes that are read and searched.",
            beside: ["http"]
        ),
        Option(
            "probes.*.dependencies",
            .words(DependencyPolicy.allCases.map(\.rawValue)),
            "report",
            "What a JSON body with a status per dependency means: `report` names the failing ones "
                + "in the reason, `require` fails the check for them.",
            beside: ["http"]
        ),
    ]

    private static let rhythmOptions: [Option] = [
        Option(
            "probes.*.port",
            .integer(1...65535),
            .absent("the endpoint's own, and 53 with `dns`"),
            "Port asked instead of the endpoint's."
        ),
        Option(
            "probes.*.interval",
            .duration(milliseconds(10)...hours(24)),
            "5s",
            "Time from the start of one check to the start of the next."
        ),
        Option(
            "probes.*.timeout",
            .duration(milliseconds(1)...hours(1)),
            "2s",
            "Time for a whole check."
        ),
        Option(
            "probes.*.rise",
            .integer(1...100),
            "2",
            "Successes in a row that bring an endpoint up."
        ),
        Option(
            "probes.*.fall",
            .integer(1...100),
            "3",
            "Failures in a row that take an endpoint down."
        ),
        Option(
            "probes.*.jitter",
            .percentage(0...50),
            "10%",
            "Share of the interval by which each check is moved at random."
        ),
        Option(
            "probes.*.fast-interval",
            .duration(milliseconds(10)...hours(24)),
            "1s",
            "Interval while a state is changing; never longer than `interval`."
        ),
        Option(
            "probes.*.kind",
            .words(ProbeKind.allCases.map(\.rawValue)),
            "readiness",
            "`readiness`: down means no new work; `liveness`: connections are closed as well."
        ),
    ]
    private static let probeTLSOptions: [Option] = [
        Option(
            "probes.*.tls",
            .words(ProbeSecurity.allCases.map(\.rawValue)),
            "pool",
            "`pool`: ask by TLS where the pool speaks TLS, and as it does; `on`: always, as "
                + "`certificate` says; `off`: never, for a plain health port.",
            beside: ["http", "grpc", "tcp"]
        ),
        Option(
            "probes.*.certificate.name",
            .hostName,
            .absent("the name in `host`, else the endpoint's own name or address"),
            "Name that is asked for by SNI, and that the certificate must have, with `tls: on`."
        ),
        Option(
            "probes.*.certificate.verify",
            .boolean,
            "true",
            "With `tls: on`, take only a certificate that is valid and has the expected name."
        ),
        Option(
            "probes.*.certificate.authorities",
            .filePath,
            .absent("those of the system"),
            "File of authorities in PEM that may vouch for endpoints, with `tls: on`."
        ),
        Option(
            "probes.*.certificate.min-days",
            .integer(0...3650),
            "0",
            "Days that the endpoint's certificate must have left; 0 for any number."
        ),
        Option(
            "probes.*.certificate.ending",
            .words(EndingPolicy.allCases.map(\.rawValue)),
            "warn",
            "What fewer days than `min-days` mean: `warn` names them in the log and in the detail, "
                + "`down` fails the check.",
            beside: ["min-days"]
        ),
    ]

    static let probeGroups: [OptionGroup] = [
        OptionGroup(
            "probes.*.certificate",
            "What the certificate that an endpoint shows must be like.",
            beside: ["http", "grpc", "tcp"]
        ),
        OptionGroup(
            "probes.*.dns",
            "The question of a DNS probe: the number, the question and the code of the answer must be "
                + "right, and it must have a record of the type."
        ),
        OptionGroup(
            "probes.*.of[]",
            "The members of a calculated probe, which asks nobody: each a pool, an endpoint of one, or "
                + "another calculated probe.",
            noun: "member",
            identity: ["pool", "endpoint", "probe"]
        ),
    ]
}
