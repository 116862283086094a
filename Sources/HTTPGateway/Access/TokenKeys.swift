// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// The public keys whose owners may issue tokens: a file in PEM, or a JWK set (RFC 7517).
public final class TokenKeys: Sendable, Equatable {
    /// Why a text holds no keys that can be used.
    public struct Fault: Error, Equatable, Sendable {
        /// What is wrong.
        public let message: String
    }

    struct Entry: Sendable {
        /// What tokens call it; nil when it has no name.
        var name: String?
        var key: SignatureKey
    }

    /// The most keys of a file.
    public static let keyLimit = 100
    /// Keys that are tried for a token which names none: each costs a verification.
    static let tryLimit = 8

    /// Another number for each content.
    let identity: UInt64
    let entries: [Entry]

    /// Reads either form; keys of a set that are for encryption, or of other kinds, are left out.
    public init(_ text: [UInt8]) throws(Fault) {
        identity = Hash.bytes(text.span, seed: 0x6b65_7973)
        let first = text.first { $0 > 0x20 }
        entries = try first == UInt8(ascii: "{") ? TokenKeys.set(text) : TokenKeys.blocks(text)
        // `{"keys": []}` is a statement: nobody's tokens are good any more.
        guard !entries.isEmpty || TokenKeys.isEmptySet(text) else {
            throw Fault(message: "has no public key of RSA, P-256 or Ed25519")
        }
        guard entries.count <= TokenKeys.keyLimit else {
            throw Fault(message: "has more than \(TokenKeys.keyLimit) keys")
        }
        for algorithm in SignatureKey.Algorithm.allCases {
            let nameless = entries.count { $0.name == nil && $0.key.algorithm == algorithm }
            guard nameless <= TokenKeys.tryLimit else {
                throw Fault(
                    message: "has more than \(TokenKeys.tryLimit) keys for \(algorithm.rawValue) "
                        + "without `kid`: each would be tried for each token"
                )
            }
        }
    }

    /// Number of keys.
    public var count: Int { entries.count }

    /// The same content.
    public static func == (a: TokenKeys, b: TokenKeys) -> Bool { a.identity == b.identity }

    /// The keys that may have signed a token; none when it names one that is not there.
    func candidates(_ algorithm: SignatureKey.Algorithm, name: String?) -> [SignatureKey] {
        let fitting = entries.filter { $0.key.algorithm == algorithm }
        // A key that is named is the one; else all without a name may be.
        let named = fitting.filter { key in
            name.map { key.name?.utf8.elementsEqual($0.utf8) ?? false } ?? false
        }
        let chosen = named.isEmpty ? fitting.filter { $0.name == nil || name == nil } : named
        return chosen.count <= TokenKeys.tryLimit ? chosen.map(\.key) : []
    }

    // MARK: PEM

    private static func blocks(_ text: [UInt8]) throws(Fault) -> [Entry] {
        var entries: [Entry] = []
        let lines = text.split(separator: 0x0a, omittingEmptySubsequences: false)
        var block: [UInt8]?
        for line in lines {
            let isBegin = line.starts(with: "-----BEGIN ".utf8)
            if isBegin { block = [] }
            block?.append(contentsOf: line)
            block?.append(0x0a)
            guard line.starts(with: "-----END ".utf8), let pem = block else { continue }
            block = nil
            entries.append(Entry(name: nil, key: try key(pem, entries.count + 1)))
            guard entries.count <= keyLimit else { break }
        }
        return entries
    }

    private static func key(_ pem: [UInt8], _ number: Int) throws(Fault) -> SignatureKey {
        let isPublic = pem.starts(with: "-----BEGIN PUBLIC KEY-----".utf8)
        let isCertificate = pem.starts(with: "-----BEGIN CERTIFICATE-----".utf8)
        guard isPublic || isCertificate else {
            throw Fault(
                message: "has a block, the \(number). one, that is neither `PUBLIC KEY` nor "
                    + "`CERTIFICATE`; private keys do not belong here"
            )
        }
        guard let key = SignatureKey(pem: pem, isCertificate: isCertificate) else {
            throw Fault(
                message: "has a key, the \(number). one, that is damaged, or none of RSA from 2048 "
                    + "bits on, P-256 and Ed25519"
            )
        }
        return key
    }

