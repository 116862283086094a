// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// The keys of signed zones: one each, made on first use and kept in the state folder.
///
///     keys/example.com.pem      one private key that signs everything (PKCS #8)
struct ZoneKeyFiles: Sendable {
    /// The state folder; nil when nothing can be kept.
    var folder: String?
    /// Keys that are in use: they are not read again.
    var known: [DomainName: ZoneKeys] = [:]

    /// The keys of all zones that are to be signed.
    ///
    /// Fails when a key can neither be read nor made: a zone whose parent says that it is signed
    /// is not answered for without signatures, nor with those of a key that nobody knows.
    func keys(_ settings: Settings) throws(ReloadProblem) -> [DomainName: ZoneKeys] {
        var found: [DomainName: ZoneKeys] = [:]
        for zone in settings.zones {
            guard let signing = zone.dnssec, let apex = DomainName(zone.name) else { continue }
            found[apex] = ZoneKeys(
                keys: [ZoneKey(try key(of: zone.name, apex, signing))],
                denial: signing.denial == .nsec3 ? .narrowNSEC3 : .compact,
                lifetime: ZoneAssembly.seconds(signing.signatureLifetime),
                refresh: ZoneAssembly.seconds(signing.signatureRefresh),
                keyTTL: ZoneAssembly.seconds(signing.keyTTL)
            )
        }
        return found
    }

    private func key(
        of zone: String,
        _ apex: DomainName,
        _ signing: SigningSettings
    ) throws(ReloadProblem) -> SigningKey {
        let algorithm: SigningAlgorithm = signing.algorithm == .ed25519 ? .ed25519 : .ecdsaP256
        if let key = known[apex]?.keys.first?.key, key.algorithm == algorithm { return key }
        guard let folder else {
            throw .start(
                "M3051",
                "zone \(zone) cannot be signed: there is no state folder that would keep its key",
                "set 'state' to a folder that can be written"
            )
        }
        let path = "\(folder)/keys/\(ZoneKeyFiles.fileName(zone))"
        var reason: SystemError
        do throws(SystemError) {
            let text = try File.read(path, limit: 16_384)
            if let key = SigningKey(pem: text), key.algorithm == algorithm { return key }
            throw .invalid
        } catch {
            reason = error
        }
        if reason == .noSuchFile, let key = SigningKey.generate(algorithm), let text = key.pem {
            do throws(SystemError) {
                try File.makeFolder("\(folder)/keys", mode: 0o700)
                try File.writeAtomically(path, text)
                return key
            } catch {
                reason = error
            }
        }
        let isOther = reason == .invalid
        throw .start(
            "M3050",
            "zone \(zone) cannot be signed: \(path) "
                + (isOther ? "holds no key of \(signing.algorithm.rawValue)" : "fails: \(reason)"),
            isOther
                ? "bring the key back, or move the file away so that another one is made"
                : "see that 'user' may read and write it"
        )
    }

    /// The name of a zone without its last dot; what would be odd in a file's name is written as
    /// `%` and two digits.
    static func fileName(_ zone: String) -> String {
        let name = zone.count > 1 && zone.hasSuffix(".") ? String(zone.dropLast()) : zone
        let plain = name.utf8.map { byte -> String in
            let isPlain =
                ASCII.isLetter(byte) || ASCII.isDigit(byte) || [0x2d, 0x2e, 0x5f].contains(byte)
            guard !isPlain else { return String(decoding: [byte], as: UTF8.self) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        return (plain == "." ? "%2e" : plain) + ".pem"
    }
}
