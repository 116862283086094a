// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Requests by QUERY on routes with a cache: what they ask for is in their content (RFC 10008 §2.7).
///
/// The content is read before the store is asked, up to a limit, and stays behind the head, where sending
/// the request finds it. A fetch has a copy.
extension HTTPDoor {
    /// Waits for the content of a QUERY; false for one that goes on in the plain way.
    mutating func awaitQuery(_ c: Int, _ cache: Int, _ loop: inout EventLoop) -> Bool {
        let limit = caches[cache].queryLimit
        guard limit > 0 else { return miss(c, .method, .method, .bypass) }
        if case .length(let length) = requestHead.framing, length > UInt64(limit) {
            return missLong(c)
        }
        clients[c].exchange.isQuery = true
        beginPrefix(c, &loop)
        return true
    }

    private mutating func missLong(_ c: Int) -> Bool {
        clients[c].exchange.cached.detail = .longContent
        return miss(c, .bypass, .bypass, .bypass)
    }

    /// The most octets of content that are looked at.
    func queryLimit(_ c: Int) -> Int {
        let cache = Int(clients[c].exchange.cache)
        return caches.indices.contains(cache) ? caches[cache].queryLimit : 0
    }

    /// The content has come, or as much of it as is looked at: asks the store.
    mutating func takeQuery(_ c: Int, isCut: Bool, _ loop: inout EventLoop) {
        timers.cancel(c)
        guard recallHead(c) else { return refuse(c, .fault(.internalError), &loop) }
        // A reload has made the route ask who it is that asks.
        guard !clients[c].exchange.hasLostRoute else { return refuse(c, .fault(.noRoute), &loop) }
        let cache = Int(clients[c].exchange.cache)
        if isCut {
            _ = missLong(c)
        } else if !isAllowed(c) {
            // It is refused where all content is counted.
            _ = miss(c, .method, .method, .bypass)
        } else if caches.indices.contains(cache) {
            passQuery(c)
            if look(c, cache, turn: 0, &loop) { return }
        }
        sendOn(c, routeRecord(c), &loop)
    }

    /// True for content that the route takes.
    private mutating func isAllowed(_ c: Int) -> Bool {
        takeWholeContent(c) && UInt64(tail.bytes.count) <= routeRecord(c).bodyLimit
    }

    /// Leaves the connection behind the content, where its end is known, for when the store answers.
    private mutating func passQuery(_ c: Int) {
        guard !clients[c].isStream else { return }
        if let count = rawContentCount(c) {
            clients[c].exchange.bodyTaken = Int32(truncatingIfNeeded: count)
        } else {
            clients[c].exchange.keepsClient = false
        }
    }

    /// What makes the content of a request another one; nil when it is not all there.
    ///
    /// Leaves the content in the tail.
    mutating func contentDigest(_ c: Int, _ cache: Int) -> Digest128? {
        guard takeWholeContent(c), let store = stores[Int(cacheStores[cache])] else { return nil }
        let input = clients[c].input
        let bytes = buffers.bytes(input.block, from: Int(input.start), count: input.count)
        let content = tail.bytes
        var isWhole = false
        scratch.write { output in
            isWhole =
                QueryKey.writeMetadata(fields, bytes, into: &output) && output.write(content)
        }
        return isWhole ? store.digest(scratch.bytes) : nil
    }

    private mutating func takeWholeContent(_ c: Int) -> Bool {
        guard clients[c].exchange.head.framing.isEmpty else { return writeWholeContent(c) }
        tail.write { _ in }
        return true
    }

    /// Puts a request's content behind the head of its fetch; false when it is not there, or does not fit.
    mutating func copyQuery(of c: Int, to fetch: inout Client) -> Bool {
        guard !fetch.exchange.head.framing.isEmpty else { return true }
        guard takeWholeContent(c) else { return false }
        let content = tail.bytes
        let end = fetch.input.end
        let size = buffers.write(fetch.input.block, at: Int(end)) { _ = $0.write(content) }
        fetch.input.end = end &+ Int32(truncatingIfNeeded: size)
        // However it came, it is known how long it is.
        fetch.exchange.head.framing = .length(UInt64(content.count))
        return size == content.count
    }

    /// Content that the fetch has not sent yet goes out for who takes its attempt over.
    mutating func giveContent(of f: Int, to c: Int) {
        guard clients[f].exchange.head.method == .query else { return }
        buffers.give(clients[c].exchange.requestBlock)
        clients[c].exchange.requestBlock = clients[f].exchange.requestBlock
        clients[c].exchange.request = clients[f].exchange.request
        clients[f].exchange.requestBlock = .none
    }
}
