// SPDX-License-Identifier: Apache-2.0

/// What the reference page says about a code.
struct CodeExplanation {
    var title: String
    var cause: String
    var remedy: String

    init(_ title: String, _ cause: String, _ remedy: String) {
        self.title = title
        self.cause = cause
        self.remedy = remedy
    }
}

extension DiagnosticCode {
    var explanation: CodeExplanation {
        if let changeExplanation { return changeExplanation }
        return switch rawValue {
        case ..<"M1100": readingExplanation
        case ..<"M1200": shapeExplanation
        case ..<"M1300": valueExplanation
        case "M1343", "M1373"..."M1376": mirrorExplanation
        case "M1440"..."M1459": latencyExplanation
        case "M1470"..."M1489", "M1534", "M1693"..."M1694": transferExplanation
        case "M1490"..."M1499", "M1510": updateExplanation
        case "M1690"..."M1692": packetExplanation
        case "M1800"..."M1819": cacheExplanation
        case ..<"M1351": meaningExplanation
        case "M1410"..."M1419": commandExplanation
        default: warningExplanation
        }
    }

    private var readingExplanation: CodeExplanation {
        switch self {
        case .notYAML:
            .init(
                "not YAML",
                "The text breaks a rule of YAML or is not UTF-8.",
                "Look at the marked place and the line above it: indentation, quotes, colons."
            )
        case .fileTooLarge:
            .init(
                "file too large",
                "The file is larger than 4 MiB.",
                "Move large zones into zone files."
            )
        case .tooManyValues:
            .init(
                "too many values",
                "More than 500,000 values, or more than 64 levels.",
                "Move large zones into zone files; do not nest aliases of aliases."
            )
        case .badAlias:
            .init(
                "alias without anchor",
                "An alias `*name` has no anchor `&name` above it.",
                "Put the anchor on a value further up, outside the alias."
            )
        case .unusedYAML:
            .init(
                "unused part of YAML",
                "Tags, merge keys and second documents are not used: each value has one reading.",
                "Write the options out."
            )
        default:
            .init(
                "file not readable",
                "A file that is named cannot be opened or read.",
                "Check path and permissions of the account that Martlet starts as."
            )
        }
    }

    private var shapeExplanation: CodeExplanation {
        switch self {
        case .unknownKey:
            .init(
                "unknown key",
                "No option has this name here.",
                "Take the suggested name, or look the option up on this page."
            )
        case .duplicateKey:
            .init(
                "key given twice",
                "YAML readers disagree on which one counts, so neither does.",
                "Remove one of them."
            )
        case .wrongKind:
            .init(
                "wrong kind of value",
                "A mapping, a list or a single value stands where another is wanted.",
                "Bring the value into the shape of the example."
            )
        case .missingKey:
            .init("option missing", "An option without a default is not given.", "Give it.")
        case .excludingKeys:
            .init(
                "options exclude each other",
                "Of these options one object can have only one.",
                "Remove all but one."
            )
        case .keyWithoutOther:
            .init(
                "option does not apply",
                "The option means something only beside another one.",
                "Add the other option, or remove this one."
            )
        default:
            .init(
                "unusable name",
                "Names have 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit first.",
                "Choose such a name."
            )
        }
    }

