// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime
internal import Steering

/// The secrets that cookies are made with: those of sticky sessions, and those of DNS.
struct SessionKeys: Sendable {
    /// A shorter secret could be guessed.
    static let leastBytes = 16
    /// Bytes of a secret made here.
    static let ownBytes = 32

    /// The node's own, for pools without a file.
    var own: [UInt8] = []
    /// What files held when they could last be read.
    private var files: [String: [UInt8]] = [:]
    /// Why the others cannot be used.
    private var faults: [String: String] = [:]
    /// Those of DNS.
    private(set) var dns = DNSCookieKeys()
    /// Those by which messages of DNS are signed.
    private(set) var transactions = TransactionKeyFiles()

    init(own: [UInt8] = []) {
        self.own = own
        dns.own = DNSCookieKeys.own(from: own)
    }

    /// Reads the files of a configuration; one that cannot be read any more leaves its secret in
    /// force, and those of no pool are forgotten.
    mutating func load(_ settings: Settings, _ read: CertificateFiles.Read) {
        dns.load(settings.dns.cookies, read)
        transactions.load(settings.tsigKeys, read)
        let wanted = Set(settings.sessionKeyFiles)
        files = files.filter { wanted.contains($0.key) }
        faults = [:]
        for path in wanted {
            do throws(CertificateFiles.Unreadable) {
                var bytes = try read(path)
                // So that an editor, or `openssl rand -hex 32`, may end the line.
                while let last = bytes.last, last == 0x0a || last == 0x0d { bytes.removeLast() }
                if bytes.count >= SessionKeys.leastBytes {
                    files[path] = bytes
                } else {
                    faults[path] = "holds fewer than 16 bytes"
                }
            } catch {
                faults[path] = "cannot be read: \(error.reason)"
            }
        }
    }

    /// What is wrong with files whose former secret is in force.
    var survivedFaults: [String] {
        faults.filter { files[$0.key] != nil }.sorted { $0.key < $1.key }.map {
            "the secret of cookies '\($0.key)' \($0.value): the one that was read last is in force"
        } + dns.survivedFaults + transactions.survivedFaults
    }

    /// The secret of a pool.
    func key(_ pool: PoolSettings) throws(ReloadProblem) -> [UInt8] {
        guard let path = pool.sticky?.key else { return own }
        guard let bytes = files[path] else {
            throw .start(
                "M3123",
                "the pool '\(pool.name)' cannot make its cookie: '\(path)' "
                    + (faults[path] ?? "was not read"),
                "fill it by `openssl rand -hex 32`"
            )
        }
        return bytes
    }

    /// The secret of the state folder, made when there is none.
    static func own(_ store: StateStore, notes: inout [String]) -> [UInt8] {
        if let known = store.readBytes(.sessionKey), known.count >= leastBytes { return known }
        var bytes: [UInt8] = []
        while bytes.count < ownBytes {
            var word = ProcessControl.randomSeed()
            for _ in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        do throws(SystemError) {
            try store.writeNow(.sessionKey, bytes)
        } catch {
            notes.append("sticky sessions end at the next restart: their key is not kept: \(error)")
        }
        return bytes
    }

    /// What names an endpoint in cookies: the same wherever pool, address and secret are.
    static func session(pool: String, _ address: SocketAddress, key: [UInt8]) -> UInt64 {
        let digest = KeyedDigest.sha256(Array("\(pool)\n\(address)".utf8), key: key)
        let session = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        return session == 0 ? 1 : session
    }
}

extension Settings {
    /// The files with secrets of sticky cookies, each once.
    var sessionKeyFiles: [String] {
        var seen: Set<String> = []
        return pools.compactMap { $0.sticky?.key }.filter { seen.insert($0).inserted }
    }
}
