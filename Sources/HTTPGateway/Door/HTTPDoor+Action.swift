// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What routes do beside naming a pool.
extension HTTPDoor {
    /// The pool that a request of this route goes to.
    mutating func pool(of record: RouteRecord, _ c: Int) -> Int {
        guard record.action == .split else { return Int(record.pool) }
        guard record.splitKey >= 0 else {
            return Int(actions.pool(record.shares, draw: random.next()))
        }
        let key = actions.splitKeys[Int(record.splitKey)].key(
            head: requestHead,
            fields: fields,
            bytes: requestBytes(c),
            client: client(of: c)
        )
        // Mixed with the route, so that the same clients are not the first ones everywhere.
        return Int(actions.pool(record.shares, draw: Hash.mix(key ^ record.identity)))
    }

    /// The bytes of the request that has come in, its head first.
    @_lifetime(borrow self)
    func requestBytes(_ c: Int) -> Span<UInt8> {
        let pending = clients[c].input
        return buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
    }

    /// The path of the request in its one plain form: what is matched is what the endpoint gets.
    @_lifetime(immortal)
    mutating func path(of c: Int) -> Span<UInt8> {
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let path = bytes.slice(clients[c].exchange.head.path)
        guard clients[c].exchange.hasPlainPath else { return path }
        plainPath.write { PathForm.writePlain(path, into: &$0) }
        return plainPath.bytes
    }

    /// The record of the exchange's route; one that changes nothing when it has none any more.
    func routeRecord(_ c: Int) -> RouteRecord {
        let route = Int(clients[c].exchange.route)
        return routeRecords.indices.contains(route) ? routeRecords[route] : RouteRecord()
    }

    /// Gives the request a name when it has none yet.
    mutating func nameRequest(_ c: Int) {
        guard clients[c].exchange.requestID.bits == 0 else { return }
        clients[c].exchange.requestID = RequestID(random: &names)
    }

    /// Takes the fields out that the route replaces on the way to the client.
    mutating func hideResponseFields(_ c: Int, _ u: Int) {
        if clients[c].exchange.cache >= 0 { hideCacheWord(c, u) }
        guard clients[c].exchange.changesResponse else { return }
        let edits = routeRecord(c).responseEdits
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        actions.hide(edits, in: &responseFields, of: bytes, isTLS: clients[c].isSecure)
    }

    /// Writes into the tail what the route changes about the request; nothing is left out of it.
    mutating func renderRequest(_ c: Int) -> RouteText {
        let session = clients[c].tls
        let hasIdentity =
            clients[c].isSecure && listenerRecords[Int(clients[c].listener)].asksIdentity
        let hasPlainPath = clients[c].exchange.hasPlainPath
        let strips = stripsSession(c)
        // Peers have the route as well, and change themselves what it says.
        let isForPeer = clients[c].exchange.cached.isThroughTier
        let changes = clients[c].exchange.changesRequest && !isForPeer
        guard changes || hasIdentity || hasPlainPath || strips else { return RouteText() }
        let record = isForPeer ? RouteRecord() : routeRecord(c)
        let sticky = sticky(c)
        let hasClaims = readClaims(c, record)
        let path = path(of: c)
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        actions.hide(record.requestEdits, in: &fields, of: bytes, isTLS: cameSecurely(c))
        var text = RouteText()
        let context = TemplateContext(
            record: record,
            head: clients[c].exchange.head,
            bytes: bytes,
            path: path,
            client: client(of: c),
            requestID: clients[c].exchange.requestID,
            traceID: trace(of: c)?.traceID ?? 0,
            isTLS: cameSecurely(c)
        )
        tail.write { output in
            text = actions.writeRequest(context, into: &output, hasPlainPath: hasPlainPath)
            if hasIdentity, text.isWhole {
                text.isWhole = tls.writeIdentity(session, into: &output)
            }
            if record.access >= 0, text.isWhole {
                text.isWhole =
                    actions.writeUser(record, fields, bytes, into: &output)
                    && (!hasClaims || actions.writeClaims(record, scratch.bytes, into: &output))
            }
            if strips, text.isWhole {
                text.isWhole = sticky.writeOthers(fields, bytes, actions, into: &output)
            }
            text.fields = ByteRange(from: Int(text.fields.start), to: output.count)
        }
        return text
    }

    /// Writes into the tail what is said to the client beside the response: by the route, and of
    /// the session when an endpoint answers.
    mutating func renderResponse(_ c: Int, isOwn: Bool = true) -> RouteText {
        var text = renderRoute(c, isOwn: isOwn)
        if clients[c].exchange.cache >= 0 { text = renderCache(c, after: text) }
        return tellsTimes(c) ? renderTimes(c, after: text) : text
    }

    @inline(__always)
    private mutating func renderRoute(_ c: Int, isOwn: Bool) -> RouteText {
        let gives = !isOwn && givesSession(c)
        guard clients[c].exchange.changesResponse else {
            return gives ? renderSession(c) : RouteText()
        }
        let record = routeRecord(c)
        let sticky = sticky(c)
        let given = clients[c].exchange.serving
        let isSecure = clients[c].isSecure
        nameRequest(c)
        let supplied = isOwn ? 0 : suppliedFields(c, record)
        let path = path(of: c)
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        var text = RouteText()
        var context = TemplateContext(
            record: record,
            head: clients[c].exchange.head,
            bytes: bytes,
            path: path,
            client: client(of: c),
            requestID: clients[c].exchange.requestID,
            traceID: trace(of: c)?.traceID ?? 0,
            isTLS: clients[c].isSecure
        )
        context.supplied = supplied
        tail.write { output in
            text = actions.writeResponse(context, into: &output)
            guard gives, text.isWhole else { return }
            text.isWhole = sticky.write(
                given,
                isSecure: isSecure,
                actions,
                into: &output
            )
            text.fields = ByteRange(from: Int(text.fields.start), to: output.count)
        }
        return text
    }

    /// Which fields that the route supplies the endpoint has sent itself.
    private func suppliedFields(_ c: Int, _ record: RouteRecord) -> UInt64 {
        let handle = clients[c].exchange.upstream
        guard record.supplies, upstreams.contains(handle) else { return 0 }
        let pending = upstreams[Int(handle.index)].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        return actions.supplied(record.responseEdits, in: responseFields, of: bytes)
    }

    /// Answers as the route says, without an endpoint.
    mutating func answerByRoute(_ c: Int, _ record: RouteRecord, _ loop: inout EventLoop) {
        // Only a request without a body leaves the connection at a known place.
        if !clients[c].exchange.head.framing.isEmpty { clients[c].exchange.keepsClient = false }
        let text = renderResponse(c)
        guard text.isWhole else { return refuse(c, .fault(.internalError), &loop) }
        beginOwn(c, record.status, .route(record.action == .redirect ? .redirect : .respond))
        let isWhole = ResponseHeadWriter.writeOwn(
            into: &scratch,
            record: record,
            actions: actions,
            changes: RouteChanges(text, tail.bytes),
            style: ownStyle(c)
        )
        if !isWhole { writeFault(c, .fault(.internalError)) }
        sendOwn(c, &loop)
    }

    func ownStyle(_ c: Int) -> OwnStyle {
        OwnStyle(
            isPersistent: clients[c].exchange.keepsClient,
            omitsBody: clients[c].exchange.head.method == .head,
            date: dates,
            requestID: listenerRecords[Int(clients[c].listener)].requestID
                ? clients[c].exchange.requestID : RequestID(bits: 0),
            takesMessages: routeRecord(c).action == .dns
        )
    }
}
