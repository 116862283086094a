// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// A record of the type LUA, which stands for the addresses of its name, or for its CNAME.
///
/// It is kept as PowerDNS has it on the wire: two octets of the type that it answers for, then its
/// text in character strings. A TTL of its own, where it has another one than its set, follows
/// behind an empty one, as a comment of Lua.
struct DynamicRecord: Sendable, Equatable {
    /// LUA, a type for private use (RFC 6895 §3.1) whose number PowerDNS has chosen.
    static let type = RecordType.LUA

    /// A, AAAA or CNAME.
    var answers: RecordType
    /// The text between the quotes, as it came.
    var script: String
    var rules: DynamicRules

    /// Reads what the API has of a record: `A "..."`.
    init(content: String) throws(DynamicFault) {
        let parts = content.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
            throw DynamicFault("the content is no type with a text in quotes")
        }
        let text = parts[1].drop { $0 == " " }
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else {
            throw DynamicFault("the script is not in quotes")
        }
        try self.init(parts[0].uppercased(), String(text.dropFirst().dropLast()))
    }

    /// Reads what is kept of one.
    init(data: [UInt8]) throws(DynamicFault) {
        let parts = try DynamicRecord.parts(data)
        guard let type = DynamicRecord.answers(data),
            let script = String(validating: parts.text, as: UTF8.self)
        else { throw DynamicFault("the record holds no text") }
        try self.init("\(type)", script)
    }

    /// The type that a record answers for, by what is kept of it.
    static func answers(_ data: [UInt8]) -> RecordType? {
        data.count > 2 ? RecordType(UInt16(data[0]) << 8 | UInt16(data[1])) : nil
    }

    /// The TTL that a record has of its own, by what is kept of it; nil for that of its set.
    static func ttl(_ data: [UInt8]) -> UInt32? {
        guard let parts = try? parts(data), parts.ownTTL.starts(with: ttlSign.utf8) else {
            return nil
        }
        return UInt32(String(decoding: parts.ownTTL.dropFirst(ttlSign.utf8.count), as: UTF8.self))
    }

    private static let ttlSign = "\n-- ttl "

    private static func parts(
        _ data: [UInt8]
    ) throws(DynamicFault) -> (text: [UInt8], ownTTL: [UInt8]) {
        var parts: (text: [UInt8], ownTTL: [UInt8]) = ([], [])
        var isBehind = false
        var position = 2
        while position < data.count {
            let end = position + 1 + Int(data[position])
            guard end <= data.count else { throw DynamicFault("the record is cut off") }
            if data[position] == 0 { isBehind = true }
            if isBehind {
                parts.ownTTL += data[position + 1..<end]
            } else {
                parts.text += data[position + 1..<end]
            }
            position = end
        }
        return parts
    }

    private init(_ word: String, _ script: String) throws(DynamicFault) {
        guard let type = DynamicRecord.kinds.first(where: { "\($0)" == word }) else {
            throw DynamicFault(
                "records of type \(word) are not steered here, only A, AAAA and CNAME",
                "write a set of type \(word) with its records as they are"
            )
        }
        answers = type
        self.script = script
        if let found = try DynamicMarker.rules(script, answers: answers) {
            rules = found
        } else {
            rules = try DynamicScript.rules(script, answers: answers)
        }
        _ = try rules.policy(probe: nil)
        // With room for a TTL.
        guard data.count <= 65_500 else { throw DynamicFault("the script is too long") }
    }

    /// The types that a record may answer for.
    static let kinds: [RecordType] = [.A, .AAAA, .CNAME]

    /// What is kept of it, with a TTL of its own.
    func data(ttl: UInt32) -> [UInt8] {
        let text = Array("\(DynamicRecord.ttlSign)\(ttl)".utf8)
        return data + [0, UInt8(clamping: text.count)] + text
    }

    /// What is kept of it.
    var data: [UInt8] {
        var data = [UInt8(answers.rawValue >> 8), UInt8(answers.rawValue & 255)]
        let text = Array(script.utf8)
        for start in stride(from: 0, to: text.count, by: 255) {
            let end = min(start + 255, text.count)
            data.append(UInt8(end - start))
            data += text[start..<end]
        }
        return data
    }

    /// What the API shows.
    var content: String { "\(answers) \"\(script)\"" }

    /// What the policy is called that chooses the set of a name and a type: no name in a
    /// configuration has a colon.
    static func policyName(_ owner: DomainName, _ answers: RecordType) -> String {
        answers == .A ? "dynamic:\(owner.lowercased)" : "dynamic:\(owner.lowercased):\(answers)"
    }

    /// True for the name of such a policy.
    static func isPolicy(_ name: String) -> Bool { name.hasPrefix("dynamic:") }
}