    private var valueExplanation: CodeExplanation {
        switch self {
        case .notDuration:
            .init("not a duration", "A length of time needs a unit.", "Write `250ms`, `5s`, `2m`.")
        case .notSize:
            .init("not a size", "A number of bytes needs a unit.", "Write `512B`, `16KiB`, `1MiB`.")
        case .notInteger:
            .init("not a whole number", "Only digits are read here.", "Write a whole number.")
        case .notPercentage:
            .init("not a percentage", "A share needs its sign.", "Write `20%`.")
        case .notBoolean:
            .init("not true or false", "Only `true` and `false` are read.", "Write one of them.")
        case .notWord:
            .init("not one of the words", "The option takes certain words.", "Take one of them.")
        case .outOfRange:
            .init("out of range", "The value is outside the option's range.", "Stay inside.")
        case .notAddress:
            .init(
                "not an address",
                "The text is no address, or has no port where one is needed.",
                "Write `192.0.2.1:80`, `[2001:db8::1]:80`, `name:80`; for listeners also `:80`."
            )
        case .notPrefix:
            .init("not a prefix", "The text is no CIDR prefix.", "Write `192.0.2.0/24`.")
        case .notStatus:
            .init("not a status", "Statuses are 100 to 599.", "Write `200`, `200-299` or a list.")
        case .notHost:
            .init(
                "not a host",
                "A host is a name without port, or `*.` and a name.",
                "Write `www.example.com`, `*.example.com` or `*`."
            )
        case .notPath:
            .init(
                "not a path",
                "A path begins with `/` and has no query, fragment or blank.",
                "Write `/api/` for a prefix, `=/api` for exactly this path."
            )
        default: textExplanation
        }
    }

    private var textExplanation: CodeExplanation {
        switch self {
        case .notDomainName:
            .init(
                "not a domain name",
                "Labels have 1 to 63 letters, digits, `-` and `_`; a name has at most 253.",
                "Correct the name; names in other scripts are written in their `xn--` form."
            )
        case .notRecord:
            .init(
                "not the data of a record",
                "The text does not have the fields of its type.",
                "Write the fields in the order of RFC 1035, separated by blanks."
            )
        case .notHashKey:
            .init(
                "not a hash key",
                "The text names no part of a request.",
                "Write `source-ip`, `uri`, `header:NAME`, `cookie:NAME` or `query:NAME`."
            )
        case .badText:
            .init(
                "unusable text",
                "The text is empty, too long or holds control characters.",
                "Shorten it, or remove these characters."
            )
        case .badTemplate:
            .init(
                "variable unknown",
                "A text names a variable in braces that does not exist, or a brace is not closed.",
                "Use one of the variables named; `{{` stands for a brace."
            )
        case .badUsers:
            .init(
                "file of users that cannot be used",
                "It cannot be read, or a line is no name with a hash of a form made for passwords.",
                "Make lines by `htpasswd -B` or `mkpasswd`, and let the account that starts "
                    + "Martlet read the file."
            )
        case .badKeys:
            .init(
                "file of keys that cannot be used",
                "It cannot be read, or holds no public key of RSA from 2048 bits on, P-256 or "
                    + "Ed25519, or holds a private one.",
                "Write PEM by `openssl pkey -pubout`, or the JWK set of the issuer."
            )
        case .badDatabase:
            .init(
                "geographic database that cannot be used",
                "It cannot be read, is larger than `geo.size-limit`, is no database of MaxMind's "
                    + "format, or knows nothing of what is wanted: no places for `geo.database`, "
                    + "no autonomous systems for `geo.asn`.",
                "Download the `.mmdb` file again, let the account that starts Martlet read it, and "
                    + "name each database at its own option."
            )
        case .badPlace:
            .init(
                "no such place",
                "The code names no country, or no part of the country beside it.",
                "Use codes of ISO 3166: `DE`, `US-CA`."
            )
        case .notDecimal:
            .init("not a decimal number", "Degrees are plain numbers.", "Write `48.137`.")
        case .notRate:
            .init(
                "not a rate",
                "The text is no number in a second, minute or hour.",
                "Write a whole number, `/` and `s`, `m` or `h`, such as `100/s`."
            )
        case .badExpression:
            .init(
                "regular expression refused",
                "RE2 does not take the expression.",
                "Correct it; RE2 has no back references and no look-around."
            )
        default: secretExplanation
        }
    }