    // MARK: JWK sets

    private static func isEmptySet(_ text: [UInt8]) -> Bool {
        (try? JSONReader.read(text))?["keys"]?.elements?.isEmpty ?? false
    }

    private static func set(_ text: [UInt8]) throws(Fault) -> [Entry] {
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONReader.read(text)
        } catch {
            throw Fault(message: "is no JWK set: \(error)")
        }
        guard let keys = document["keys"]?.elements else {
            throw Fault(message: "is no JWK set: it has no list `keys`")
        }
        var entries: [Entry] = []
        var names: Set<String> = []
        for (place, json) in keys.prefix(keyLimit + 1).enumerated() {
            if json["d"] != nil || json["k"] != nil {
                throw Fault(message: "has a secret, in key \(place + 1): it does not belong here")
            }
            // RFC 7517 §4.2, §4.3, §5: what is for other uses, or not understood, is passed over.
            let isForSigning = json["use"].map { $0.string == "sig" } ?? true
            let verifies =
                json["key_ops"].map { list in
                    list.elements?.contains { $0.string == "verify" } ?? false
                } ?? true
            guard isForSigning, verifies, let der = JWK.publicKeyInfo(json),
                let key = SignatureKey(der: der)
            else { continue }
            if let said = json["alg"]?.string, said != key.algorithm.rawValue { continue }
            let name = json["kid"]?.string
            if let name, !names.insert(name).inserted {
                throw Fault(message: "has two keys with the `kid` `\(name)`")
            }
            entries.append(Entry(name: name, key: key))
        }
        return entries
    }
}

/// From a JWK (RFC 7517, RFC 8037) to the form that OpenSSL reads.
enum JWK {
    /// SubjectPublicKeyInfo in DER; nil for other kinds of keys, and for what is malformed.
    static func publicKeyInfo(_ json: JSONValue) -> [UInt8]? {
        func number(_ name: String) -> [UInt8]? {
            json[name]?.string.flatMap { Base64.bytes(Array($0.utf8).span, .url) }
        }
        switch (json["kty"]?.string, json["crv"]?.string) {
        case ("RSA", nil):
            guard let modulus = number("n"), let exponent = number("e"), !modulus.isEmpty,
                !exponent.isEmpty, modulus.count <= 1025, exponent.count <= 8
            else { return nil }
            let key = sequence(integer(modulus) + integer(exponent))
            return info(oid: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], [5, 0], key)
        case ("EC", "P-256"?):
            guard let x = number("x"), let y = number("y"), x.count == 32, y.count == 32 else {
                return nil
            }
            let curve: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
            let key: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]
            return info(oid: key, tagged(6, curve), [4] + x + y)
        case ("OKP", "Ed25519"?):
            guard let x = number("x"), x.count == 32 else { return nil }
            return info(oid: [0x2b, 0x65, 0x70], [], x)
        default: return nil
        }
    }

    private static func info(oid: [UInt8], _ parameters: [UInt8], _ key: [UInt8]) -> [UInt8] {
        sequence(sequence(tagged(6, oid) + parameters) + tagged(3, [0] + key))
    }

    private static func sequence(_ content: [UInt8]) -> [UInt8] { tagged(0x30, content) }

    private static func integer(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array(bytes.drop { $0 == 0 })
        guard let first = digits.first else { return tagged(2, [0]) }
        return tagged(2, first < 0x80 ? digits : [0] + digits)
    }

    // X.690 §8.1.3: a length below 128 stands alone, others follow the number of their octets.
    private static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let low = UInt8(truncatingIfNeeded: count)
        if count < 128 { return [tag, low] + content }
        if count < 256 { return [tag, 0x81, low] + content }
        return [tag, 0x82, UInt8(truncatingIfNeeded: count >> 8), low] + content
    }
}
