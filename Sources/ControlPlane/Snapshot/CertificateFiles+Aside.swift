// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// What an OCSP file holds, to be stapled to the certificate beside it.
struct Staple {
    private let bytes: [UInt8]?
    private let reason: String?

    /// Reads the file; without a path there is nothing to staple, and nothing wrong.
    init(_ path: String?, _ read: CertificateFiles.Read) {
        guard let path else {
            (bytes, reason) = (nil, nil)
            return
        }
        do throws(CertificateFiles.Unreadable) {
            (bytes, reason) = (try read(path), nil)
        } catch {
            (bytes, reason) = (nil, "cannot be read: \(error.reason)")
        }
    }

    /// Differs with what the file holds, and with whether it can be read.
    var digest: Int { bytes?.hashValue ?? reason?.hashValue ?? 0 }

    /// Until when it holds, or why it is not stapled; neither without a file.
    func attach(to pair: TLSCertificate, _ realtime: Int64) -> (ends: Int64?, fault: String?) {
        guard let bytes else { return (nil, reason) }
        do throws(TLSStapleProblem) {
            return (try pair.staple(bytes, now: realtime / 1_000_000_000), nil)
        } catch {
            return (nil, error.reason)
        }
    }
}

/// Ticket keys as read from their file.
struct LoadedTickets: Sendable {
    let keys: TLSTickets
    let digest: Int
    /// When they were put in force, in nanoseconds since 1970.
    let loadedAt: Int64
}

/// Ticket keys that nodes share by a file.
extension CertificateFiles {
    /// Reads and judges a file of keys; no bytes unless they can be used.
    static func readTickets(
        _ path: String,
        _ read: Read
    ) -> ([UInt8]?, OutsideChecks.TicketKeysFinding) {
        do throws(Unreadable) {
            let bytes = try read(path)
            if let reason = TLSTickets.fault(in: bytes) { return (nil, .unusable(reason: reason)) }
            return (bytes, .usable(isOpen: File.isOpenToAll(path)))
        } catch {
            return (nil, .unreadable(reason: error.reason))
        }
    }

    /// Puts the keys of a file in force, for every connection at once; true when they are new.
    ///
    /// Bad ones leave the former ones there. Known keys are replaced in place, because tickets of
    /// the former ones must stay good only as long as the file says so.
    mutating func loadTickets(_ path: String, realtime: Int64, _ read: Read) -> Bool {
        let (bytes, finding) = CertificateFiles.readTickets(path, read)
        ticketFindings[path] = finding
        guard let bytes, bytes.hashValue != tickets[path]?.digest else { return false }
        let keys: TLSTickets
        if let known = tickets[path]?.keys {
            guard known.adopt(bytes) else { return false }
            keys = known
        } else {
            guard let fresh = TLSTickets(keys: bytes) else { return false }
            keys = fresh
        }
        tickets[path] = LoadedTickets(keys: keys, digest: bytes.hashValue, loadedAt: realtime)
        return true
    }
}

extension OutsideChecks.TicketKeysFinding {
    /// What is wrong in one line; nil when nothing is.
    func fault(_ path: String) -> (code: DiagnosticCode, text: String)? {
        switch self {
        case .usable: nil
        case .unreadable(let reason): (.unreadableFile, "'\(path)' cannot be read: \(reason)")
        case .unusable(let reason): (.badTicketKeys, "'\(path)' \(reason)")
        }
    }
}
