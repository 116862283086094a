// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// How an answer to a probe says what part the endpoint has in its pool.
public enum RoleRule: Sendable, Equatable {
    /// Answers with one of these statuses are those of a leader.
    case status([ClosedRange<UInt16>])
    /// The value at this path of a JSON body is one of these, in small letters.
    case field(path: [String], leader: Set<String>)

    /// What an answer says; unknown when the field is not there.
    func role(status: UInt16, body: Span<UInt8>) -> EndpointRole {
        switch self {
        case .status(let ranges):
            return ranges.contains { $0.contains(status) } ? .leader : .replica
        case .field(let path, let leader):
            guard let word = RoleRule.word(path, in: body) else { return .unknown }
            return leader.contains(word.lowercased()) ? .leader : .replica
        }
    }

    var readsBody: Bool {
        if case .field = self { return true }
        return false
    }

    private static func word(_ path: [String], in body: Span<UInt8>) -> String? {
        let limits = JSONLimits(bytes: 1 << 20, depth: 16, values: 4_096)
        guard var value = try? JSONReader.read(body, limits: limits) else { return nil }
        for name in path {
            guard let next = value[name] else { return nil }
            value = next
        }
        switch value {
        case .string(let text): return text
        case .bool(let truth): return "\(truth)"
        case .integer(let number): return "\(number)"
        default: return nil
        }
    }
}
