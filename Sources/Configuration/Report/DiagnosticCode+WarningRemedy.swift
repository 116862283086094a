// SPDX-License-Identifier: Apache-2.0

/// What the reference page says about warnings.
extension DiagnosticCode {
    var warningExplanation: CodeExplanation {
        switch self {
        case .allWeightsZero:
            .init(
                "all weights are zero",
                "Nothing in this tier or policy is ever chosen, or too little has a weight for "
                    + "`minimum-up`.",
                "Give at least one a weight above zero, or as many as `minimum-up`, unless that is what "
                    + "you want."
            )
        case .unused:
            .init("never used", "Nothing refers to the name.", "Use it or remove it.")
        case .nothingListens:
            .init(
                "nothing listens",
                "There is no listener. A reload to a file without `listeners` is refused (M1329).",
                "Add one under `listeners`."
            )
        case .unreachable:
            .init(
                "never reached",
                "No listener of this kind brings work here.",
                "Add a listener: `http` for routes, `dns` for zones."
            )
        case .openAdmin:
            .init(
                "admin listener open to others",
                "The admin listener asks for no password and is bound to more than loopback.",
                "Bind it to 127.0.0.1, or guard the port."
            )
        case .certificateEndsSoon:
            .init(
                "certificate ends soon",
                "It has fewer days left than `tls.min-days`.",
                "Renew it; the new files are taken up without a reload."
            )
        case .openSecret:
            .init(
                "secret open to all",
                "Every account of the machine may read or change the file.",
                "Let its owner alone do so (`chmod 600`); the supervisor reads it."
            )
        case .nothingStapled:
            .init(
                "nothing stapled",
                "The OCSP response is about another certificate, over, or not good.",
                "Fetch a new one: `openssl ocsp ... -respout FILE`; until then clients get none."
            )
        case .untracedExport:
            .init(
                "nothing to export",
                "`tracing.otlp` says where spans go, and no listener has `tracing: true`.",
                "Set it where requests are to be traced, or leave `tracing.otlp` out."
            )
        case .noDefaultRegion:
            .init(
                "nothing for everybody else",
                "A policy that names have has nothing for clients whose place is not known, or that "
                    + "no branch is for: they get NODATA.",
                "Add a branch without a region, unless that is what you want."
            )
        case .unplacedPolicy:
            .init(
                "places that nobody tells",
                "A policy asks for places or autonomous systems, and `geo` has no source of them: its "
                    + "branches for regions never serve, and `proximity` goes by the order of the list.",
                "Name a database in `geo.database` or `geo.asn`, or say it in `geo.networks`."
            )
        case .unreachableBranch:
            .init(
                "branch that never serves",
                "What stands before it never fails or serves the same clients, or none of its clients "
                    + "comes there.",
                "Name a probe for what stands before it, or remove one of them."
            )
        case .residencyLeak:
            .init(
                "clients can leave their region",
                "A branch is `resident`, and another rule, a `fallback` in it, or a policy around it "
                    + "takes some of its clients elsewhere.",
                "Make the other branch `resident` as well, or move what divides its clients inside."
            )
        case .clearQuestions:
            .init(
                "DNS over HTTPS without TLS",
                "A route has `answer: dns`, and all listeners that lead to it are in the clear: RFC 8484 §5 "
                    + "has it by `https` alone.",
                "Give a listener `https`, or name in `trusted-proxies` what ends TLS in front of it."
            )
        case .clearPort:
            .init(
                "DNS over TLS at port 53",
                "Port 53 is that of DNS in the clear, and RFC 7858 §3.1 forbids TLS there: clients and "
                    + "firewalls take it for something else.",
                "Use 853, or another port that clients are told."
            )
        case .plainTextSpans:
            .init(
                "secrets for the collector in plain text",
                "`tracing.otlp.headers`, or the URL's query, often holds one; the URL is `http://`.",
                "Use `https://`, or a collector on this machine."
            )
        case .needlessSticky:
            .init(
                "sticky beside a hash",
                "The pool's `balance` is a hash, which already keeps a client at one endpoint.",
                "Leave `sticky` out, or choose another `balance`."
            )
        case .stickySkew:
            .init(
                "uneven by stickiness",
                "Clients that are kept where they are will give one endpoint more than its share.",
                "See what the message says; `martlet_pool_skew` shows how uneven the pool is."
            )
        case .replicasDown:
            .init(
                "replicas are down",
                "Only the statuses of a leader are expected, so whoever does not lead fails its probe.",
                "Name what replicas answer in `expect` as well, such as `expect: [200, 503]`."
            )
        case .droppedCookie:
            .init(
                "cookie that browsers drop",
                "`same-site: none` needs `Secure`, which a cookie given without TLS does not get.",
                "Say `secure: always` where something in front speaks TLS, or give the listener `tls`."
            )
        case .unusualDrain:
            .init(
                "unusual time to drain",
                "Less than 30 s cuts work that would have ended; more than 300 s delays a deploy.",
                "Choose between 30 s and 300 s, unless you know how long the pool's work takes."
            )
        case .slowFailover:
            .init(
                "failover too slow",
                "Detection and TTL together may take longer than the policy's `failover-within`.",
                "Change what the message names; `martlet failover-time` shows every part."
            )
        case .slowProbe:
            .init(
                "probe slower than its rhythm",
                "The timeout is longer than the interval.",
                "Shorten the timeout or lengthen the interval."
            )
        default:
            .init(
                "finding in a zone",
                "Something in a zone is probably not meant; the message begins with its own code.",
                "Look the code up in [zones.md](zones.md); the zone is served all the same."
            )
        }
    }
}
