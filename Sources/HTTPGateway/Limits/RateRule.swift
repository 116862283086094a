// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
internal import Steering

/// How many requests of a kind a route takes.
public struct RateLimitPlan: Sendable, Equatable {
    /// Requests in a period.
    public var count: Int
    /// The period.
    public var period: Interval
    /// Requests that may come at once.
    public var burst: Int
    /// What tells requests apart; nil when all requests of the route count together.
    public var key: HashKeyPlan?
    /// Leading bits of IPv4 addresses that tell clients apart.
    public var ipv4Prefix = 32
    /// Leading bits of IPv6 addresses that tell clients apart.
    public var ipv6Prefix = 64
    /// True when it only counts, and refuses nothing.
    public var isDryRun = false

    /// A limit for each client's address.
    public init(count: Int, per period: Interval, burst: Int, key: HashKeyPlan? = .sourceIP) {
        self.count = count
        self.period = period
        self.burst = burst
        self.key = key
    }

    /// The limit in words.
    public var text: String {
        let unit =
            switch period.nanoseconds {
            case 1_000_000_000: "s"
            case 60_000_000_000: "m"
            case 3_600_000_000_000: "h"
            default: "\(period)"
            }
        let name =
            switch key {
            case nil: "route"
            case .sourceIP: "source-ip"
            case .uri: "uri"
            case .header(let name): "header:\(name)"
            case .cookie(let name): "cookie:\(name)"
            case .query(let name): "query:\(name)"
            }
        return "\(count)/\(unit), burst \(burst), by \(name)" + (isDryRun ? ", dry run" : "")
    }
}

/// What the loops need of a limit.
struct RateRule: Sendable, BitwiseCopyable {
    /// The same for the same limit of the same route in every snapshot: a reload changes nothing.
    let identity: UInt64
    let machine: RateMachine
    let isDryRun: Bool
    private let isOfRoute: Bool
    private let ipv4Prefix: Int
    private let ipv6Prefix: Int
    private let key: KeySource
    /// `q` and `w` of the answer.
    let count: UInt64
    let periodSeconds: UInt64

    init(_ plan: RateLimitPlan, route: UInt64) {
        var same = plan
        same.isDryRun = false
        let text = "\(same.text) \(plan.ipv4Prefix) \(plan.ipv6Prefix)"
        identity = Hash.text(text, seed: route)
        machine = RateMachine(count: plan.count, per: plan.period, burst: plan.burst)
        isDryRun = plan.isDryRun
        isOfRoute = plan.key == nil
        ipv4Prefix = plan.ipv4Prefix
        ipv6Prefix = plan.ipv6Prefix
        key = KeySource(plan.key ?? .sourceIP)
        count = UInt64(clamping: plan.count)
        periodSeconds = UInt64(clamping: plan.period.nanoseconds / 1_000_000_000)
    }

    /// What the request is counted under; without the named part, the client's network.
    func key(
        head: RequestHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>,
        client: IPAddress,
        seed: UInt64
    ) -> UInt64 {
        guard !isOfRoute else { return identity }
        let length = client.isIPv4 ? ipv4Prefix : ipv6Prefix
        let network = Prefix(client, length: length)?.address ?? client
        let part = key.key(
            head: head,
            fields: fields,
            bytes: bytes,
            client: network,
            seed: seed
        )
        return Hash.mix(part ^ identity)
    }

    /// The fields that tell a refused client when to come again (RFC 9110 §10.2.3,
    /// draft-ietf-httpapi-ratelimit-headers).
    func write(_ decision: RateDecision, into output: inout OutputSpan<UInt8>) -> Bool {
        output.write("Retry-After: ") && output.write(decimal: decision.waitSeconds)
            && output.write("\r\nRateLimit-Policy: \"limit\";q=") && output.write(decimal: count)
            && output.write(";w=") && output.write(decimal: periodSeconds)
            && output.write("\r\nRateLimit: \"limit\";r=")
            && output.write(decimal: decision.remaining)
            && output.write(";t=") && output.write(decimal: decision.waitSeconds)
            && output.writeLineEnd()
    }
}
