// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol Steering Runtime EdgeCache HTTPGateway
// dictionary: tokens.dict
import Essentials
import HTTPProtocol
import Runtime

@testable import HTTPGateway

/// Nobody comes in but by a token that a key's owner has signed; claims say the same to both of
/// their readers; and a file of keys is refused or gives keys within its bounds.
///
/// The first octet tells what the rest is: a token, claims, a file of keys, or a request.
func examine(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    switch first % 4 {
    case 0: examineToken(rest)
    case 1: examineClaims(rest)
    case 2: examineKeys(rest)
    default: examineCredentials(rest)
    }
}

/// Between the beginning and the end of the good tokens.
private let now: Int64 = 1_900_000_000

private let keys: TokenKeys? = try? TokenKeys(
    Array(
        #"""
        {"keys":[{"kty":"EC","crv":"P-256","kid":"e1","x":"gcSFRrrB6rhD3wzoNCd3O2OmxdjURMu9kY1moSf\#
        JFjw","y":"8agI5jFZD3ZbYTzFTpV1lEO45XTD6lg49Vp_fh_ztCQ"},{"kty":"OKP","crv":"Ed25519","kid\#
        ":"d1","x":"pdSuwAzKCbD5Xj29_elxrXLF-syo57xJF1PpqhKnMLc"}]}
        """#.utf8
    )
)

private let plan: TokenPlan = {
    var plan = TokenPlan(keys: keys, realm: "fuzz")
    plan.needsEnd = false
    plan.required = [TokenPlan.Claim(claim: "scope", value: "read")]
    return plan
}()

private let machine = keys.map { TokenMachine(plan: plan, keys: $0) }

/// The two tokens that were signed; the private halves of their keys are not kept.
private let signed: [[UInt8]] = [
    """
    eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt\
    cGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAw\
    MDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3Rh\
    ZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.Fixbzar9SM-R-V-Jv4kImMC2Jrc8Hk26gLNsySPGb\
    L_66KBJp70BeiaoXbBD7PndlGHsHs01PfMaCBdjzpWGSA
    """,
    """
    eyJhbGciOiJFZERTQSIsImtpZCI6ImQxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt\
    cGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAw\
    MDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3Rh\
    ZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ._gyRMdRTNQsxdCHlDgQUjss5PBXKKWqvHAp4sq7AW\
    dBpogyowPcY-dgKoI7HSFAT-7aG4zPMAUm5AbtBtitYDQ
    """,
].map { Array($0.utf8) }

private func examineToken(_ token: [UInt8]) {
    guard let machine else { return promise(false, "the keys are keys") }
    let isSigned = signed.contains(token)
    switch machine.judge(token.span, now: now) {
    case .valid(let until):
        promise(isSigned, "nothing comes in that was not signed")
        promise(until == 2_000_000_030, "a token counts to its end")
    case .lacking: promise(false, "what was signed says enough")
    case .invalid(let fault):
        promise(!isSigned, "what was signed comes in")
        promise(!fault.text.description.isEmpty, "a fault has words")
    }
    promise(machine.judge(token.span, now: 2_000_000_030) != .valid(until: nil), "an end is an end")
    guard let parts = TokenParts(token.span) else { return }
    promise(parts.signature.end == token.count, "the parts are the whole token")
    promise(Int(parts.claims.start) == parts.head.end + 1, "a dot is between the parts")
}

// MARK: Claims

private func examineClaims(_ text: [UInt8]) {
    let limits = JSONLimits(bytes: 16_384, depth: 8, values: 1024)
    guard let claims = try? JSONReader.read(text, limits: limits), let members = claims.members
    else {
        // Not what it is made for: it has to end, and stay inside.
        promise(ClaimReader.find([0x61].span, in: text.span).end <= text.count, "a range inside")
        return
    }
    judge(claims)
    for member in members {
        let name = Array(member.name.utf8)
        let range = ClaimReader.find(name.span, in: text.span)
        promise(range.end <= text.count, "a value lies inside the claims")
        let found = String(decoding: text[Int(range.start)..<range.end], as: UTF8.self)
        let wanted = plain(member.value)
        if !range.isEmpty { promise(says(found, member.value), "both readers say the same") }
        if range.isEmpty, let wanted, !text.contains(UInt8(ascii: "\\")), !wanted.isEmpty {
            promise(false, "a plain value is found")
        }
        for octet in found.utf8 { promise((0x20...0x7e).contains(octet), "a value can be a field") }
    }
}

private func judge(_ claims: JSONValue) {
    guard let machine else { return promise(false, "the keys are keys") }
    let seconds: [Int64] = [now, 0, .max / 4]
    for second in seconds {
        guard let verdict = try? machine.judge(claims, second) else { continue }
        let isEnough = TokenMachine.holds(claims, "scope", "read")
        promise((verdict == .lacking) == !isEnough, "what is required is asked for")
        guard case .valid(let until) = verdict else { continue }
        promise((until == nil) == (claims["exp"] == nil), "an end is kept")
        promise(until.map { second < $0 } ?? true, "what has ended does not count")
    }
}

/// The text of a value that may go into a field; nil for one of which that is not sure.
private func plain(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text):
        let isVisible = text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
        return isVisible && text.utf8.first != 0x20 && text.utf8.last != 0x20 ? text : nil
    case .integer(let number): return "\(number)"
    case .bool(let isTrue): return "\(isTrue)"
    default: return nil
    }
}

private func says(_ found: String, _ value: JSONValue) -> Bool {
    switch value {
    case .string(let text): found.utf8.elementsEqual(text.utf8)
    case .integer(let number): Int64(found) == number
    case .number(let number): Double(found) == number
    case .bool(let isTrue): found == "\(isTrue)"
    default: false
    }
}

// MARK: Keys and credentials

private func examineKeys(_ text: [UInt8]) {
    guard let keys = try? TokenKeys(text) else { return }
    promise(keys.count <= TokenKeys.keyLimit, "a file has so many keys at most")
    let again = try? TokenKeys(text)
    promise(again == keys && again?.count == keys.count, "a file says the same twice")
    for algorithm in SignatureKey.Algorithm.allCases {
        for name in keys.entries.map(\.name) + [nil, "none of them"] {
            let tried = keys.candidates(algorithm, name: name)
            promise(tried.count <= TokenKeys.tryLimit, "a token costs so many trials at most")
            promise(tried.allSatisfy { $0.algorithm == algorithm }, "a key serves one algorithm")
        }
    }
}

private func examineCredentials(_ bytes: [UInt8]) {
    var fields = FieldTable(limit: 100)
    var head = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    guard parser.parse(bytes.span, fields: &fields, head: &head) == .complete else { return }
    for (kind, scheme) in [(AccessRule.Kind.token, "bearer"), (.password, "basic")] {
        let range = Credentials.find(kind, in: fields, bytes.span)
        guard !range.isEmpty, let index = fields.first(.authorization) else { continue }
        let value = fields[index].value
        promise(range.end == value.end, "credentials go to the end of their field")
        let before = bytes[Int(value.start)..<Int(range.start)]
        let word = String(decoding: before, as: UTF8.self).lowercased()
        promise(word.hasPrefix(scheme + " "), "credentials stand behind their scheme")
        promise(word.dropFirst(scheme.count).allSatisfy { $0 == " " }, "and nothing between")
    }
}
