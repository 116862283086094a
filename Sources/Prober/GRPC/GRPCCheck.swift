// SPDX-License-Identifier: Apache-2.0
public import HTTPProtocol
public import Steering

/// One call of `grpc.health.v1.Health/Check`, from what comes on its stream to an outcome: pure.
///
/// The message of the answer has one field, `status`, an enumeration of which only SERVING (1)
/// passes. Unknown fields are skipped, as protobuf demands; what cannot be read fails.
public struct GRPCCheck: Sendable {
    /// What came on the stream.
    public enum Event: Sendable, Equatable {
        /// A final response head: its status, and the gRPC status where the answer is all head.
        case head(status: UInt16, code: Int?)
        /// Content.
        case content([UInt8])
        /// The trailers, with the gRPC status if they had one.
        case trailers(code: Int?)
        /// The stream ended without trailers.
        case finished
        /// The endpoint reset the stream or will not serve it.
        case reset(HTTP2ErrorCode)
        /// What came is not HTTP/2.
        case malformed
    }

    /// Bytes of an answer that are read; the message of interest has two.
    static let messageLimit = 4_096
    /// The path of the call.
    static let path: StaticString = "/grpc.health.v1.Health/Check"

    /// The HTTP status of the answer; 0 before one.
    public private(set) var status: UInt16 = 0
    private var code: Int?
    private var message: [UInt8] = []

    /// A call that has not been answered.
    public init() {}

    /// The message that asks about a service, with the five octets in front that gRPC has.
    ///
    /// HealthCheckRequest: field 1, `service`, a string; left out when it is empty.
    public static func request(service: String) -> [UInt8] {
        let name = Array(service.utf8.prefix(65_535))
        var body: [UInt8] = []
        if !name.isEmpty {
            body.append(0x0a)
            var length = name.count
            while length > 0x7f {
                body.append(UInt8(truncatingIfNeeded: length) | 0x80)
                length >>= 7
            }
            body.append(UInt8(truncatingIfNeeded: length))
            body += name
        }
        let size = UInt32(body.count)
        let prefix = (0..<4).map { UInt8(truncatingIfNeeded: size >> UInt32(24 - $0 * 8)) }
        return [0] + prefix + body
    }

    /// Takes an event; the outcome once there is one.
    public mutating func take(_ event: Event) -> ProbeOutcome? {
        switch event {
        case .head(let status, let code):
            self.status = status
            self.code = code
            guard status == 200 else {
                let reason = HealthReason.status(Int(status))
                return .failure(reason, detail: "status \(status)")
            }
            return nil
        case .content(let bytes):
            message += bytes
            guard message.count <= GRPCCheck.messageLimit else { return malformed("a long answer") }
            return nil
        case .trailers(let code): return judge(code ?? self.code)
        case .finished: return judge(code)
        case .reset(let code):
            return .failure(.connectionReset, detail: "stream reset, code \(code.rawValue)")
        case .malformed: return malformed("not HTTP/2")
        }
    }

    private func malformed(_ detail: String) -> ProbeOutcome {
        .failure(.malformedResponse, detail: detail)
    }

    private func judge(_ code: Int?) -> ProbeOutcome {
        guard let code else { return malformed("no grpc-status") }
        guard code == 0 else { return .failure(.grpcStatus, detail: "grpc-status \(code)") }
        guard let serving = GRPCCheck.serving(message) else { return malformed("no message") }
        switch serving {
        case 1: return .success
        case 0: return .failure(.notServing, detail: "UNKNOWN")
        case 2: return .failure(.notServing, detail: "NOT_SERVING")
        case 3: return .failure(.notServing, detail: "SERVICE_UNKNOWN")
        default: return .failure(.notServing, detail: "\(serving)")
        }
    }

    /// The status in a HealthCheckResponse behind its prefix; nil when it cannot be read.
    static func serving(_ message: [UInt8]) -> UInt64? {
        // Compressed messages are not asked for.
        guard message.count >= 5, message[0] == 0 else { return nil }
        let size = message[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard size == message.count - 5 else { return nil }
        var serving: UInt64 = 0
        var rest = message.dropFirst(5)
        while !rest.isEmpty {
            guard let tag = varint(&rest) else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = varint(&rest) else { return nil }
                if tag >> 3 == 1 { serving = value }
            case 1: guard skip(8, &rest) else { return nil }
            case 2:
                guard let count = varint(&rest), skip(count, &rest) else { return nil }
            case 5: guard skip(4, &rest) else { return nil }
            default: return nil
            }
        }
        return serving
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for place in 0..<10 {
            guard let octet = bytes.popFirst() else { return nil }
            value |= UInt64(octet & 0x7f) << UInt64(place * 7)
            if octet & 0x80 == 0 { return value }
        }
        return nil
    }

    private static func skip(_ count: UInt64, _ bytes: inout ArraySlice<UInt8>) -> Bool {
        guard count <= UInt64(bytes.count) else { return false }
        bytes = bytes.dropFirst(Int(count))
        return true
    }
}
