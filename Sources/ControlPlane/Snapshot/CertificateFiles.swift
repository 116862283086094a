// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// A certificate with its key as read from their files, and what the files held.
struct LoadedCertificate: Sendable {
    let pair: TLSCertificate
    /// Of all that the files held.
    var digest: Int
    /// Of certificate and key alone.
    let pairDigest: Int
    /// When the stapled response ends, in seconds since 1970; nil when none is stapled.
    var stapleEnds: Int64?
    /// Why the response in the file is not stapled; nil when it is, or there is none.
    var stapleFault: String?

    /// Whole days until it ends; below zero once it has ended.
    func days(realtime: Int64) -> Int {
        let left = pair.notAfter - realtime / 1_000_000_000
        return Int(left >= 0 ? left / 86_400 : (left - 86_399) / 86_400)
    }
}

/// The certificates of a configuration: read, judged, and kept until their files change.
///
/// The files are read by a function that is handed in: the serving process may not be allowed to
/// open them, then its supervisor does.
struct CertificateFiles: Sendable {
    /// The largest file of a certificate or key that is read.
    static let sizeLimit = 1 << 20

    /// Why a file cannot be read.
    struct Unreadable: Error {
        let reason: String
    }
    typealias Read = (String) throws(Unreadable) -> [UInt8]

    /// What is in hand, for each pair of files.
    private(set) var loaded: [CertificateSettings: LoadedCertificate] = [:]
    /// What was found at the last look.
    private(set) var findings: [CertificateSettings: OutsideChecks.CertificateFinding] = [:]
    /// The ticket keys in hand, by the path of their file.
    var tickets: [String: LoadedTickets] = [:]
    /// What was found of ticket keys at the last look.
    var ticketFindings: [String: OutsideChecks.TicketKeysFinding] = [:]

    /// Reads one pair; what is in hand stays when nothing has changed, or nothing usable came.
    ///
    /// True when there is a new certificate.
    mutating func load(_ files: CertificateSettings, realtime: Int64, _ read: Read) -> Bool {
        let (fresh, finding) = CertificateFiles.read(
            files,
            known: loaded[files],
            realtime: realtime,
            read
        )
        findings[files] = finding
        guard var fresh, fresh.digest != loaded[files]?.digest else { return false }
        // A response that cannot be used takes the former one's place no more than a bad pair does.
        if fresh.stapleFault != nil, let known = loaded[files],
            known.pairDigest == fresh.pairDigest, let ends = known.stapleEnds,
            ends > realtime / 1_000_000_000
        {
            let fault = fresh.stapleFault
            let digest = fresh.digest
            fresh = known
            fresh.digest = digest
            fresh.stapleFault = fault
        }
        loaded[files] = fresh
        return true
    }

    /// Forgets what is in no listener.
    mutating func keep(only settings: Settings) {
        let wanted = Set(settings.certificates)
        loaded = loaded.filter { wanted.contains($0.key) }
        findings = findings.filter { wanted.contains($0.key) }
        let paths = Set(settings.ticketFiles)
        tickets = tickets.filter { paths.contains($0.key) }
        ticketFindings = ticketFindings.filter { paths.contains($0.key) }
    }

    /// Reads and judges one pair.
    static func read(
        _ files: CertificateSettings,
        known: LoadedCertificate?,
        realtime: Int64,
        _ read: Read
    ) -> (LoadedCertificate?, OutsideChecks.CertificateFinding) {
        var isKey = false
        do throws(Unreadable) {
            let certificate = try read(files.certificate)
            isKey = true
            let key = files.key == nil ? certificate : try read(files.keyFile)
            let pairDigest = certificate.hashValue ^ key.hashValue &* 31
            let staple = Staple(files.ocsp, read)
            let digest = pairDigest ^ staple.digest &* 17
            if let known, known.digest == digest {
                return (known, .usable(days: known.days(realtime: realtime)))
            }
            var (fresh, finding) = pair(certificate, key, digest: pairDigest, realtime: realtime)
            fresh?.digest = digest
            if let pair = fresh?.pair {
                let stapled = staple.attach(to: pair, realtime)
                fresh?.stapleEnds = stapled.ends
                fresh?.stapleFault = stapled.fault
            }
            return (fresh, finding)
        } catch {
            return (nil, .unreadable(key: isKey, reason: error.reason))
        }
    }

    private static func pair(
        _ certificate: [UInt8],
        _ key: [UInt8],
        digest: Int,
        realtime: Int64
    ) -> (LoadedCertificate?, OutsideChecks.CertificateFinding) {
        do throws(TLSCertificateProblem) {
            let pair = try TLSCertificate(certificate: certificate, key: key)
            let table = TLSCertificateTable([pair])
            let context = try? TLSServerContext(TLSServerSettings(), table: table, tickets: nil)
            guard context != nil else { throw .refused }
            let loaded = LoadedCertificate(pair: pair, digest: digest, pairDigest: digest)
            return (loaded, .usable(days: loaded.days(realtime: realtime)))
        } catch {
            switch error {
            case .badCertificate:
                return (
                    nil, .unusable(key: false, reason: "holds no certificate, or a damaged one")
                )
            case .badKey:
                let reason = "holds no key, a damaged one, or one that asks for a password"
                return (nil, .unusable(key: true, reason: reason))
            case .mismatch: return (nil, .mismatch)
            case .nameless:
                let reason = "names no host: it has no subject alternative name"
                return (nil, .unusable(key: false, reason: reason))
            case .refused:
                let reason = "is refused by OpenSSL: a short key, or a weak digest"
                return (nil, .unusable(key: false, reason: reason))
            }
        }
    }

    /// Reads a file on this machine.
    static func readHere(_ path: String) throws(Unreadable) -> [UInt8] {
        do throws(SystemError) {
            return try File.read(path, limit: sizeLimit)
        } catch {
            throw Unreadable(reason: "\(error)")
        }
    }
}

extension OutsideChecks.CertificateFinding {
    /// What is wrong in one line; nil when nothing is.
    func fault(_ files: CertificateSettings) -> (code: DiagnosticCode, text: String)? {
        switch self {
        case .usable(let days) where days < 0:
            (.certificateExpired, "the certificate has ended")
        case .usable: nil
        case .unreadable(let isKey, let reason):
            (
                .unreadableFile,
                "'\(isKey ? files.keyFile : files.certificate)' cannot be read: \(reason)"
            )
        case .unusable(let isKey, let reason):
            (.badCertificate, "'\(isKey ? files.keyFile : files.certificate)' \(reason)")
        case .mismatch: (.keyMismatch, "'\(files.keyFile)' is not the key of the certificate")
        }
    }
}

extension Settings {
    /// The certificates of all listeners, each once.
    var certificates: [CertificateSettings] {
        var seen: Set<CertificateSettings> = []
        return listeners.flatMap(\.certificates).filter { seen.insert($0).inserted }
    }

    /// The files of ticket keys, each once.
    var ticketFiles: [String] {
        var seen: Set<String> = []
        return listeners.compactMap(\.tls?.ticketKeys).filter { seen.insert($0).inserted }
    }

    /// The files of all certificates and keys, and of what goes with them, each once.
    var certificateFiles: [String] {
        var seen: Set<String> = []
        let pairs = certificates.flatMap {
            [$0.certificate, $0.keyFile] + ($0.ocsp.map { [$0] } ?? [])
        }
        return (pairs + ticketFiles).filter { seen.insert($0).inserted }
    }
}