    private var secretExplanation: CodeExplanation {
        switch self {
        case .badCertificate:
            .init(
                "unusable certificate or key",
                "The file is not PEM, is damaged, asks for a password, or names nobody.",
                "Look at it: `openssl x509 -text -in FILE`, `openssl pkey -noout -in FILE`."
            )
        case .badTicketKeys:
            .init(
                "unusable ticket keys",
                "The file does not hold one to four keys of 80 random bytes each.",
                "Fill it by `openssl rand 80`; all nodes that share sessions have the same file."
            )
        case .badCipherList:
            .init(
                "ciphers or groups refused",
                "OpenSSL does not know a name in the list.",
                "Leave the option out for modern ones, or see `openssl ciphers -v`."
            )
        default:
            .init(
                "not a prime",
                "A Maglev table spreads evenly only over a prime number of places.",
                "Take the suggested prime."
            )
        }
    }

    private var meaningExplanation: CodeExplanation {
        switch self {
        case .unknownProbe, .unknownPool, .unknownPolicy:
            .init(
                "reference to nothing",
                "The name is not defined in this file.",
                "Define it, or take the suggested name."
            )
        case .policyLoop:
            .init("policies in a circle", "A policy leads back to itself.", "Break the circle.")
        case .policyTooDeep:
            .init(
                "policies too deep",
                "Policies refer to each other by name more than 16 deep.",
                "Join some of them."
            )
        case .tooMany:
            .init("too many", "There is a bound on how many of these there are.", "Use fewer.")
        case .emptyPolicy:
            .init("policy without members", "There is nothing to choose from.", "Add a member.")
        case .emptyPool:
            .init("pool without endpoints", "There is nothing to choose from.", "Add an endpoint.")
        case .duplicateEndpoint:
            .init(
                "endpoint given twice",
                "A pool holds an address and a name once.",
                "Remove one of them, or add up the weights."
            )
        case .duplicateRoute:
            .init("route given twice", "Host and path are the same.", "Remove one of them.")
        case .listenerConflict:
            .init(
                "listeners exclude each other",
                "Two listeners need the same port and address.",
                "Give one of them another port or address."
            )
        case .probeWithoutPort:
            .init(
                "probe without port",
                "A plain address in a policy has no port to ask.",
                "Set `port` in the probe."
            )
        case .proxyBesideHTTP2:
            .init(
                "PROXY header beside HTTP/2",
                "A PROXY header names one client for a whole connection; by HTTP/2 many share it.",
                "Leave `proxy-protocol` out, or set `protocol: http1`."
            )
        case .nothingServedAnyMore:
            .init(
                "nothing served any more",
                "A reload found no `listeners`: the file is empty, or was cut while it was written. What is "
                    + "in force serves on.",
                "Write the whole file, best beside it and then renamed; `listeners: []` closes all."
            )
        case .roleWithoutProbe:
            .init(
                "roles that nobody tells",
                "`writes` or `reads` goes by roles, and the pool's probe has no `role`.",
                "Give the probe a `role` with `status` or `field`."
            )
        case .duplicateRegion:
            .init(
                "region given twice",
                "Two branches of one `geo` policy are for the same clients.",
                "Keep one; for a second choice there use `failover` inside it."
            )
        case .policyTooLarge:
            .init(
                "policy too large",
                "Policies that refer to each other come to more than 20,000 branches per query.",
                "Use each policy by fewer ways."
            )
        case .checkLoop:
            .init(
                "circle of calculated probes",
                "A calculated probe depends on itself, directly or by way of a pool and its probe.",
                "Take one of the members out."
            )
        case .checkTooDeep:
            .init(
                "calculated probes too deep",
                "Calculated probes depend on each other more than 16 deep.",
                "Name the pools in one place."
            )
        case .notCalculated:
            .init(
                "probe without a state",
                "`requires` or a member names a probe that asks endpoints.",
                "Name a probe with `of`, or a pool."
            )
        case .unknownMember:
            .init(
                "member that is not there",
                "A pool does not have the endpoint, or as many endpoints as must take work.",
                "Name an endpoint of the pool, or fewer of them."
            )
        case .emptyCheck:
            .init(
                "calculated probe without members",
                "`of` is an empty list.",
                "Name at least one pool or probe."
            )
        case .probeWithoutTLS:
            .init(
                "probe of TLS without TLS",
                "A probe with `tcp: tls` or `min-days` is used where endpoints are not asked by TLS.",
                "Set `tls` in the pool, or `tls: on` in the probe."
            )
        case .idleConcurrency:
            .init(
                "bounds of a limit that is off",
                "`concurrency.limit` is `off`, so its bounds do nothing.",
                "Write `limit: adaptive`, or take the bounds away."
            )
        case .idleHedge:
            .init(
                "parts of hedging that is off",
                "`hedge.after` is `off`, so nothing is asked twice.",
                "Write `after: p95`, or take the others away."
            )
        case .hedgeBesideOthers:
            .init(
                "hedging where it cannot be",
                "The other attempt is cut by closing its connection, which must be its alone.",
                "Set `protocol: http1` and leave `proxy-protocol` out, or take `hedge` away."
            )
        case .keyMismatch:
            .init(
                "key of another certificate",
                "Certificate and key do not belong together.",
                "Take the key that the certificate was requested with."
            )
        case .certificateExpired:
            .init(
                "certificate has ended",
                "Clients refuse a certificate whose time is over.",
                "Renew it. A start takes it all the same, with a warning."
            )
        case .wrongOrder:
            .init("bounds in the wrong order", "The lower bound is above the upper.", "Swap them.")
        default: zoneExplanation
        }
    }

