// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// The secrets that DNS cookies are made with (RFC 9018 §5).
struct DNSCookieKeys: Sendable {
    /// The server's own, without a file: another one each day.
    var own = CookieSecrets()
    // What the file held when it could last be read.
    private var path: String?
    private var secrets: [SipKey] = []
    private var fault: String?

    /// A secret that follows from another one and does not give it away.
    static func own(from secret: [UInt8]) -> CookieSecrets {
        guard !secret.isEmpty else { return CookieSecrets() }
        let digest = KeyedDigest.sha256(Array("dns cookies".utf8), key: secret)
        return SipKey(Array(digest.prefix(16))).map { CookieSecrets(daily: $0) } ?? CookieSecrets()
    }

    /// Reads the file of a configuration; when it is no use, what it held before stays in force.
    mutating func load(_ settings: DNSCookieSettings, _ read: CertificateFiles.Read) {
        if settings.secrets != path { secrets = [] }
        (path, fault) = (settings.secrets, nil)
        guard let path, settings.enabled else { return }
        do throws(CertificateFiles.Unreadable) {
            let bytes = try read(path)
            if let found = DNSCookieKeys.secrets(bytes) {
                secrets = found
            } else {
                fault = "is not 1 to \(CookieSecrets.limit) lines of 32 hexadecimal digits"
            }
        } catch {
            fault = "cannot be read: \(error.reason)"
        }
    }

    /// One of 32 hexadecimal digits a line; lines may be empty.
    static func secrets(_ bytes: [UInt8]) -> [SipKey]? {
        var found: [SipKey] = []
        for line in bytes.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) {
            let digits = line.compactMap(ASCII.hexDigit)
            guard digits.count == line.count, digits.count == 32 else { return nil }
            let octets = stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
            guard let key = SipKey(octets) else { return nil }
            found.append(key)
        }
        return found.isEmpty || found.count > CookieSecrets.limit ? nil : found
    }

    /// What is wrong with a file whose former secrets are in force.
    var survivedFaults: [String] {
        guard let path, let fault, !secrets.isEmpty else { return [] }
        return ["the secrets of DNS cookies '\(path)' \(fault): those read last are in force"]
    }

    /// The secrets in force; none when cookies are not answered.
    func inForce(_ settings: DNSCookieSettings) throws(ReloadProblem) -> CookieSecrets {
        guard settings.enabled else { return CookieSecrets() }
        guard let wanted = settings.secrets else { return own }
        guard wanted == path, !secrets.isEmpty else {
            throw .start(
                "M3125",
                "DNS cookies cannot be made: '\(wanted)' \(fault ?? "was not read")",
                "fill it by `openssl rand -hex 16`"
            )
        }
        return CookieSecrets(secrets)
    }
}
