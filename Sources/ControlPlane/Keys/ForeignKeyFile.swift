// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import Runtime

/// A private key as other servers keep it: a pair of BIND's files, which Knot's `keymgr` and
/// `ldns-keygen` write as well, or PEM.
enum ForeignKeyFile {
    /// What a file was found to hold.
    struct Found: Sendable {
        var key: SigningKey
        /// The flags of its DNSKEY; nil when nothing says them.
        var flags: UInt16?
        /// The zone that it is a key of, as names are in settings; nil when nothing says it.
        var owner: String?
    }

    /// Why a file is no use.
    struct Refusal: Error, Equatable, Sendable {
        var text: String
    }

    /// Reads `Private-key-format: v1.x` or PEM.
    ///
    /// `record` is what lies beside it as `.key`: the zone file line of its DNSKEY.
    static func read(_ bytes: [UInt8], record: [UInt8]?) throws(Refusal) -> Found {
        let text = String(decoding: bytes, as: UTF8.self)
        let found: SigningKey?
        if text.hasPrefix("Private-key-format:") {
            found = try bind(text)
        } else {
            found = SigningKey(pem: bytes)
        }
        guard let key = found else {
            throw Refusal(text: "holds no private key of ECDSA P-256 or Ed25519")
        }
        guard let record else {
            return Found(key: key, flags: nil, owner: KeyStore.owner(of: bytes))
        }
        let (flags, owner) = try flags(String(decoding: record, as: UTF8.self), key)
        return Found(key: key, flags: flags, owner: owner)
    }

    private static func bind(_ text: String) throws(Refusal) -> SigningKey? {
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[String(parts[0])] = parts[1].split(separator: " ").first.map(String.init) ?? ""
        }
        if let engine = fields["Engine"] {
            throw Refusal(text: "is kept by the engine \(engine), which Martlet cannot ask")
        }
        guard let number = fields["Algorithm"].flatMap({ UInt8($0) }) else {
            throw Refusal(text: "names no algorithm")
        }
        guard let algorithm = SigningAlgorithm(rawValue: number) else {
            throw Refusal(text: "is of algorithm \(number): only 13 and 15 are signed with")
        }
        guard let secret = fields["PrivateKey"].map({ Array($0.utf8) }),
            let octets = Base64.bytes(secret.span, .standard), octets.count == 32
        else { throw Refusal(text: "has no private key of 32 octets") }
        return SigningKey(algorithm, secret: octets)
    }

    /// The flags and the owner of the record, whose public key must be the key's.
    private static func flags(
        _ text: String,
        _ key: SigningKey
    ) throws(Refusal) -> (UInt16, String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != ";" }.split(whereSeparator: \.isWhitespace)
            guard let place = words.firstIndex(where: { $0 == "DNSKEY" }),
                words.count > place + 4, let flags = UInt16(words[place + 1])
            else { continue }
            let encoded = Array(words[(place + 4)...].joined().utf8)
            guard Base64.bytes(encoded.span, .standard) == key.publicKey else {
                throw Refusal(text: "does not belong to the DNSKEY record beside it")
            }
            guard flags == 256 || flags == 257 else {
                throw Refusal(text: "has the flags \(flags): only 256 and 257 are used")
            }
            return (flags, KeyKeeper.name(String(words[0])))
        }
        throw Refusal(text: "has no DNSKEY record beside it")
    }
}
