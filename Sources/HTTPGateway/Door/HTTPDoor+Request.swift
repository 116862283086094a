// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Reading request heads and opening exchanges.
extension HTTPDoor {
    /// Input is read up to here, so that what follows a head fits a body block with its room.
    static let inputEnd = BufferPool.blockSize - BodyTransfer.room - BodyTransfer.reserve

    /// Reads until a head is complete, refused, or the socket is empty.
    mutating func readRequest(_ c: Int, _ loop: inout EventLoop) {
        if clients[c].isStream { return readHead(c, &loop) }
        while true {
            if !clients[c].input.isEmpty, parseRequest(c, &loop) { return }
            guard clients[c].canRead else { return park(c, &loop) }
            if clients[c].input.block.isNone {
                clients[c].input = Pending(block: buffers.take())
                if clients[c].input.block.isNone {
                    count(.buffersExhausted)
                    return close(c, &loop)
                }
            } else if clients[c].input.start > 0 {
                compactInput(c)
            }
            let end = Int(clients[c].input.end)
            let result = receive(
                c,
                into: clients[c].input.block,
                at: end,
                upTo: HTTPDoor.inputEnd
            )
            switch result {
            case .count(let count):
                if count == 0 { return refuse(c, .fault(.internalError), &loop) }
                clients[c].input.end &+= Int32(count)
                if clients[c].phase == .idle { beginHead(c) }
            case .wouldBlock: clients[c].canRead = false
            case .endOfStream, .failed: return close(c, &loop)
            }
        }
    }

    /// The first byte of a head has come: from now on the head's total deadline runs.
    mutating func beginHead(_ c: Int) {
        clients[c].phase = .header
        if clients[c].requestCount > 0 { clients[c].exchange.began = now }
    }

    /// Moves the bytes that wait to the front, so that a whole head fits behind.
    mutating func compactInput(_ c: Int) {
        let pending = clients[c].input
        let count = pending.count
        buffers.copy(
            from: pending.block,
            at: Int(pending.start),
            to: pending.block,
            at: 0,
            count: count
        )
        clients[c].input = Pending(block: pending.block, start: 0, end: Int32(count))
    }

    /// Waits for more: gives an empty block back, and sets the deadline that fits.
    mutating func park(_ c: Int, _ loop: inout EventLoop) {
        let timeouts = listenerRecords[Int(clients[c].listener)].timeouts
        if clients[c].input.isEmpty {
            buffers.give(clients[c].input.block)
            clients[c].input = Pending()
            clients[c].phase = .idle
        }
        let isFirst = clients[c].requestCount == 0
        guard !isFirst || staysUnfinished(c, &loop) else { return }
        register(c, &loop)
        if clients[c].isSecure { _ = tls.flush(clients[c].tls) }
        if clients[c].phase == .header || isFirst {
            timers.schedule(c, at: clients[c].exchange.began + timeouts.header)
        } else {
            timers.schedule(c, at: now + timeouts.idle)
        }
    }

    /// Looks at the bytes that have come; false when more are needed.
    private mutating func parseRequest(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let pending = clients[c].input
        let bytes = buffers.bytes(
            pending.block,
            from: Int(pending.start),
            count: pending.count
        )
        // Whoever the table was filled for has to read again, also when nothing comes of this head.
        fieldsOwner = .none
        let result = clients[c].parser.parse(bytes, fields: &fields, head: &requestHead)
        switch result {
        case .needMore: return false
        case .complete:
            fieldsOwner = clients.handle(at: c)
            beginExchange(c, &loop)
        case .refused(.http2Preface) where beginSession(c, &loop): break
        case .refused(let refusal):
            clients[c].requestCount &+= 1
            count(.requests)
            refuse(c, .refused(refusal), &loop)
        }
        return true
    }

