// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What was found out about a token.
enum TokenVerdict: Equatable, Sendable {
    /// It may come in, until this second since 1970; nil when it says no end.
    case valid(until: Int64?)
    /// It is none that counts here.
    case invalid(TokenFault)
    /// It counts, and does not allow this.
    case lacking
}

/// Why a token does not count, as RFC 6750 §3 lets the client be told.
enum TokenFault: UInt8, Error, BitwiseCopyable, Sendable, CaseIterable {
    case malformed, algorithm, key, signature, expired, early, issuer, audience, endless, tooLong

    var text: StaticString {
        switch self {
        case .malformed: "the token is malformed"
        case .algorithm: "the algorithm is not allowed"
        case .key: "the key is not known"
        case .signature: "the signature is wrong"
        case .expired: "the token has expired"
        case .early: "the token is not valid yet"
        case .issuer: "the issuer is another one"
        case .audience: "the audience is another one"
        case .endless: "the token never expires"
        case .tooLong: "the token is too long"
        }
    }
}

/// Judges tokens: JWS in compact form (RFC 7515 §7.1) with the claims of RFC 7519.
///
/// The algorithm is one of three that verify with public keys, and each key serves one of them;
/// keys and addresses inside of a token are never looked at (RFC 8725).
struct TokenMachine {
    let plan: TokenPlan
    let keys: TokenKeys

    private static let headLimits = JSONLimits(bytes: 4096, depth: 4, values: 64)
    private static let claimLimits = JSONLimits(bytes: 16_384, depth: 8, values: 1024)

    /// The verdict at a second since 1970.
    func judge(_ token: Span<UInt8>, now: Int64) -> TokenVerdict {
        do throws(TokenFault) {
            let claims = try claims(token)
            return try judge(claims, now)
        } catch {
            return .invalid(error)
        }
    }

    /// The claims of a token whose signature is right.
    private func claims(_ token: Span<UInt8>) throws(TokenFault) -> JSONValue {
        guard token.count <= plan.tokenLimit else { throw .tooLong }
        guard let parts = TokenParts(token) else { throw .malformed }
        let head = try document(token.slice(parts.head), TokenMachine.headLimits)
        // RFC 7515 §4.1.11: what must be understood and is not makes a token invalid.
        guard head["crit"] == nil, let name = head["alg"]?.string else { throw .malformed }
        guard let algorithm = SignatureKey.Algorithm(rawValue: name),
            plan.algorithms.contains(name)
        else { throw .algorithm }
        if let kid = head["kid"], kid.string == nil { throw .malformed }
        let candidates = keys.candidates(algorithm, name: head["kid"]?.string)
        guard !candidates.isEmpty else { throw .key }
        guard let signature = Base64.bytes(token.slice(parts.signature), .url) else {
            throw .malformed
        }
        let text = token.extracting(0..<parts.claims.end)
        guard candidates.contains(where: { $0.verifies(text, signature: signature) }) else {
            throw .signature
        }
        return try document(token.slice(parts.claims), TokenMachine.claimLimits)
    }

    private func document(
        _ text: Span<UInt8>,
        _ limits: JSONLimits
    ) throws(TokenFault) -> JSONValue {
        guard let bytes = Base64.bytes(text, .url),
            let document = try? JSONReader.read(bytes, limits: limits),
            document.members != nil
        else { throw .malformed }
        return document
    }

    func judge(_ claims: JSONValue, _ now: Int64) throws(TokenFault) -> TokenVerdict {
        let leeway = Int64(plan.leeway.seconds)
        var until: Int64?
        if let exp = claims["exp"] {
            guard let end = TokenMachine.second(exp) else { throw .malformed }
            guard now < end &+ leeway else { throw .expired }
            until = end &+ leeway
        } else if plan.needsEnd {
            throw .endless
        }
        if let nbf = claims["nbf"] {
            guard let start = TokenMachine.second(nbf) else { throw .malformed }
            guard now >= start &- leeway else { throw .early }
        }
        if let issuer = plan.issuer, !TokenMachine.same(claims["iss"]?.string, issuer) {
            throw .issuer
        }
        if !plan.audience.isEmpty {
            let named = claims["aud"].map { $0.elements ?? [$0] } ?? []
            let isMeant = named.contains { name in
                plan.audience.contains { TokenMachine.same(name.string, $0) }
            }
            guard isMeant else { throw .audience }
        }
        let isAllowed = plan.required.allSatisfy { TokenMachine.holds(claims, $0.claim, $0.value) }
        return isAllowed ? .valid(until: until) : .lacking
    }

    /// A NumericDate (RFC 7519 §2) that is one within the next ten thousand years.
    private static func second(_ value: JSONValue) -> Int64? {
        guard let number = value.number, number > -1e12, number < 1e12 else { return nil }
        return Int64(number)
    }

    /// True for the value itself, for a list that has it, and for `scope`, whose text is a list of
    /// words (RFC 8693 §4.2).
    static func holds(_ claims: JSONValue, _ name: String, _ wanted: String) -> Bool {
        switch claims[name] {
        case .string(let text)?:
            same(text, wanted)
                || same(name, "scope") && text.split(separator: " ").contains { same($0, wanted) }
        case .integer(let number)?: "\(number)" == wanted
        case .bool(let isTrue)?: "\(isTrue)" == wanted
        case .array(let list)?: list.contains { same($0.string, wanted) }
        default: false
        }
    }

    // RFC 7515 §5.3: code point by code point. `==` takes U+212A for a K.
    private static func same(_ text: (some StringProtocol)?, _ wanted: String) -> Bool {
        text.map { $0.utf8.elementsEqual(wanted.utf8) } ?? false
    }
}

/// Where the three parts of a token lie.
struct TokenParts {
    var head: ByteRange
    var claims: ByteRange
    var signature: ByteRange

    /// Nil unless there are three parts, none of them empty.
    init?(_ token: Span<UInt8>) {
        var dots = InlineArray<2, Int>(repeating: -1)
        var count = 0
        for index in token.indices where token[index] == UInt8(ascii: ".") {
            guard count < 2 else { return nil }
            dots[count] = index
            count &+= 1
        }
        guard count == 2 else { return nil }
        head = ByteRange(from: 0, to: dots[0])
        claims = ByteRange(from: dots[0] &+ 1, to: dots[1])
        signature = ByteRange(from: dots[1] &+ 1, to: token.count)
        guard !head.isEmpty, !claims.isEmpty, !signature.isEmpty else { return nil }
    }
}
