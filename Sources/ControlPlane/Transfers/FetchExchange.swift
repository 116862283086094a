// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// One question to a primary and its answer, signed where there is a key.
struct FetchExchange: ~Copyable {
    private var connection: FetchConnection
    private var client: TransactionClient?
    private let isSigned: Bool
    /// True when nothing of the answer so far lacks a signature.
    private(set) var isSettled = true

    init(_ primary: FetchJob.Primary, _ deadline: Instant) throws(FetchFault) {
        connection = try FetchConnection.open(
            primary.address,
            primary.security,
            deadline: deadline
        )
        client = primary.key.map { TransactionClient($0) }
        isSigned = primary.key != nil
    }

    private var seconds: UInt64 { UInt64(max(Clock.realtime(), 0)) / 1_000_000_000 }

    mutating func ask(_ request: [UInt8]) throws(FetchFault) {
        let now = seconds
        try connection.send(client?.sign(request, seconds: now) ?? request)
    }

    /// The next message of the answer, and the octets that it had.
    mutating func answer() throws(FetchFault) -> (message: DNSMessage, octets: Int) {
        var bytes = try connection.receive()
        let count = bytes.count
        let now = seconds
        if isSigned {
            var length = count
            do throws(TransactionClient.Fault) {
                length = try client?.take(bytes.span, seconds: now) ?? count
            } catch {
                throw FetchFault(FetchExchange.text(of: error))
            }
            isSettled = length < count
            if isSettled {
                bytes.removeLast(count - length)
                let additional = UInt16(bytes[10]) << 8 | UInt16(bytes[11])
                bytes[10] = UInt8((additional &- 1) >> 8)
                bytes[11] = UInt8(truncatingIfNeeded: additional &- 1)
            }
        }
        guard let message = DNSMessage(bytes) else { throw FetchFault("its answer is malformed") }
        return (message, count)
    }

    /// What a refusal says besides its code (RFC 8914), as ` (18 Prohibited)`; empty for nothing.
    ///
    /// The words are those of the registry: what a peer writes itself does not come into the log.
    static func reasons(_ message: DNSMessage) -> String {
        guard let option = message.option else { return "" }
        let told = OptionFacts(option).reasons.prefix(4).map { reason in
            [String(reason.code), reason.name].compactMap(\.self).joined(separator: " ")
        }
        return told.isEmpty ? "" : " (\(told.joined(separator: ", ")))"
    }

    private static func text(of fault: TransactionClient.Fault) -> String {
        switch fault {
        case .unsigned: "its answer is not signed"
        case .malformed: "its signature is malformed"
        case .strangeKey: "its answer is signed with another key"
        case .badSignature: "its signature is bad: BADSIG"
        case .badTime: "its clock is more than 300 s apart: BADTIME"
        case .refused(let code):
            "it refuses our signature: \(TSIGError(rawValue: code)?.word ?? "NOTAUTH")"
        }
    }
}