    private var zoneExplanation: CodeExplanation {
        switch self {
        case .aliasBesideData:
            .init(
                "CNAME or alias beside other data",
                "A name with a CNAME has nothing else (RFC 1034 §3.6.2); the apex has SOA and NS. A "
                    + "name with an alias has no other addresses.",
                "Remove the other data, use `alias` in place of `cname`, or steer the name."
            )
        case .outOfZone:
            .init(
                "name outside the zone",
                "An owner lies outside its zone or repeats its name.",
                "Write owners relative to the zone: `www`, `*.dev`, `@` for the zone itself."
            )
        case .duplicateOwner:
            .init("zone or owner given twice", "Names differ only in writing.", "Join the two.")
        case .steeredBesideData:
            .init(
                "steered name with plain addresses",
                "A policy chooses the addresses of the name, so it has no others.",
                "Move the addresses into the policy."
            )
        case .duplicateRecord:
            .init("record given twice", "A set holds each record once.", "Remove one of them.")
        default:
            .init(
                "fault in a zone file",
                "The zone file breaks a rule of RFC 1035.",
                "Look at the line of the zone file that the message names."
            )
        }
    }

    private var mirrorExplanation: CodeExplanation {
        switch self {
        case .mirrorByHTTP2:
            .init(
                "mirror by HTTP/2",
                "Copies of requests are sent by HTTP/1.1, and the pool speaks HTTP/2 only.",
                "Name a pool with `protocol: http1` or `auto`, with the same endpoints if need be."
            )
        case .mirrorToItself:
            .init(
                "mirror to the same pool",
                "The pool that serves a route, or one of its endpoints, gets the copies as well: a request "
                    + "may go there twice.",
                "Name a pool of other endpoints, unless twice the load is what you want."
            )
        case .sharedMirror:
            .init(
                "mirror to endpoints that serve",
                "Copies go to endpoints that also serve clients of another route, and take places of theirs.",
                "Give the mirror endpoints of its own, or see that `max-connections` leaves room for clients."
            )
        case .clearMirror:
            .init(
                "copies in the clear",
                "Requests go to their endpoints by TLS and the copies in the clear, with cookies and "
                    + "`Authorization`.",
                "Set `tls` in the mirror's pool."
            )
        default:
            .init(
                "mirror without a share",
                "`mirror.share` is 0%, so nothing is copied.",
                "Give it a share, or take `mirror` away."
            )
        }
    }
}
