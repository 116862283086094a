// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// From a listener's settings and the certificates in hand to what its connections speak.
struct TLSAssembly: Sendable {
    /// What a context was made from, to see whether it still is what is wanted.
    struct Made: Sendable {
        let settings: TLSServerSettings
        let digests: [Int]
        /// Of the file of client authorities.
        let stamp: Int64
        let tickets: TLSTickets?
        let context: TLSServerContext
    }

    /// The same for the endpoints of a pool.
    struct MadeOrigin: Sendable {
        let settings: OriginTLSSettings
        let version: OriginProtocol
        let stamp: Int64
        let number: UInt32
        let context: TLSClientContext
        /// For probes and changes of protocol, which are of HTTP/1.1: no ALPN.
        let plainContext: TLSClientContext
        /// For probes by HTTP/2; nil without one.
        var probeContext: TLSClientContext?
    }

    /// What spans are sent with.
    struct MadeCollector: Sendable {
        let authorities: String?
        let stamp: Int64
        let context: TLSClientContext
    }

    /// What a probe speaks that does not speak as the pool does.
    struct MadeProbe: Sendable {
        let settings: TLSClientSettings
        let stamp: Int64
        let context: TLSClientContext
    }

    let certificates: CertificateFiles
    let tickets: TLSTickets?
    var origins: [String: MadeOrigin] = [:]
    var probes: [String: MadeProbe] = [:]
    var collector: MadeCollector?
    /// The contexts in use: a listener whose settings and certificates are the same keeps its own.
    var made: [ListenAddress: Made] = [:]

    init(certificates: CertificateFiles, tickets: TLSTickets?) {
        self.certificates = certificates
        self.tickets = tickets
    }

    /// The context of a listener; one without a usable certificate fails every handshake.
    mutating func context(
        _ listener: HTTPListenerSettings
    ) throws(ReloadProblem) -> TLSServerContext? {
        guard let tls = listener.tls else { return nil }
        var settings = TLSAssembly.settings(tls)
        settings.protocols = listener.http2.enabled ? [.http2, .http1] : [.http1]
        // Names that are not passed on are told so.
        if listener.certificates.isEmpty { settings.unknownName = .refuse }
        return try context(listener.address, settings, tls, listener.certificates)
    }

    /// The same for a listener of the DNS door.
    mutating func context(
        _ listener: DNSListenerSettings
    ) throws(ReloadProblem) -> TLSServerContext? {
        guard let tls = listener.tls else { return nil }
        var settings = TLSAssembly.settings(tls)
        settings.protocols = [.dot]
        return try context(listener.address, settings, tls, listener.certificates)
    }

    private mutating func context(
        _ address: ListenAddress,
        _ settings: TLSServerSettings,
        _ tls: TLSSettings,
        _ files: [CertificateSettings]
    ) throws(ReloadProblem) -> TLSServerContext {
        let pairs = files.compactMap { certificates.loaded[$0] }
        let digests = pairs.map(\.digest)
        let tickets = tickets(tls)
        let stamp = tls.clientAuthorities.map(File.stamp) ?? 0
        if let known = made[address], known.settings == settings, known.stamp == stamp,
            known.digests == digests, known.tickets === tickets
        {
            return known.context
        }
        do throws(TLSContextProblem) {
            let context = try TLSServerContext(
                settings,
                table: TLSCertificateTable(pairs.map(\.pair)),
                tickets: tickets
            )
            made[address] = Made(
                settings: settings,
                digests: digests,
                stamp: stamp,
                tickets: tickets,
                context: context
            )
            return context
        } catch {
            throw .start(
                "M3121",
                "the listener \(address) cannot speak TLS: \(error)",
                error == .authorities
                    ? "see that `tls.client-authorities` can be read by the account in `user`"
                    : "leave `tls.ciphers` and `tls.groups` out"
            )
        }
    }

    /// Keys of a file that could not be read are no reason to resume nothing: then its own serve.
    private func tickets(_ tls: TLSSettings) -> TLSTickets? {
        guard tls.tickets else { return nil }
        return tls.ticketKeys.flatMap { certificates.tickets[$0]?.keys } ?? tickets
    }

