// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol Runtime EdgeCache
// dictionary: http.dict
import EdgeCache
import Essentials
import HTTPProtocol

/// What is kept of answers can be read again and says the same; requests with one key are one; and parts lie
/// within what is stored.
///
/// The text before a 0x00 is a request, what follows is the head of an answer, and behind another 0x00 that of
/// a newer one.
func examine(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    let (text, length) = (Array(parts[0]), Int64(bytes.count * 100))
    var fields = FieldTable(limit: 64)
    var head = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    guard parser.parse(text.span, fields: &fields, head: &head) == .complete else { return }
    examineRange(head.method, fields, text.span, length)
    examineKey(head, fields, text.span)
    guard parts.count > 1 else { return }
    let answer = Array(parts[1])
    guard let kept = examineHead(answer, head.method, fields, text.span) else { return }
    examineVary(answer, fields, text.span)
    let newer = parts.count > 2 ? Array(parts[2]) : answer
    examineUpdate(kept, by: newer)
}

private let now = WallTime(nanoseconds: 1_700_000_000_000_000_000)

// MARK: Requests

private func examineRange(
    _ method: Method,
    _ fields: borrowing FieldTable,
    _ bytes: Span<UInt8>,
    _ length: Int64
) {
    let answer = RangeAnswer(
        method,
        fields,
        bytes,
        status: 200,
        isAllowed: true,
        length: length,
        type: 9,
        boundary: 7
    )
    promise(answer.totalLength <= length, "parts are no more than the whole")
    var octets: Int64 = 0
    let type = Array("text/html".utf8)
    for index in 0..<answer.count {
        let part = answer.part(index)
        promise(0 <= part.first && part.first <= part.last, "a part has octets")
        promise(part.last < length, "a part lies within what is stored")
        octets += part.count
    }
    if answer.form == .several {
        for index in 0...answer.count {
            var isWhole = false
            let text = [UInt8](capacity: 1024) {
                isWhole = answer.write(part: index, type: type.span, into: &$0)
            }
            promise(isWhole, "the text before a part has room")
            octets += Int64(text.count)
        }
    }
    if answer.form != .unsatisfiable {
        promise(octets == answer.totalLength, "an answer is as long as it says")
    }
}

private func key(
    _ rule: CacheKeyRule,
    _ head: RequestHead,
    _ fields: borrowing FieldTable,
    _ bytes: Span<UInt8>,
    isSecure: Bool = false
) -> [UInt8]? {
    var isWhole = false
    let query: Span<UInt8>? = head.query.isEmpty ? nil : bytes.slice(head.query)
    let text = [UInt8](capacity: 16_384) {
        isWhole = rule.write(
            isSecure: isSecure,
            host: bytes.slice(head.authority),
            path: bytes.slice(head.path),
            query: query,
            fields,
            bytes,
            into: &$0
        )
    }
    promise(isWhole || text.isEmpty, "no part of a key is written")
    return isWhole ? text : nil
}

private func examineKey(
    _ head: RequestHead,
    _ fields: borrowing FieldTable,
    _ bytes: Span<UInt8>
) {
    guard let plain = key(CacheKeyRule(), head, fields, bytes) else { return }
    promise(plain.count { $0 == 0 } == 4, "nothing in a request divides parts of a key")
    promise(key(CacheKeyRule(), head, fields, bytes) == plain, "a key is the same twice")
    let secure = key(CacheKeyRule(), head, fields, bytes, isSecure: true)
    promise(secure != plain, "schemes are apart")
    var sorted = CacheKeyRule()
    sorted.query = .sorted
    if let text = key(sorted, head, fields, bytes) {
        promise(text.count <= plain.count + 1, "to put in order adds nothing")
    }
    var named = CacheKeyRule()
    named.fields = [Array("accept".utf8)]
    named.cookies = [Array("a".utf8)]
    if let text = key(named, head, fields, bytes) {
        promise(text.starts(with: plain), "fields and cookies stand behind the rest")
    }
}

// MARK: Answers