    /// A whole head is there: judges what the parser cannot, routes, and starts the first attempt.
    mutating func beginExchange(_ c: Int, _ loop: inout EventLoop) {
        let began = clients[c].exchange.began
        clients[c].requestCount &+= 1
        clients[c].exchange = Exchange()
        ignoreUnwantedUpgrade(c)
        clients[c].exchange.head = requestHead
        clients[c].exchange.began = began
        clients[c].exchange.headDone = now
        clients[c].exchange.bytesIn = UInt64(requestHead.length)
        clients[c].exchange.keepsClient = requestHead.isPersistent && !isShuttingDown
        clients[c].exchange.clientTakesChunks = requestHead.minorVersion > 0
        count(.requests)
        count(.bytesIn, UInt64(requestHead.length))
        finishUnfinished(c)
        let isKnown = findClient(c)
        findTrace(c)
        rememberRequest(c)
        guard isKnown else { return refuse(c, .refused(.forwarded), &loop) }
        if clients[c].isStream { noteGRPC(c) }
        if clients[c].isSecure { noteEarly(c) }
        let encoding = PathForm.encoding(requestBytes(c).slice(requestHead.path))
        if encoding == .malformed { return refuse(c, .fault(.pathEncoding), &loop) }
        clients[c].exchange.hasPlainPath = encoding == .disguised
        if let fault = judge(c) { return refuse(c, .fault(fault), &loop) }
        let route = matchRoute(c, knowsBody: false)
        if route == RouteTable.needsBody { return awaitPrefix(c, &loop) }
        guard route >= 0 else { return refuse(c, .fault(.noRoute), &loop) }
        enter(c, route: route, &loop)
    }

    /// The route is known: asks whether the request may come in, and does what the route says.
    mutating func enter(_ c: Int, route: Int, _ loop: inout EventLoop) {
        clients[c].exchange.route = Int32(route)
        let record = routeRecords[route]
        clients[c].exchange.changesRequest = record.changesRequest
        clients[c].exchange.changesResponse = record.changesResponse
        clients[c].exchange.priority = record.priority
        guard actions.admits(client(of: c), record) else {
            return refuse(c, .fault(.clientDenied), &loop)
        }
        guard isServed(c, record, &loop) else { return }
        guard !isShed(record) else { return refuse(c, .fault(.overloaded), &loop) }
        guard passesLimit(c, record) else { return refuse(c, .fault(.rateLimited), &loop) }
        guard isAdmitted(c, record, &loop) else { return }
        carryOut(c, record, &loop)
    }

    /// Does what the route says with a request that may come in.
    mutating func carryOut(_ c: Int, _ record: RouteRecord, _ loop: inout EventLoop) {
        if record.compress >= 0 { readAccepted(c, record) }
        if case .length(let length) = requestHead.framing, length > record.bodyLimit {
            return refuse(c, .fault(.bodyTooLarge), &loop)
        }
        switch record.action {
        case .redirect, .respond: return answerByRoute(c, record, &loop)
        case .dns: return takeMessage(c, &loop)
        case .pool, .split: break
        }
        if record.cache >= 0, consult(c, record, &loop) { return }
        sendOn(c, record, &loop)
    }

    /// Sends the request to an endpoint of the route's pool.
    mutating func sendOn(_ c: Int, _ record: RouteRecord, _ loop: inout EventLoop) {
        if clients[c].exchange.cache >= 0, goThroughTier(c, record, &loop) { return }
        let pool = pool(of: record, c)
        guard pools.indices.contains(pool) else { return refuse(c, .fault(.poolEmpty), &loop) }
        apply(record, pool, to: c)
        startAttempt(c, &loop)
    }

    /// Takes no notice of a wish for `h2c`, as RFC 9110 §7.8 lets a server do.
    ///
    /// Behind it an origin would take requests that no route was asked for.
    private mutating func ignoreUnwantedUpgrade(_ c: Int) {
        guard requestHead.wantsUpgrade else { return }
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        if UpgradeForm.namesHTTP2(bytes.slice(requestHead.upgradeRange)) {
            requestHead.wantsUpgrade = false
            requestHead.upgradeRange = .empty
        }
    }

    /// What a gateway must refuse although the message is well formed.
    private func judge(_ c: Int) -> Fault? {
        if requestHead.method == .connect { return .connectMethod }
        if clients[c].exchange.isEarly, !mayBeEarly(requestHead) { return .tooEarly }
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        // RFC 9110 §7.6.2: the last hop answers itself, whether or not it has anything to say.
        if requestHead.method.countsForwards, ForwardsLeft.read(fields, bytes) == 0 {
            return requestHead.method == .trace ? .traceEnd : .optionsEnd
        }
        // RFC 9110 §7.4: a plain listener is not authoritative for https, nor the other way round.
        if requestHead.form == .absolute {
            let target = bytes.slice(requestHead.target)
            let isHTTPS = target.count > 4 && ASCII.lowercased(target[4]) == UInt8(ascii: "s")
            if isHTTPS != clients[c].isSecure { return .misdirected }
        }
        let host = bytes.slice(requestHead.host)
        if isMisdirected(c) { return .misdirected }
        if clients[c].isSecure, !host.isEmpty, isMisdirected(c, host) { return .misdirected }
        // One form of a path is used for matching and forwarding. Dot segments have two readings,
        // and clients resolve them before sending (RFC 3986 §5.2.4), so they only come from
        // those who want a route's rule and its origin to disagree.
        return PathForm.hasDotSegment(bytes.slice(requestHead.path)) ? .dotSegment : nil
    }

