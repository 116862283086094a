// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
internal import Steering

/// A question to a name server, and what its answer must be like.
public struct DNSQuestion: Sendable, Equatable {
    /// The name asked for.
    public var name: DomainName
    /// The type asked for.
    public var type: RecordType
    /// Response codes that pass.
    public var codes: [ResponseCode] = [.noError]
    /// Addresses that the answer must have; none for any answer.
    public var addresses: [IPAddress] = []
    /// Whether all of ``addresses`` must be there, or one.
    public var needsAll = false
    /// Whether the server must be an authority for the name (AA).
    public var isAuthoritative = false
    /// Whether the question goes by TCP.
    public var isStream = false

    /// A question for a name and a type.
    public init(name: DomainName, type: RecordType) {
        self.name = name
        self.type = type
    }

    /// The query with 0 for its number, by TCP after its length (RFC 1035 §4.2.2).
    var query: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: UInt16) {
            bytes += [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
        }
        // RD: who is asked may be a resolver, and an authority does not mind.
        for value in [0, 0x0100, 1, 0, 0, 1] as [UInt16] { append(value) }
        bytes += name.wire
        append(type.rawValue)
        append(RecordClass.internet)
        // OPT (RFC 6891 §6.1.2), with the size that no path has to fragment (DNS flag day 2020).
        bytes.append(0)
        append(RecordType.OPT.rawValue)
        append(1232)
        for _ in 0..<3 { append(0) }
        let length = UInt16(clamping: bytes.count)
        let prefix = [UInt8(length >> 8), UInt8(truncatingIfNeeded: length)]
        return isStream ? prefix + bytes : bytes
    }

    /// Puts a number into a query.
    func setNumber(_ number: UInt16, in query: inout [UInt8]) {
        let start = isStream ? 2 : 0
        guard query.count > start + 1 else { return }
        query[start] = UInt8(number >> 8)
        query[start + 1] = UInt8(truncatingIfNeeded: number)
    }

    /// What a message comes to; nil when it is no answer to this question with this number.
    func judge(_ message: [UInt8], number: UInt16) -> ProbeOutcome? {
        var reader = AnswerReader(bytes: message)
        guard reader.integer16() == number, let flags = reader.integer16(), flags & 0x8000 != 0,
            flags >> 11 & 15 == 0, reader.integer16() == 1, let count = reader.integer16(),
            reader.skip(4), reader.name() == name.lowercased.wire,
            reader.integer16() == type.rawValue, reader.integer16() == RecordClass.internet
        else { return nil }
        let code = ResponseCode(flags & 15)
        guard codes.contains(code) else { return .failure(.unexpectedCode, detail: "\(code)") }
        if isAuthoritative, flags & 0x0400 == 0 { return .failure(.notAuthoritative, detail: "") }
        guard code == .noError else { return .success }
        return judge(&reader, count: Int(count), isTruncated: flags & 0x0200 != 0)
    }

    private func judge(
        _ reader: inout AnswerReader,
        count: Int,
        isTruncated: Bool
    ) -> ProbeOutcome {
        var found: [IPAddress] = []
        var hasRecord = false
        for _ in 0..<count {
            guard let record = reader.record() else {
                // A truncated message may end within a record.
                if isTruncated { break }
                return .failure(.malformedResponse, detail: "record")
            }
            guard record.group == RecordClass.internet, record.type == type else { continue }
            hasRecord = true
            if let address = reader.address(in: record) { found.append(address) }
        }
        let more = isTruncated ? ", answer truncated" : ""
        guard hasRecord || isTruncated && addresses.isEmpty else {
            return .failure(.answerMismatch, detail: "no \(type) record\(more)")
        }
        let missing = addresses.filter { !found.contains($0) }
        let isEnough = needsAll ? missing.isEmpty : missing.count < max(addresses.count, 1)
        guard !isEnough, let first = missing.first else { return .success }
        let others = missing.count > 1 ? " +\(missing.count - 1)" : ""
        return .failure(.answerMismatch, detail: "\(first)\(others) missing\(more)")
    }
}
