// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials
internal import HTTPProtocol
internal import Prober
internal import Runtime
internal import Steering

/// What is probed: an endpoint of a pool, or an address of a policy.
struct ProbedEndpoint {
    var slot: Int
    var address: SocketAddress
    /// The host name that it is asked by; nil for its address.
    var host: String?
    /// What messages call the two.
    var pool: String
    var name: String
}

/// From `probes` to what the prober asks and what the health keeper makes of the answers.
struct ProbeAssembly {
    private struct Entry {
        let settings: ProbeSettings
        let question: ProbeQuestion
    }

    private var entries: [String: Entry] = [:]
    /// Of probes that speak TLS in their own way.
    private let contexts: [String: TLSClientContext]

    init(_ probes: [ProbeSettings], contexts: [String: TLSClientContext] = [:]) {
        self.contexts = contexts
        for probe in probes {
            entries[probe.name] = Entry(
                settings: probe,
                question: ProbeAssembly.question(probe.check)
            )
        }
    }

    /// How results become health; nil without a probe of this name.
    func checks(_ name: String?) -> CheckSettings? {
        guard let settings = name.flatMap({ entries[$0] })?.settings, settings.calculated == nil
        else { return nil }
        return CheckSettings(
            rise: settings.rise,
            fall: settings.fall,
            interval: settings.interval,
            fastInterval: settings.fastInterval,
            kind: settings.kind == .liveness ? .liveness : .readiness
        )
    }

    /// The calculated check that must be up for endpoints with this probe; nil for none.
    func condition(_ name: String?) -> String? {
        guard let settings = name.flatMap({ entries[$0] })?.settings else { return nil }
        return settings.calculated == nil ? settings.requires : settings.name
    }

    /// True when the probe speaks TLS where the pool does.
    func followsPool(_ name: String?) -> Bool {
        guard let settings = name.flatMap({ entries[$0] })?.settings else { return false }
        return settings.tls == .pool && settings.speaksTLS
    }

    /// True when the probe speaks HTTP/2, which TLS has to offer.
    func asksByHTTP2(_ name: String?) -> Bool {
        if case .grpc? = name.flatMap({ entries[$0] })?.settings.check { true } else { false }
    }

    /// True when the probe asks where traffic goes, and not at a port of its own.
    func asksEndpointPort(_ name: String?) -> Bool {
        name.flatMap { entries[$0] }.map { $0.settings.port == nil } ?? false
    }

    /// The target for an endpoint; nil without a probe of this name.
    func target(_ name: String?, for endpoint: ProbedEndpoint) -> ProbeTarget? {
        guard let entry = name.flatMap({ entries[$0] }), entry.settings.calculated == nil else {
            return nil
        }
        let (address, host) = (endpoint.address, endpoint.host)
        var question = entry.question
        // An endpoint known by name is asked by that name, not by the address of the day.
        if case .http(var http) = question, http.host == nil, let host {
            http.host = host
            question = .http(http)
        }
        if case .grpc(var grpc) = question, grpc.host == nil, let host {
            grpc.host = host
            question = .grpc(grpc)
        }
        let settings = entry.settings
        let asked = SocketAddress(address.ip, port: settings.port ?? address.port)
        if case .command(let command) = settings.check {
            question = .command(CommandQuestion(command, probe: settings.name, endpoint, asked))
        }
        var target = ProbeTarget(
            slot: endpoint.slot,
            address: asked,
            question: question,
            rhythm: ProbeRhythm(
                interval: settings.interval,
                fastInterval: settings.fastInterval,
                timeout: settings.timeout,
                jitterPercent: UInt8(clamping: settings.jitter.percent)
            )
        )
        if settings.certificate.minDays > 0 {
            target.certificate = CertificateRule(
                leastDays: settings.certificate.minDays,
                isRequired: settings.certificate.ending == .down
            )
        }
        if let context = contexts[settings.name] {
            let asked =
                settings.host.flatMap(ProbeAssembly.name) ?? host.flatMap(ProbeAssembly.name)
            target.security = TargetSecurity(
                context: context,
                name: settings.certificate.name ?? asked ?? "\(address.ip)"
            )
        }
        return target
    }

    /// The name or address in a Host field.
    private static func name(_ host: String) -> String? {
        if host.hasPrefix("[") {
            return host.dropFirst().split(separator: "]").first.map(String.init)
        }
        return host.split(separator: ":").first.map(String.init)
    }

    private static func question(_ settings: DNSProbeSettings) -> DNSQuestion {
        // Both were checked when the configuration was read.
        var question = DNSQuestion(
            name: DomainName(settings.name) ?? .root,
            type: RecordType(settings.type) ?? .A
        )
        let known = (0...15).map { ResponseCode($0) }
        question.codes = known.filter { settings.rcode.contains($0.description) }
        question.addresses = settings.addresses
        question.needsAll = settings.match == .all
        question.isAuthoritative = settings.authoritative
        question.isStream = settings.transport == .tcp
        return question
    }

    private static func question(_ check: ProbeCheck) -> ProbeQuestion {
        if case .grpc(let settings) = check {
            return .grpc(GRPCQuestion(service: settings.service ?? "", host: settings.host))
        }
        if case .dns(let settings) = check { return .dns(self.question(settings)) }
        guard case .http(let settings) = check else { return .connect }
        var question = HTTPQuestion(path: settings.path)
        question.method =
            switch settings.method {
            case .get: .get
            case .head: .head
            case .options: .options
            }
        question.host = settings.host
        question.fields = settings.headers.map { ProbeField($0.name, $0.value) }
        question.statuses = settings.expect.ranges
        question.bodyContains = settings.bodyContains ?? ""
        // Checked when the configuration was read.
        question.bodyExpression = settings.bodyRegex.flatMap { try? RegularExpression($0) }
        question.readLimit = settings.readLimit.bytes
        question.dependencies =
            switch settings.dependencies {
            case .ignore: .ignore
            case .report: .report
            case .require: .require
            }
        question.role =
            switch settings.role {
            case nil: nil
            case .status(let statuses)?: .status(statuses.ranges)
            case .field(let path, let leader)?: .field(path: path, leader: Set(leader))
            }
        return .http(question)
    }
}

extension ProbeSettings {
    fileprivate var host: String? {
        switch check {
        case .http(let http): http.host
        case .grpc(let grpc): grpc.host
        case .tcp, .tls, .dns, .command, .calculated: nil
        }
    }

    /// True when it can speak TLS.
    var speaksTLS: Bool {
        switch check {
        case .http, .grpc, .tls: true
        case .tcp, .dns, .command, .calculated: false
        }
    }
}