/// Calls `body` with a head of an answer; nil for what is none.
private func read<Result>(
    _ text: [UInt8],
    _ body: (ResponseHead, borrowing FieldTable, Span<UInt8>) -> Result?
) -> Result? {
    var fields = FieldTable(limit: 200)
    var head = ResponseHead()
    var parser = ResponseParser(limits: HeadLimits())
    let result = parser.parse(text.span, requestMethod: .get, fields: &fields, head: &head)
    guard result == .complete else { return nil }
    return body(head, fields, text.span)
}

private func kept(_ text: [UInt8]) -> [UInt8]? {
    read(text) { head, fields, bytes in
        var isWhole = false
        let text = [UInt8](capacity: 65_536) {
            isWhole = StoredHeadWriter.write(
                head,
                fields,
                bytes,
                keepsCookies: false,
                now: now,
                into: &$0
            )
        }
        return isWhole ? text : nil
    }
}

private func examineHead(
    _ answer: [UInt8],
    _ method: Method,
    _ request: borrowing FieldTable,
    _ requestBytes: Span<UInt8>
) -> [UInt8]? {
    guard let text = kept(answer) else { return nil }
    promise(kept(text) == text, "what is kept is kept as it is")
    let asked = CacheRequest(method, request, requestBytes)
    for heeds in [false, true] {
        var rules = CacheRules()
        rules.heedsClients = heeds
        let verdict = read(answer) { head, fields, bytes in
            StorageRule(rules).judge(
                asked,
                status: head.status,
                fields,
                bytes,
                sent: now,
                now: now
            )
        }
        guard case .store(let facts) = verdict else { continue }
        promise(facts.initialAge >= .zero && facts.lifetime >= .zero, "no time is below nothing")
        let later = now + .seconds(10)
        promise(facts.age(later) >= facts.age(now), "nothing becomes younger")
        let reuse = ReuseRule(rules).judge(asked, facts, now: now)
        if facts.traits.contains(.mustAsk) {
            promise(reuse != .fresh && reuse != .stale, "no-cache is asked for")
        }
        if reuse == .fresh { promise(facts.isFresh(now), "what is fresh is fresh") }
    }
    return text
}

private func examineVary(
    _ answer: [UInt8],
    _ request: borrowing FieldTable,
    _ bytes: Span<UInt8>
) {
    let names = read(answer) { _, fields, bytes in
        fields.first(.vary).map { place in
            let value = bytes.slice(fields[place].value)
            return value.indices.map { value[$0] }
        }
    }
    guard let names else { return }
    let range = ByteRange(from: 0, to: names.count)
    var (isWhole, isWholeAgain) = (false, false)
    let text = [UInt8](capacity: 8192) {
        isWhole = VaryRule.write(range, of: names.span, request, bytes, into: &$0)
    }
    let again = [UInt8](capacity: 16_384) {
        isWholeAgain = VaryRule.write(range, of: names.span, request, bytes, into: &$0)
    }
    promise(!isWhole || isWholeAgain && text == again, "a request says the same twice")
}

private func examineUpdate(_ stored: [UInt8], by newer: [UInt8]) {
    let merged = read(stored) { head, fields, bytes in
        read(newer) { _, others, otherBytes -> [UInt8]? in
            let chosen = HeadUpdate.selects(
                fields,
                bytes,
                by: others,
                otherBytes,
                isOnly: true,
                now: now
            )
            let hasTag = others.first(.etag) != nil || others.first(.lastModified) != nil
            let ownTag = fields.first(.etag) != nil || fields.first(.lastModified) != nil
            if !hasTag { promise((chosen == .none) == ownTag, "without validators for the bare") }
            var isWhole = false
            let text = [UInt8](capacity: 131_072) {
                isWhole = HeadUpdate.write(
                    head,
                    fields,
                    bytes,
                    with: others,
                    otherBytes,
                    keepsCookies: false,
                    now: now,
                    into: &$0
                )
            }
            return isWhole ? text : nil
        }
    }
    guard let merged, merged.count < 32_000 else { return }
    promise(read(merged) { _, _, _ in true } == true, "what is renewed can be read")
    promise(kept(merged) != nil, "and kept")
}
