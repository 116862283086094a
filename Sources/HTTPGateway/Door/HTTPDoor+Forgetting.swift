// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Taking objects out of the store: because something was changed behind it, or because somebody says so.
extension HTTPDoor {
    /// An answer has come that is not kept: what it makes invalid is forgotten (RFC 9111 §4.4), and what an
    /// answer to HEAD tells of is freshened (§4.3.5).
    mutating func noteAnswer(_ c: Int, _ u: Int) {
        guard upstreams[u].kind != .stored else { return }
        let method = clients[c].exchange.head.method
        if method == .head, responseHead.status == 200 { return noteHead(c, u) }
        guard Invalidation.isDue(method, status: responseHead.status), recallHead(c) else { return }
        forget(c, u)
    }

    @inline(never) private mutating func forget(_ c: Int, _ u: Int) {
        let cache = Int(clients[c].exchange.cache)
        guard caches.indices.contains(cache), let store = stores[Int(cacheStores[cache])],
            writeKey(c, cache)
        else { return }
        _ = store.purge(key: tail.bytes, .hard)
        for source in Invalidation.Source.allCases {
            guard writeKey(c, cache, of: source, u) else { continue }
            _ = store.purge(key: tail.bytes, .hard)
        }
        forgetGroups(c, u, cache, store)
    }

    /// RFC 9875 §3: what the origin says that has changed with the target.
    private mutating func forgetGroups(_ c: Int, _ u: Int, _ cache: Int, _ store: CacheStore) {
        guard writeKey(c, cache) else { return }
        let key = tail.bytes
        let answer = upstreams[u].input
        let answered = buffers.bytes(answer.block, from: Int(answer.start), count: answer.count)
        CacheGroups.forEachInvalidated(by: responseFields, answered) { group in
            _ = store.purge(group: group, ofOriginOf: key, .hard)
        }
    }

    /// Writes what names the object that a field of the answer names into the tail.
    private mutating func writeKey(
        _ c: Int,
        _ cache: Int,
        of source: Invalidation.Source,
        _ u: Int
    ) -> Bool {
        let path = path(of: c)
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let answer = upstreams[u].input
        let answered = buffers.bytes(answer.block, from: Int(answer.start), count: answer.count)
        let host = bytes.slice(clients[c].exchange.head.authority)
        let isSecure = isAskedSecurely(c)
        var place: Invalidation.Place?
        scratch.write { output in
            place = Invalidation.write(
                source,
                of: responseFields,
                answered,
                for: Invalidation.Target(isSecure: isSecure, host: host, path: path),
                into: &output
            )
        }
        guard let place else { return false }
        let text = scratch.bytes
        var query: Span<UInt8>?
        if let range = place.query { query = text.slice(range) }
        var isWhole = false
        tail.write { output in
            isWhole = caches[cache].key.write(
                isSecure: isSecure,
                host: host,
                path: text.slice(place.path),
                query: query,
                fields,
                bytes,
                into: &output
            )
        }
        return isWhole
    }

    /// Tags are for caches: clients get them where an operator wants that.
    mutating func hideTags(_ c: Int, _ u: Int) {
        let cache = Int(clients[c].exchange.cache)
        guard caches.indices.contains(cache), !caches[cache].tellsTags else { return }
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        CacheGroups.hideTags(&responseFields, bytes)
    }

    // MARK: PURGE

    /// True for a request that takes its object out of the store, as users of Varnish, Squid and Souin have it.
    func isPurge(_ c: Int) -> Bool {
        guard requestHead.method == .other, requestHead.methodRange.count == 5 else { return false }
        let name = requestBytes(c).slice(requestHead.methodRange)
        let purge: InlineArray<5, UInt8> = [0x50, 0x55, 0x52, 0x47, 0x45]
        for index in name.indices where name[index] != purge[index] { return false }
        return true
    }

    /// Takes out all variants of what the request names, and says how many there were.
    mutating func purge(_ c: Int, _ cache: Int, _ store: CacheStore, _ loop: inout EventLoop) {
        guard caches[cache].mayPurge(client(of: c)) else {
            return refuse(c, .fault(.purgeDenied), &loop)
        }
        guard writeKey(c, cache) else { return refuse(c, .fault(.internalError), &loop) }
        let count = store.purge(key: tail.bytes, isSoftPurge(c) ? .soft : .hard)
        if !clients[c].exchange.head.framing.isEmpty { clients[c].exchange.keepsClient = false }
        beginOwn(c, 200, .route(.purge))
        ResponseHeadWriter.writePurged(count, into: &scratch, style: ownStyle(c))
        sendOwn(c, &loop)
    }

    /// `Martlet-Purge: soft` keeps what is stored for when the origin fails.
    private func isSoftPurge(_ c: Int) -> Bool {
        let bytes = requestBytes(c)
        let name: InlineArray<13, UInt8> = [
            0x6d, 0x61, 0x72, 0x74, 0x6c, 0x65, 0x74, 0x2d, 0x70, 0x75, 0x72, 0x67, 0x65,
        ]
        let soft: InlineArray<4, UInt8> = [0x73, 0x6f, 0x66, 0x74]
        for index in 0..<fields.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(fields[index].name), name.span) {
            return FieldSyntax.equalsIgnoringCase(bytes.slice(fields[index].value), soft.span)
        }
        return false
    }
}

extension ResponseHeadWriter {
    /// How many objects were taken out of a store.
    static func writePurged(_ count: Int, into scratch: inout Scratch, style: OwnStyle) {
        let digits = Digits.count(UInt64(max(count, 0)))
        scratch.write { output in
            output.writeStatusLine(200)
            write(style.date, into: &output)
            output.write("Content-Type: text/plain\r\nCache-Control: no-store\r\n")
            _ = output.writeField("Content-Length", decimal: UInt64(digits + 8))
            if !style.isPersistent { output.write("Connection: close\r\n") }
            output.writeLineEnd()
            output.write("purged ")
            output.write(decimal: UInt64(max(count, 0)))
            output.write("\n")
        }
    }

    private enum Digits {
        static func count(_ number: UInt64) -> Int {
            var count = 1
            var rest = number / 10
            while rest > 0 {
                rest /= 10
                count += 1
            }
            return count
        }
    }
}
