// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// One answer that is being compressed.
///
/// The exchange's own transfer holds what is ready for the client, in `block`; `source` is what
/// comes from the endpoint, in the endpoint's block.
struct CodingState: BitwiseCopyable {
    var coder: Int32
    var source = BodyTransfer()
    var block = Block.none
    /// Trailers of the answer for a client of HTTP/1.1, as text with the empty line that ends them.
    var trailers = Pending()
    /// The coder has taken bytes that it has not given yet.
    var holdsBack = false
    /// A flush has begun that had more to give than there was room: nothing else may come first.
    var isFlushing = false
    /// The coder has given its end.
    var isFinished = false
}

/// Compressing answers: block by block, as the client takes them.
extension HTTPDoor {
    /// Answers that a worker compresses at a time, at 260 KiB (gzip) to 1.8 MiB (br) each.
    static let codingLimit = 64

    /// As ``renderResponse(_:isOwn:)`` for an endpoint's answer, whose fields are made fit for what
    /// the client gets: also when it is compressed.
    mutating func renderAnswer(_ c: Int, _ u: Int) -> RouteText {
        var text = renderResponse(c, isOwn: false)
        hideResponseFields(c, u)
        if clients[c].exchange.cache >= 0 { hideTags(c, u) }
        text = followSession(c, u, after: text)
        guard clients[c].exchange.accepts != Exchange.neverCoded, text.isWhole else { return text }
        let record = routeRecord(c)
        guard record.compress >= 0 else { return text }
        let rule = actions.compressions[Int(record.compress)]
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        // RFC 9110 §15.4.5: the tag that the answer would have had, which may have been compressed.
        if responseHead.status == 304, clients[c].exchange.accepts != Exchange.unwantedCoding {
            return renderTag(weakened(bytes), text, bytes)
        }
        guard varies(rule, bytes) else { return text }
        let coding = beginCoding(c, rule, bytes)
        let needsVary = !variesAlready(rule, bytes)
        let tag = coding == nil ? ByteRange.empty : weakened(bytes)
        if text.fields.isEmpty, text.target.isEmpty { tail.write { _ in } }
        tail.append { output in
            let start = text.fields.isEmpty ? output.count : Int(text.fields.start)
            var isWhole = true
            if let coding {
                isWhole =
                    output.write("Content-Encoding: ") && output.write(coding.word)
                    && output.writeLineEnd()
            }
            if needsVary { isWhole = isWhole && output.write("Vary: Accept-Encoding\r\n") }
            text.isWhole = isWhole
            text.fields = ByteRange(from: start, to: output.count)
        }
        return text.isWhole ? renderTag(tag, text, bytes) : text
    }

    /// Adds a tag as a weak one; none when it is empty.
    private mutating func renderTag(
        _ tag: ByteRange,
        _ before: RouteText,
        _ bytes: Span<UInt8>
    ) -> RouteText {
        guard !tag.isEmpty else { return before }
        var text = before
        if text.fields.isEmpty, text.target.isEmpty { tail.write { _ in } }
        tail.append { output in
            let start = text.fields.isEmpty ? output.count : Int(text.fields.start)
            text.isWhole =
                output.write("ETag: W/") && output.write(bytes.slice(tag)) && output.writeLineEnd()
            text.fields = ByteRange(from: start, to: output.count)
        }
        return text
    }

    // MARK: Which answers

    /// Keeps in mind which coding the client wants.
    mutating func readAccepted(_ c: Int, _ record: RouteRecord) {
        let rule = actions.compressions[Int(record.compress)]
        // RFC 9111 §5.2.1.6: a client may want content as it is.
        let isBound =
            fields.first(.cacheControl) != nil
            && CacheDirectives(fields, requestBytes(c)).words.contains(.noTransform)
        let coding =
            isBound ? nil : AcceptedCoding.choose(rule.codings, fields, requestBytes(c))
        clients[c].exchange.accepts = coding?.rawValue ?? Exchange.unwantedCoding
    }

    /// True when the answer is compressed for clients who want it so.
    private func varies(_ rule: CompressRule, _ bytes: Span<UInt8>) -> Bool {
        switch responseHead.status {
        case 204, 205, 206, 304: return false
        case 200...599: break
        default: return false
        }
        guard let type = responseFields.first(.contentType),
            actions.compresses(rule, bytes.slice(responseFields[type].value))
        else { return false }
        if responseFields.first(.contentEncoding) != nil { return false }
        if responseFields.first(.contentRange) != nil { return false }
        if hasToken(rule.noTransform, .cacheControl, bytes) { return false }
        guard let length = knownLength(bytes) else { return true }
        return length > 0 && length >= rule.leastSize
    }