    /// How a pool's endpoints are spoken with; connections made by an older answer are not reused.
    mutating func origin(
        _ pool: PoolSettings,
        isProbedByHTTP2: Bool
    ) throws(ReloadProblem) -> MadeOrigin? {
        guard let tls = pool.tls else { return nil }
        let stamp = tls.authorities.map(File.stamp) ?? 0
        var settings = TLSClientSettings()
        settings.isVerified = tls.verify
        settings.authorities = tls.authorities
        settings.least = tls.minVersion == "1.3" ? .tls13 : .tls12
        do throws(TLSContextProblem) {
            if var known = origins[pool.name], known.settings == tls, known.stamp == stamp,
                known.version == pool.protocol
            {
                if isProbedByHTTP2, known.probeContext == nil {
                    settings.protocols = [.http2]
                    known.probeContext = try TLSClientContext(settings)
                    origins[pool.name] = known
                }
                return known
            }
            let plain = try TLSClientContext(settings)
            settings.protocols = [.http2]
            let probe = isProbedByHTTP2 ? try TLSClientContext(settings) : nil
            settings.protocols =
                switch pool.protocol {
                case .http1: []
                case .http2: [.http2]
                case .auto: [.http2, .http1]
                }
            let made = MadeOrigin(
                settings: tls,
                version: pool.protocol,
                stamp: stamp,
                number: (origins.values.map(\.number).max() ?? 0) + 1,
                context: pool.protocol == .http1 ? plain : try TLSClientContext(settings),
                plainContext: plain,
                probeContext: probe
            )
            origins[pool.name] = made
            return made
        } catch {
            throw .start(
                "M3122",
                "the pool '\(pool.name)' cannot speak TLS: "
                    + (error == .authorities ? "no authority can be read" : "\(error)"),
                "see that `tls.authorities` can be read by the account in `user`"
            )
        }
    }

    /// How spans are sent where the collector's URL is `https`.
    mutating func makeCollector(_ settings: OTLPSettings?) throws(ReloadProblem) {
        guard let settings, settings.endpoint.isSecure else { return collector = nil }
        let stamp = settings.authorities.map(File.stamp) ?? 0
        let isSame = collector?.authorities == settings.authorities && collector?.stamp == stamp
        guard collector == nil || !isSame else { return }
        var wanted = TLSClientSettings()
        wanted.authorities = settings.authorities
        do throws(TLSContextProblem) {
            collector = MadeCollector(
                authorities: settings.authorities,
                stamp: stamp,
                context: try TLSClientContext(wanted)
            )
        } catch {
            throw .start(
                "M3180",
                "spans cannot be sent by TLS: "
                    + (error == .authorities ? "no authority can be read" : "\(error)"),
                "see that `tracing.otlp.authorities` can be read by the account in `user`"
            )
        }
    }

    /// What is wrong with a file of authorities; nil when nothing is.
    static func fault(authorities path: String) -> String? {
        var settings = TLSClientSettings()
        settings.authorities = path
        let isUsable = (try? TLSClientContext(settings)) != nil
        return isUsable ? nil : "cannot be read, or holds no certificate"
    }

    static func settings(_ tls: TLSSettings) -> TLSServerSettings {
        var settings = TLSServerSettings()
        settings.least = tls.minVersion == "1.3" ? .tls13 : .tls12
        if let ciphers = tls.ciphers { settings.ciphers = ciphers }
        if let groups = tls.groups { settings.groups = groups }
        settings.clientAuthorities = tls.clientAuthorities
        settings.takesEarlyData = tls.earlyData
        settings.isClientRequired = tls.clientCertificate == .required
        settings.unknownName = tls.unknownName == .refuse ? .refuse : .defaultCertificate
        return settings
    }

    /// What OpenSSL has against lists of ciphers and groups; nil when nothing.
    static func fault(ciphers: String?, groups: String?) -> String? {
        guard ciphers != nil || groups != nil else { return nil }
        var settings = TLSServerSettings()
        if let ciphers { settings.ciphers = ciphers }
        if let groups { settings.groups = groups }
        do throws(TLSContextProblem) {
            _ = try TLSServerContext(settings, table: TLSCertificateTable([]), tickets: nil)
            return nil
        } catch {
            let list = error == .groups ? "groups" : "ciphers"
            return "OpenSSL does not take the list of \(list)"
        }
    }
}
