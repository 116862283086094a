// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Questions that are not for zones: about the server itself, and of other classes.
extension AnswerRun {
    // RFC 4892 §2, and the names that BIND has had for the same before.
    private static let identityNames = ["id.server", "hostname.bind"].map(wire)
    private static let versionNames = ["version.server", "version.bind"].map(wire)

    private static func wire(_ name: String) -> [UInt8] { DomainName(name)?.wire ?? [] }

    @inline(never) @_lifetime(output: copy output)
    mutating func answerApart(
        _ request: Span<UInt8>,
        _ context: AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        guard query.recordClass == RecordClass.chaos else {
            outcome.reason = .notAuthoritative
            return .refused
        }
        let isAboutIdentity = isQuestion(in: AnswerRun.identityNames, request)
        guard isAboutIdentity || isQuestion(in: AnswerRun.versionNames, request) else {
            outcome.reason = .notAuthoritative
            return .refused
        }
        let text = isAboutIdentity ? context.conduct.identity : context.conduct.version
        guard !text.isEmpty, query.type == .TXT || query.type == .ANY else {
            outcome.reason = .prohibited
            return .refused
        }
        writer.isAuthoritative = true
        let done = writer.writeRecordHead(
            ownerOffset: DNSQuery.headerLength,
            type: .TXT,
            recordClass: RecordClass.chaos,
            ttl: 0,
            dataLength: 1 &+ text.count,
            into: &output
        )
        guard done else {
            writer.isTruncated = true
            return .noError
        }
        output.write(UInt8(truncatingIfNeeded: text.count))
        text.write(into: &output)
        writer.add(1, to: .answer)
        return .noError
    }

    private func isQuestion(in names: [[UInt8]], _ request: Span<UInt8>) -> Bool {
        let start = DNSQuery.headerLength
        for name in names where name.count == query.name.length {
            var isSame = start &+ name.count <= request.count
            for index in name.indices where isSame {
                isSame = ASCII.lowercased(request[start &+ index]) == name[index]
            }
            if isSame { return true }
        }
        return false
    }
}