    private func knownLength(_ bytes: Span<UInt8>) -> UInt64? {
        if case .length(let length) = responseHead.framing { return length }
        // The answer to HEAD says how long that to GET would be.
        guard responseHead.framing == .none, let index = responseFields.first(.contentLength)
        else { return nil }
        let text = bytes.slice(responseFields[index].value)
        guard text.count <= 18 else { return nil }
        var value: UInt64 = 0
        for place in text.indices {
            guard case 0x30...0x39 = text[place] else { return nil }
            value = value &* 10 &+ UInt64(text[place] &- 0x30)
        }
        return value
    }

    private func variesAlready(_ rule: CompressRule, _ bytes: Span<UInt8>) -> Bool {
        hasToken(rule.anything, .vary, bytes, passedOn: true)
            || hasToken(rule.acceptEncoding, .vary, bytes, passedOn: true)
    }

    /// With `passedOn` fields that the client does not get to see say nothing.
    private func hasToken(
        _ token: ByteRange,
        _ field: KnownField,
        _ bytes: Span<UInt8>,
        passedOn: Bool = false
    ) -> Bool {
        let wanted = actions.text.span.slice(token)
        var place = responseFields.first(field)
        while let index = place {
            var list = ListReader(responseFields[index].value)
            while !(passedOn && responseFields[index].isForbidden), let element = list.next(bytes) {
                if FieldSyntax.equalsIgnoringCase(bytes.slice(element), wanted) { return true }
            }
            place = responseFields.next(field, from: index &+ 1)
        }
        return false
    }

    // MARK: The head

    /// Gets a coder for the client's coding and takes out of the head what is wrong with it.
    private mutating func beginCoding(
        _ c: Int,
        _ rule: CompressRule,
        _ bytes: Span<UInt8>
    ) -> ContentCoding? {
        guard let coding = ContentCoding(rawValue: clients[c].exchange.accepts) else { return nil }
        // Without chunks the client could not tell the end of what has no length.
        guard clients[c].exchange.clientTakesChunks else { return nil }
        let hasContent = responseHead.framing != .none
        if hasContent {
            guard let coder = coders.begin(coding, level: rule.level) else {
                count(.codingsSkipped)
                return nil
            }
            guard let handle = codings.insert(CodingState(coder: coder)) else {
                coders.end(coder)
                return nil
            }
            count(.codings)
            clients[c].exchange.coding = Int32(handle.index)
            responseHead.framing = .chunked
        }
        responseFields.hide(.contentLength)
        responseFields.hide(.acceptRanges)
        actions.hideDigests(rule, in: &responseFields, of: bytes)
        return coding
    }

    /// Takes a strong tag out and answers where it is: other bytes have another tag, and a weak one
    /// says that they mean the same (RFC 9110 §8.8.3.3).
    private mutating func weakened(_ bytes: Span<UInt8>) -> ByteRange {
        guard let index = responseFields.first(.etag), !responseFields[index].isForbidden else {
            return .empty
        }
        let value = bytes.slice(responseFields[index].value)
        guard value.count > 1, value[0] == UInt8(ascii: "\"") else { return .empty }
        responseFields.hide(.etag)
        return responseFields[index].value
    }

    // MARK: The content

    /// The block that holds what is ready for the client.
    func responseBlock(_ c: Int, _ u: Int) -> Block {
        let coding = Int(clients[c].exchange.coding)
        return coding >= 0 ? codings[coding].block : upstreams[u].input.block
    }

    /// True when the endpoint has sent more than its answer.
    func hasExcess(_ c: Int) -> Bool {
        let coding = Int(clients[c].exchange.coding)
        return coding >= 0 ? codings[coding].source.hasRaw : clients[c].exchange.response.hasRaw
    }

    /// Puts a coder between the endpoint's transfer and the client's, when the answer has one.
    mutating func insertCoder(_ c: Int) {
        let coding = Int(clients[c].exchange.coding)
        guard coding >= 0 else { return }
        codings[coding].source = clients[c].exchange.response
        clients[c].exchange.response = BodyTransfer(.untilClose, toChunks: !clients[c].isStream)
    }

    /// Ends the coder of an exchange, if it has one; harmless when called twice.
    mutating func endCoding(_ c: Int) {
        let coding = Int(clients[c].exchange.coding)
        guard coding >= 0 else { return }
        clients[c].exchange.coding = -1
        coders.end(codings[coding].coder)
        buffers.give(codings[coding].block)
        buffers.give(codings[coding].trailers.block)
        codings.remove(codings.handle(at: coding))
    }

    /// Does one thing for a compressed answer; false when it must wait, or has ended.
    ///
    /// Call when nothing is framed for the client.
    mutating func stepCoding(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        let coding = Int(clients[c].exchange.coding)
        if codings[coding].isFinished {
            let block = codings[coding].block
            let pending = codings[coding].trailers
            let trailers = buffers.bytes(pending.block, from: 0, count: pending.count)
            _ = clients[c].exchange.response.finish(in: &buffers, block: block, trailers: trailers)
            return true
        }
        if codings[coding].isFlushing { return code(c, u, .flush, &loop) }
        if codings[coding].source.hasFramed { return code(c, u, .run, &loop) }
        if codings[coding].source.isSourceDone { return code(c, u, .finish, &loop) }
        if codings[coding].source.hasRaw, !codings[coding].source.isTrailing {
            guard advanceSource(c, u, &loop) else { return false }
            let source = codings[coding].source
            if source.hasFramed || source.isSourceDone { return true }
        }
        // What is left is a part of a chunk's line or of the trailers.
        return receiveForCoder(c, u, &loop)
    }

