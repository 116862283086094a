// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

// Reading the answer of a name server: a datagram, or a message after its length.
extension ProbeExchange {
    /// The longest message that is read by TCP.
    static let messageLimit = 16_384

    mutating func readMessage(_ bytes: Span<UInt8>, at position: inout Int) -> Action {
        guard case .dns(let dns) = question, position < bytes.count else { return .wait }
        let rest = bytes.extracting(position..<bytes.count)
        guard dns.isStream else {
            position = bytes.count
            // RFC 5452 §4: what answers another question is no answer, whoever has sent it.
            guard let verdict = dns.judge(ProbeExchange.array(rest), number: number) else {
                return .wait
            }
            return finish(verdict)
        }
        guard rest.count >= 2 else { return .wait }
        let length = Int(rest[0]) << 8 | Int(rest[1])
        guard length <= ProbeExchange.messageLimit else {
            return finish(.failure(.malformedResponse, detail: "longer than 16 KiB"))
        }
        guard rest.count - 2 >= length else { return .wait }
        position = bytes.count
        let message = ProbeExchange.array(rest.extracting(2..<2 + length))
        let other = ProbeOutcome.failure(.malformedResponse, detail: "another question")
        return finish(dns.judge(message, number: number) ?? other)
    }

    private static func array(_ bytes: Span<UInt8>) -> [UInt8] {
        bytes.indices.map { bytes[$0] }
    }
}
