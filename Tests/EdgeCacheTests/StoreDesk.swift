// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Synchronization
import Testing

@testable import EdgeCache

/// The head of a request or of a response, read once.
final class ReadHead: @unchecked Sendable {
    let bytes: [UInt8]
    let fields: FieldTable
    let request: CacheRequest

    /// A GET with these lines.
    init(_ lines: [String]) {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let octets = Array(text.utf8)
        bytes = octets
        var parser = RequestParser(limits: HeadLimits())
        var table = FieldTable(limit: 100)
        var head = RequestHead()
        let result = parser.parse(octets.span, fields: &table, head: &head)
        #expect(result == .complete)
        request = CacheRequest(head.method, table, octets.span)
        fields = table
    }
}

/// A store that is spoken to in texts, with times in seconds.
final class StoreDesk: Sendable {
    let store: CacheStore
    let rule: ReuseRule
    private let news: News
    /// Who was told of news from the disk.
    var told: [(StoredRef, UInt64)] { news.list.withLock { $0 } }

    private final class News: Sendable {
        let list = Mutex<[(StoredRef, UInt64)]>([])
    }

    init(
        memory: Int = 4 << 20,
        objectLimit: Int = 1 << 20,
        rules: CacheRules = CacheRules(),
        disk: DiskPlan? = nil
    ) throws {
        let plan = CacheStorePlan(memory: memory, objectLimit: objectLimit, disk: disk)
        let news = News()
        self.news = news
        store = try CacheStore(plan, key: SipKey(1, 2)) { _, entry, workers in
            news.list.withLock { $0.append((entry, workers)) }
        }
        rule = ReuseRule(rules)
    }

    static func facts(
        at seconds: Int64 = 0,
        lifetime: Int64 = 60,
        whileRevalidating: Int64 = 0,
        age: Int64 = 0
    ) -> StoredFacts {
        StoredFacts(
            status: 200,
            traits: [],
            received: Exchange.time(seconds),
            initialAge: .seconds(age),
            lifetime: .seconds(lifetime),
            staleWhileRevalidate: .seconds(whileRevalidating),
            staleIfError: .zero
        )
    }

    func find(
        _ key: String,
        _ lines: [String] = [],
        at seconds: Int64 = 0,
        mayFetch: Bool = true,
        worker: Int = 0
    ) -> CacheFound {
        find(key, ReadHead(lines), at: seconds, mayFetch: mayFetch, worker: worker)
    }

    func find(
        _ key: String,
        _ head: ReadHead,
        at seconds: Int64,
        mayFetch: Bool = true,
        worker: Int = 0
    ) -> CacheFound {
        let (key, bytes) = (Array(key.utf8), head.bytes)
        return store.find(
            key.span,
            head.request,
            head.fields,
            bytes.span,
            by: rule,
            now: Exchange.time(seconds),
            mayFetch: mayFetch,
            worker: worker
        )
    }

    func open(
        _ fill: StoredRef,
        _ facts: StoredFacts = StoreDesk.facts(),
        head: String = "head",
        vary: [String] = [],
        request: [String] = [],
        length: UInt64? = nil
    ) -> OpenAnswer {
        let response = ReadHead(vary.map { "Vary: " + $0 })
        return open(fill, facts, head, response, ReadHead(request), length)
    }

    func open(
        _ fill: StoredRef,
        _ facts: StoredFacts,
        _ head: String,
        _ response: ReadHead,
        _ request: ReadHead,
        _ length: UInt64?
    ) -> OpenAnswer {
        let (head, bytes, requestBytes) = (Array(head.utf8), response.bytes, request.bytes)
        return store.open(
            fill,
            facts: facts,
            head: head.span,
            varyOf: response.fields,
            bytes.span,
            for: request.fields,
            requestBytes.span,
            length: length
        )
    }

    func fits(_ ref: StoredRef, _ lines: [String]) -> Bool {
        let head = ReadHead(lines)
        let bytes = head.bytes
        return store.fits(ref, head.fields, bytes.span)
    }

    func append(_ fill: StoredRef, _ text: String) -> Bool {
        let octets = Array(text.utf8)
        return store.append(fill, octets.span)
    }

    func renew(
        _ fill: StoredRef,
        _ base: StoredRef,
        _ facts: StoredFacts,
        head: String = "renewed"
    ) -> Bool {
        let head = Array(head.utf8)
        return store.renew(fill, base: base, facts: facts, head: head.span)
    }

    func purge(_ key: String, _ mode: PurgeMode = .hard) -> Int {
        let key = Array(key.utf8)
        return store.purge(key: key.span, mode)
    }

    /// Begins a fill, which has to be the first one.
    func fill(_ key: String, _ lines: [String] = [], at seconds: Int64 = 0) throws -> StoredRef {
        guard case .fetch(let fill, _, _) = find(key, lines, at: seconds) else {
            throw Unexpected(what: "\(key) is not fetched")
        }
        return fill
    }

    /// Stores an object, and uses it no more.
    func put(
        _ key: String,
        _ body: String,
        _ facts: StoredFacts = StoreDesk.facts(),
        head: String = "head",
        vary: [String] = [],
        request: [String] = [],
        at seconds: Int64 = 0
    ) throws {
        guard case .fetch(let fill, let base, _) = find(key, request, at: seconds) else {
            throw Unexpected(what: "\(key) is not fetched")
        }
        guard open(fill, facts, head: head, vary: vary, request: request) == .kept,
            append(fill, body)
        else {
            throw Unexpected(what: "\(key) is not kept")
        }
        store.close(fill)
        store.release(fill)
        store.release(base)
    }

    func head(_ ref: StoredRef) -> String? {
        var isThere = false
        let octets = [UInt8](capacity: 1024) { isThere = store.writeHead(ref, into: &$0) }
        return isThere ? String(decoding: octets, as: UTF8.self) : nil
    }

    func view(_ ref: StoredRef) -> StoredView? {
        var view: StoredView?
        _ = [UInt8](capacity: 1024) { view = store.view(ref, into: &$0) }
        return view
    }

    /// The octets of a body that are there, and what follows.
    func body(_ ref: StoredRef, watcher: Int = 0) -> ([UInt8], PieceState) {
        var octets: [UInt8] = []
        while true {
            let piece = store.piece(ref, at: UInt64(octets.count), watcher: watcher)
            guard piece.state == .bytes else { return (octets, piece.state) }
            for index in piece.bytes.indices { octets.append(piece.bytes[index]) }
        }
    }

    func text(_ ref: StoredRef) -> String { String(decoding: body(ref).0, as: UTF8.self) }

    /// The body of what is found fresh; nil when nothing is.
    func fresh(_ key: String, _ lines: [String] = [], at seconds: Int64 = 0) -> String? {
        let found = find(key, lines, at: seconds, mayFetch: false)
        guard case .fresh(let ref) = found else { return nil }
        defer { store.release(ref) }
        return text(ref)
    }

    struct Unexpected: Error { let what: String }
}
