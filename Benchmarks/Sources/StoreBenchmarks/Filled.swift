// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import HTTPProtocol

/// A request head, read once; every case asks with it.
struct Asker: ~Copyable {
    let bytes: [UInt8]
    let fields: FieldTable
    let request: CacheRequest

    init() {
        let text = Array("GET / HTTP/1.1\r\nHost: bench.test\r\nAccept-Encoding: gzip\r\n\r\n".utf8)
        var parser = RequestParser(limits: HeadLimits())
        var fields = FieldTable(limit: 100)
        var head = RequestHead()
        _ = parser.parse(text.span, fields: &fields, head: &head)
        request = CacheRequest(head.method, fields, text.span)
        bytes = text
        self.fields = fields
    }
}

/// A store with so many objects of 1 KiB.
struct Filled {
    static let now = WallTime(nanoseconds: 1_000_000_000)
    static let body = [UInt8](repeating: UInt8(ascii: "x"), count: 1024)

    let store: CacheStore
    let count: Int
    let rule = ReuseRule(CacheRules())

    init(_ count: Int, fields: (Int) -> String = { _ in "" }) throws {
        self.count = count
        let plan = CacheStorePlan(memory: max(count * 2304, 64 << 20), objectLimit: 1 << 20)
        store = try CacheStore(plan, key: SipKey(1, 2))
        let asker = Asker()
        let facts = try Filled.facts(asker)
        for number in 0..<count { try put(number, fields(number), facts, asker) }
    }

    /// Of a response that is fresh for an hour.
    private static func facts(_ asker: borrowing Asker) throws -> StoredFacts {
        let text = Array("HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n\r\n".utf8)
        var parser = ResponseParser(limits: HeadLimits())
        var fields = FieldTable(limit: 100)
        var head = ResponseHead()
        _ = parser.parse(text.span, requestMethod: .get, fields: &fields, head: &head)
        let verdict = StorageRule(CacheRules()).judge(
            asker.request,
            status: 200,
            fields,
            text.span,
            sent: now,
            now: now
        )
        guard case .store(let facts) = verdict else { throw DriveFailed(code: 5) }
        return facts
    }

    /// As the door writes it.
    static func key(_ number: Int) -> [UInt8] {
        Array("http\0bench.test\0/items/of/some/length/\(number)\0\0".utf8)
    }

    private func put(
        _ number: Int,
        _ fields: String,
        _ facts: StoredFacts,
        _ asker: borrowing Asker
    ) throws {
        let key = Filled.key(number)
        guard case .fetch(let fill, _, _) = find(key.span, asker) else {
            throw DriveFailed(code: 1)
        }
        let head = Array(
            ("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                + "Content-Type: application/octet-stream\r\n" + fields + "\r\n").utf8
        )
        let answer = store.open(
            fill,
            facts: facts,
            head: head.span,
            varyOf: FieldTable(limit: 1),
            key.span,
            for: asker.fields,
            asker.bytes.span,
            length: 1024
        )
        guard answer == .kept, store.append(fill, Filled.body.span) else {
            throw DriveFailed(code: 2)
        }
        store.close(fill)
        store.release(fill)
    }

    func find(
        _ key: Span<UInt8>,
        _ asker: borrowing Asker,
        mayFetch: Bool = true
    ) -> CacheFound {
        store.find(
            key,
            asker.request,
            asker.fields,
            asker.bytes.span,
            by: rule,
            now: Filled.now,
            mayFetch: mayFetch,
            worker: 0
        )
    }
}

struct DriveFailed: Error { var code: Int }
