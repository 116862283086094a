// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    // RFC 2181 §8: a TTL is an unsigned number of at most 31 bits.
    static let anyTTL = OptionType.ttl(.zero...seconds(Int64(Int32.max)))

    static let zoneOptions: [Option] =
        soaOptions + recordOptions + updateOptions
        + zoneAPIOptions

    private static let soaOptions: [Option] = [
        Option(
            "zones.*.file",
            .filePath,
            .absent("records come from this file alone"),
            "RFC 1035 zone file, relative to the configuration's folder; `records` are added to it."
        ),
        Option(
            "zones.*.ttl",
            anyTTL,
            "1h",
            "TTL of records without their own."
        ),
        Option(
            "zones.*.soa.primary",
            .domainName,
            .required,
            "Primary name server; also the zone's NS record unless the apex has `ns`."
        ),
        Option(
            "zones.*.soa.mailbox",
            .mailbox,
            .required,
            "Mailbox of the person in charge: `hostmaster@example.com`."
        ),
        Option(
            "zones.*.soa.serial",
            .integer(0...4_294_967_295),
            "1",
            "Serial number of the zone."
        ),
        Option("zones.*.soa.refresh", anyTTL, "2h", "How often secondaries look for changes."),
        Option("zones.*.soa.retry", anyTTL, "15m", "How soon secondaries look again."),
        Option("zones.*.soa.expire", anyTTL, "14d", "When secondaries stop answering."),
        Option(
            "zones.*.soa.negative-ttl",
            anyTTL,
            "5m",
            "How long resolvers may keep that a name does not exist (RFC 2308)."
        ),
    ]

    private static let recordOptions: [Option] = [
        Option(
            "zones.*.records.*.ttl",
            anyTTL,
            .absent("the zone's, or the policy's if steered"),
            "TTL of the records of this name."
        ),
        Option(
            "zones.*.records.*.steer",
            .reference(.steer),
            .absent("the name is not steered"),
            "Policy that chooses the addresses of this name."
        ),
        Option(
            "zones.*.records.*.a",
            .list(.record(.a)),
            .absent("none"),
            "IPv4 addresses."
        ),
        Option(
            "zones.*.records.*.aaaa",
            .list(.record(.aaaa)),
            .absent("none"),
            "IPv6 addresses."
        ),
        Option(
            "zones.*.records.*.cname",
            .record(.cname),
            .absent("none"),
            "Name that this one is an alias of."
        ),
        Option(
            "zones.*.records.*.alias",
            .record(.alias),
            .absent("none"),
            "Name whose addresses this one has, beside other records: what the zone itself may have "
                + "in place of a CNAME; ALIAS in zone files."
        ),
        Option(
            "zones.*.records.*.ns",
            .list(.record(.ns)),
            .absent("none"),
            "Name servers; below the apex they delegate."
        ),
        Option(
            "zones.*.records.*.mx",
            .list(.record(.mx)),
            .absent("none"),
            "Mail exchanges: `10 mail.example.com`."
        ),
        Option(
            "zones.*.records.*.txt",
            .list(.record(.txt)),
            .absent("none"),
            "Texts; long ones are cut into strings of 255 bytes."
        ),
        Option(
            "zones.*.records.*.srv",
            .list(.record(.srv)),
            .absent("none"),
            "Services: priority, weight, port and name."
        ),
        Option(
            "zones.*.records.*.ptr",
            .list(.record(.ptr)),
            .absent("none"),
            "Pointers."
        ),
        Option(
            "zones.*.records.*.caa",
            .list(.record(.caa)),
            .absent("none"),
            "Who may issue certificates: `0 issue \"letsencrypt.org\"`."
        ),
        Option(
            "zones.*.records.*.https",
            .list(.record(.https)),
            .absent("none"),
            "How HTTP is spoken to this name, `1 . alpn=h2,h3`; hints of a steered name come from "
                + "its policy."
        ),
        Option(
            "zones.*.records.*.svcb",
            .list(.record(.svcb)),
            .absent("none"),
            "The same as `https` for other protocols, mostly under names such as `_dns`."
        ),
    ]

    static let allGroups: [OptionGroup] = [
        OptionGroup("", "Options of the process as a whole."),
        OptionGroup("limits", "Bounds that hold for the whole process."),
        OptionGroup("admin", "The admin listener: metrics, API and status page."),
        OptionGroup("log", "The event log."),
        OptionGroup("log.access", "The access log."),
        OptionGroup(
            "log.requests",
            "The latest requests, kept in memory: half of them server errors, half all others."
        ),
        OptionGroup("log.queries", "The log of DNS queries: some of them, at random."),
        OptionGroup(
            "listeners[]",
            "A list of places where the doors listen.",
            noun: "listener",
            identity: ["http", "https", "dns", "dot"],
            kinds: ["http", "https", "dns", "dot"]
        ),
        OptionGroup(
            "listeners[].timeouts",
            "Deadlines of an HTTP listener towards its clients.",
            beside: ["http", "https"]
        ),
        OptionGroup(
            "listeners[].http2",
            "What a connection by HTTP/2 may do; new connections follow a reload.",
            beside: ["http", "https"]
        ),
        OptionGroup(
            "probes.*",
            "Active checks by name; a pool or policy refers to them.",
            noun: "probe",
            kinds: ["http", "tcp", "grpc", "dns", "command", "of"]
        ),
        OptionGroup("probes.*.headers", "Fields by name.", beside: ["http"]),
        OptionGroup("pools.*", "Sets of endpoints by name.", noun: "pool"),
        OptionGroup("pools.*.hash", "What hash methods hash, and their tables."),
        OptionGroup("pools.*.queue", "Requests that wait while every endpoint is at its limit."),
        OptionGroup(
            "pools.*.endpoints[]",
            "A list of the servers of a pool.",
            noun: "endpoint",
            identity: ["address"]
        ),
        OptionGroup("pools.*.passive", "Judging endpoints by real traffic."),
        OptionGroup("pools.*.timeouts", "Deadlines of a pool towards its endpoints."),
        OptionGroup("pools.*.http2", "Connections by HTTP/2 to endpoints."),
        OptionGroup("pools.*.keepalive", "Idle connections kept to endpoints."),
        OptionGroup("pools.*.retry", "Sending a request again to another endpoint."),
        OptionGroup("pools.*.resolve", "Resolving endpoints given by name."),
        OptionGroup(
            "routes[]",
            "What is done with which requests. Order matters only among routes of the same host and "
                + "path, and among expressions.",
            noun: "route",
            identity: ["name", "host", "path"],
            kinds: ["pool", "split", "redirect", "respond", "answer"]
        ),
        OptionGroup(
            "routes[].when",
            "What else must hold of a request; several keys must all hold. Where it does not, the "
                + "next route for the host and path is asked."
        ),
        OptionGroup("routes[].split", "Pools that serve, each with its share of the requests."),
        OptionGroup("routes[].request-headers", "What changes about the request's fields."),
        OptionGroup("routes[].request-headers.set", "Fields of the request that are replaced."),
        OptionGroup("routes[].request-headers.add", "Fields that are added to the request."),
        OptionGroup("routes[].response-headers", "What changes about the response's fields."),
        OptionGroup("routes[].response-headers.set", "Fields of the response that are replaced."),
        OptionGroup("routes[].response-headers.add", "Fields that are added to the response."),
        OptionGroup("routes[].redirect", "The client is sent elsewhere."),
        OptionGroup("routes[].respond", "Martlet answers itself."),
        OptionGroup("routes[].rate-limit", "How many requests the route takes."),
        OptionGroup("routes[].rewrite", "What the endpoint is asked for instead."),
        OptionGroup(
            "zones.*",
            "Zones that the DNS door answers for, by name.",
            noun: "zone",
            names: .domainName
        ),
        OptionGroup("zones.*.soa", "Start of authority; needed unless `file` has it."),
        OptionGroup(
            "zones.*.records.*",
            "Records by name: relative to the zone, `@` for the zone itself, `*` for a wildcard.",
            noun: "name",
            names: .text(255)
        ),
        OptionGroup(
            "steer.*",
            "Policies that choose DNS answers, by name.",
            noun: "policy",
            kinds: policyKinds
        ),
        OptionGroup("steer.**", "Policies at any depth.", kinds: policyKinds),
    ]
}
