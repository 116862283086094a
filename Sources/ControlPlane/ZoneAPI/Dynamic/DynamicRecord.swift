// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// A record of the type LUA, which stands for the addresses of its name.
///
/// It is kept as PowerDNS has it on the wire: two octets of the type that it answers for, then its
/// text in character strings.
struct DynamicRecord: Sendable, Equatable {
    /// LUA, a type for private use (RFC 6895 §3.1) whose number PowerDNS has chosen.
    static let type = RecordType.LUA

    /// A or AAAA.
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
        var text: [UInt8] = []
        var position = 2
        while position < data.count {
            let end = position + 1 + Int(data[position])
            guard end <= data.count else { throw DynamicFault("the record is cut off") }
            text += data[position + 1..<end]
            position = end
        }
        guard data.count > 2, let script = String(validating: text, as: UTF8.self) else {
            throw DynamicFault("the record holds no text")
        }
        let type = RecordType(UInt16(data[0]) << 8 | UInt16(data[1]))
        try self.init("\(type)", script)
    }

    private init(_ word: String, _ script: String) throws(DynamicFault) {
        guard word == "A" || word == "AAAA" else {
            throw DynamicFault(
                "records of type \(word) are not steered here, only A and AAAA",
                "give the addresses of the targets as values of a dynamic A or AAAA; to have one "
                    + "target's addresses write `alias` in the configuration"
            )
        }
        answers = word == "A" ? .A : .AAAA
        self.script = script
        let isIPv6 = answers == .AAAA
        if let found = try DynamicMarker.rules(script, isIPv6: isIPv6) {
            rules = found
        } else {
            rules = try DynamicScript.rules(script, isIPv6: isIPv6)
        }
        _ = try rules.policy(probe: nil)
        guard data.count <= 65_535 else { throw DynamicFault("the script is too long") }
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

    /// What the policy is called that chooses the addresses of a name: no name in a configuration
    /// has a colon.
    static func policyName(_ owner: DomainName) -> String { "dynamic:\(owner.lowercased)" }

    /// True for the name of such a policy.
    static func isPolicy(_ name: String) -> Bool { name.hasPrefix("dynamic:") }
}