    /// The route of the request; with its body known, the beginning of that is in the tail.
    mutating func matchRoute(_ c: Int, knowsBody: Bool, isCut: Bool = false) -> Int {
        let path = path(of: c)
        var request = RequestView(
            head: requestHead,
            fields: fields.entries,
            bytes: requestBytes(c),
            path: path,
            client: client(of: c),
            isTLS: clients[c].isSecure
        )
        if knowsBody {
            request.knowsBody = true
            request.body = tail.bytes
            request.isBodyCut = isCut
        }
        return routes.match(request)
    }

    /// Bounds the time of the whole exchange.
    mutating func boundRequest(_ c: Int, _ record: RouteRecord) {
        let listener = listenerRecords[Int(clients[c].listener)].timeouts.request
        let bound = record.requestTimeout == .zero ? listener : record.requestTimeout
        if bound < .max { clients[c].exchange.deadline = clients[c].exchange.began + bound }
    }

    mutating func apply(_ record: RouteRecord, _ pool: Int, to c: Int) {
        clients[c].exchange.pool = Int32(pool)
        clients[c].exchange.poolSlot = pools[pool].slot
        boundRequest(c, record)
        if clients[c].exchange.isGRPC { boundByGRPC(c) }
        clients[c].exchange.bodyLimit = record.bodyLimit
        noteRetries(c, record, pool: pool)
        budget.begin(Int(pools[pool].slot), worker: worker)
        clients[c].exchange.isActive = true
        if pools[pool].needsKey {
            let pending = clients[c].input
            let bytes = buffers.bytes(
                pending.block,
                from: Int(pending.start),
                count: pending.count
            )
            clients[c].exchange.key = pools[pool].key.key(
                head: requestHead,
                fields: fields,
                bytes: bytes,
                client: client(of: c)
            )
        }
        readSession(c, pool: pool)
        let available = pending(afterHeadOf: c)
        switch requestHead.framing {
        case .none: clients[c].exchange.isReplayable = true
        case .length(let length):
            let fits = length <= UInt64(limits.bufferedBody)
            clients[c].exchange.isReplayable = fits && length <= UInt64(available)
        default: break
        }
        // What comes on a stream comes behind its head; it is kept as it comes.
        if clients[c].isStream, !requestHead.framing.isEmpty {
            clients[c].exchange.isReplayable = keepsContent(c)
        }
        if record.mirror >= 0 { beginMirror(c, record.mirror) }
    }

    /// Bytes received behind the head.
    func pending(afterHeadOf c: Int) -> Int {
        max(clients[c].input.count - clients[c].exchange.head.length, 0)
    }

    /// Makes `fields` and `requestHead` this client's again, by reading its head once more.
    ///
    /// It is read by the limits that it was accepted under: a reload may have lowered them.
    mutating func recallHead(_ c: Int) -> Bool {
        let handle = clients.handle(at: c)
        guard fieldsOwner != handle else { return true }
        fieldsOwner = .none
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        var parser = RequestParser(limits: clients[c].parser.limits)
        let result = parser.parse(bytes, fields: &fields, head: &requestHead)
        guard case .complete = result else {
            fields.removeAll()
            return false
        }
        requestHead = clients[c].exchange.head
        fieldsOwner = handle
        return true
    }

    /// Keeps the beginning of the head where the supervisor can read it after a crash.
    private func rememberRequest(_ c: Int) {
        guard let memory = lastRequests else { return }
        let pending = clients[c].input
        let size = GatewayShared.lastRequestBytes
        let count = min(requestHead.length, size - 1)
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: count)
        memory.write(bytes, at: worker * size)
        let end: InlineArray<1, UInt8> = [0]
        memory.write(end.span, at: worker * size + count)
    }
}

/// Protocols that a client may ask to switch to.
enum UpgradeForm {
    /// True when `h2c` is among those named.
    static func namesHTTP2(_ value: Span<UInt8>) -> Bool {
        var index = 0
        while index &+ 2 < value.count {
            if ASCII.lowercased(value[index]) == UInt8(ascii: "h"),
                value[index &+ 1] == UInt8(ascii: "2"),
                ASCII.lowercased(value[index &+ 2]) == UInt8(ascii: "c")
            {
                return true
            }
            index &+= 1
        }
        return false
    }
}