    private mutating func advanceSource(
        _ c: Int,
        _ u: Int,
        _ loop: inout EventLoop
    ) -> Bool {
        let before = codings[Int(clients[c].exchange.coding)].source.total
        let refusal = codings[Int(clients[c].exchange.coding)].source.advance(
            in: &buffers,
            block: upstreams[u].input.block,
            fields: &responseFields,
            scratch: &tail
        )
        guard refusal == nil else {
            originBroke(c, .originMalformed, &loop)
            return false
        }
        let source = codings[Int(clients[c].exchange.coding)].source
        if clients[c].exchange.mirror >= 0 {
            noteContent(c, source, after: before, upstreams[u].input.block)
        }
        if source.trailersAt >= 0 {
            let count = Int(source.rawStart &- source.trailersAt)
            let block = upstreams[u].input.block
            let text = buffers.bytes(block, from: Int(source.trailersAt), count: count)
            keepCodedTrailers(c, text)
        }
        return true
    }

    private mutating func code(
        _ c: Int,
        _ u: Int,
        _ step: ContentCoders.Step,
        _ loop: inout EventLoop
    ) -> Bool {
        let coding = Int(clients[c].exchange.coding)
        if codings[coding].block.isNone { codings[coding].block = buffers.take() }
        guard !codings[coding].block.isNone else {
            count(.buffersExhausted)
            abandon(c, .outOfBuffers, &loop)
            return false
        }
        let source = codings[coding].source
        let input = buffers.bytes(
            upstreams[u].input.block,
            from: Int(source.start),
            count: Int(source.end &- source.start)
        )
        let coder = codings[coding].coder
        var progress = ContentCoders.Progress()
        // Room is left for the framing that follows.
        let given = buffers.write(codings[coding].block, at: BodyTransfer.room) { output in
            progress = coders.step(coder, step, input, most: HTTPDoor.inputEnd, into: &output)
        }
        guard !progress.isBroken else {
            abandon(c, .internalError, &loop)
            return false
        }
        spend(Int32(truncatingIfNeeded: progress.taken / HTTPDoor.octetsCoded) &+ 1)
        count(.codedIn, UInt64(progress.taken))
        count(.codedOut, UInt64(given))
        codings[coding].source.sent(progress.taken)
        codings[coding].isFinished = step == .finish && progress.isDone
        codings[coding].isFlushing = step == .flush && !progress.isDone
        codings[coding].holdsBack = step == .run || !progress.isDone
        let block = codings[coding].block
        clients[c].exchange.response.present(given, in: &buffers, block: block)
        return true
    }

    /// Reads on, or gives the client all there is while the endpoint pauses.
    private mutating func receiveForCoder(
        _ c: Int,
        _ u: Int,
        _ loop: inout EventLoop
    ) -> Bool {
        let coding = Int(clients[c].exchange.coding)
        guard upstreams[u].canRead else {
            if codings[coding].holdsBack { return code(c, u, .flush, &loop) }
            awaitForCoder(c, u)
            return false
        }
        if upstreams[u].input.block.isNone {
            upstreams[u].input = Pending(block: buffers.take())
            if upstreams[u].input.block.isNone {
                count(.buffersExhausted)
                abandon(c, .outOfBuffers, &loop)
                return false
            }
        }
        let block = upstreams[u].input.block
        let place = codings[coding].source.readingPlace(in: &buffers, block: block)
        let end = HTTPDoor.inputEnd + BodyTransfer.room
        switch receive(upstream: u, into: block, at: place, upTo: end) {
        case .count(let count):
            codings[coding].source.rawEnd &+= Int32(count)
            guard count > 0 else {
                originBroke(c, .originMalformed, &loop)
                return false
            }
            return advanceSource(c, u, &loop)
        case .wouldBlock:
            upstreams[u].canRead = false
            return true
        case .endOfStream:
            if upstreams[u].isStream { keepCodedTrailers(c, streamTrailers(u)) }
            if codings[coding].source.sourceClosed(in: &buffers, block: block) { return true }
            originBroke(c, .originTruncated, &loop)
            return false
        case .failed:
            originBroke(c, .originReset, &loop)
            return false
        }
    }

    /// Holds no block while the endpoint takes its time.
    private mutating func awaitForCoder(_ c: Int, _ u: Int) {
        let coding = Int(clients[c].exchange.coding)
        if !codings[coding].source.hasRaw {
            buffers.give(upstreams[u].input.block)
            upstreams[u].input = Pending()
        }
        buffers.give(codings[coding].block)
        codings[coding].block = .none
        arm(c, betweenBytes(c))
    }
}
