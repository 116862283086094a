// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// The HTTP/2 connection of one gRPC probe: it has one stream.
struct ProbeCall {
    let session: HTTP2Session
    let stream: Int32
    var reader = HTTP2FrameReader(blockLimit: ProbeCall.fieldBytes)
    /// What the socket has not taken, from `sent` on.
    var output: [UInt8] = []
    var sent = 0
    /// The endpoint has begun as HTTP/2 has it, with SETTINGS (RFC 9113 §3.4).
    var hasBegun = false

    static let fieldBytes = 16_384
}

// Calls of gRPC: frames in both directions around the pure check.
extension ProbeDriver {
    func isCall(_ index: Int) -> Bool { calls.indices.contains(index) && calls[index] != nil }

    /// The connection stands: opens the stream and sends the question.
    mutating func beginCall(_ handle: Handle, _ question: GRPCQuestion, now: Instant) {
        let index = Int(handle.index)
        let place = Int(flights[index].place)
        let isSecure = !flights[index].tls.isNone
        guard !isSecure || tls.facts(flights[index].tls).chosen == .http2 else {
            return act(exchanges[index].broke(.security("no-http2")), handle, now: now)
        }
        var settings = HTTP2SessionSettings()
        settings.fieldListBytes = UInt32(ProbeCall.fieldBytes)
        settings.connectionWindow = 65_535
        settings.heapBytes = 1 << 18
        guard let session = HTTP2Session(isServer: false, settings: settings, workspace: workspace)
        else { return giveUp(handle, now: now) }
        let authority = Array((question.host ?? "\(targets[place].target.address)").utf8)
        workspace.beginFields()
        workspace.add(":method", "POST")
        workspace.add(":scheme", isSecure ? "https" : "http")
        workspace.add(":path", GRPCCheck.path)
        workspace.add(":authority", authority.span)
        workspace.add("te", "trailers")
        workspace.add("content-type", "application/grpc")
        workspace.add("user-agent", "Martlet-Prober")
        let stream = session.request(endsStream: false, owner: 1)
        guard stream > 0 else {
            session.destroy()
            return giveUp(handle, now: now)
        }
        let message = targets[place].request
        session.offerCopy(stream, message.span)
        while calls.count <= index { calls.append(nil) }
        calls[index] = ProbeCall(session: session, stream: stream)
        flushCall(handle, now: now)
    }

    /// This machine has no memory for it: no word against the endpoint.
    private mutating func giveUp(_ handle: Handle, now: Instant) {
        let place = Int(flights[Int(handle.index)].place)
        close(handle)
        postpone(place, now: now)
    }

    /// Sends what the session has to say, as far as the socket takes it.
    mutating func flushCall(_ handle: Handle, now: Instant) {
        let index = Int(handle.index)
        guard flights.contains(handle), isCall(index), var call = calls[index] else { return }
        defer { if isCall(index) { calls[index] = call } }
        while true {
            if call.sent == call.output.count {
                call.output = [UInt8](capacity: 16_384) { _ = call.session.produce(into: &$0) }
                call.sent = 0
                guard !call.output.isEmpty else { return }
            }
            let output = call.output
            let rest = output.span.extracting(call.sent..<output.count)
            let flight = flights[index]
            let result =
                flight.tls.isNone ? Socket.send(flight.fd, rest) : tls.send(flight.tls, rest)
            switch result {
            case .count(let count): call.sent += count
            // What broke is seen when it is read; an answer may have come before.
            case .wouldBlock, .endOfStream, .failed: return
            }
        }
    }

    /// Hands what has come to the session, piece by piece.
    mutating func feedCall(_ index: Int, _ block: Block, count: Int) -> ProbeExchange.Reception {
        var position = 0
        while position < count, isCall(index), let session = calls[index]?.session {
            let bytes = buffers.bytes(block, from: position, count: count - position)
            let size: Int
            var isBeginning = false
            switch calls[index]?.reader.next(bytes) {
            case .needMore: return .init(consumed: position, action: .wait)
            case .frame(let header, let whole):
                isBeginning = header.type == HTTP2FrameType.settings
                size = whole
            case .fieldBlock(_, _, let whole), .moreData(let whole): size = whole
            case .refused, nil: size = 0
            }
            if isBeginning { calls[index]?.hasBegun = true }
            let piece = bytes.extracting(first: size)
            guard size > 0, calls[index]?.hasBegun == true, session.receive(piece) else {
                return .init(consumed: count, action: exchanges[index].called(.malformed))
            }
            position += size
            for number in 0..<workspace.eventCount {
                let action = note(workspace.event(number), piece, session, index)
                if action != .wait { return .init(consumed: count, action: action) }
            }
            guard session.wantsRead else {
                return .init(consumed: count, action: exchanges[index].called(.malformed))
            }
        }
        return .init(consumed: position, action: .wait)
    }

    private mutating func note(
        _ event: HTTP2Event,
        _ piece: Span<UInt8>,
        _ session: HTTP2Session,
        _ index: Int
    ) -> ProbeExchange.Action {
        switch event {
        case .fields(_, _, let endsStream):
            let status = number(":status") ?? 0
            // RFC 9110 §15.2: more follow.
            guard status >= 200, let status = UInt16(exactly: status) else { return .wait }
            let code = number("grpc-status")
            let action = exchanges[index].called(.head(status: status, code: code))
            guard action == .wait, endsStream else { return action }
            return exchanges[index].called(.finished)
        case .data(let stream, _, let range):
            let content = piece.slice(range)
            session.consume(stream, content.count)
            return exchanges[index].called(.content(content.indices.map { content[$0] }))
        case .trailers: return exchanges[index].called(.trailers(code: number("grpc-status")))
        case .finished: return exchanges[index].called(.finished)
        case .closed(_, _, let code): return exchanges[index].called(.reset(code))
        case .goAway(let last, let code):
            let isServed = calls[index].map { $0.stream <= last } ?? false
            return isServed ? .wait : exchanges[index].called(.reset(code))
        }
    }

    /// The number that a field of the list that came last holds; nil without one.
    private func number(_ name: String) -> Int? {
        let (list, text) = (workspace.fields, workspace.text)
        func string(_ range: ByteRange) -> String {
            let part = text.slice(range)
            return String(decoding: part.indices.map { part[$0] }, as: UTF8.self)
        }
        for index in list.indices where string(list[index].name) == name {
            return Int(string(list[index].value))
        }
        return nil
    }

    /// Gives the session of a flight back, if it has one.
    mutating func endCall(_ index: Int) {
        guard isCall(index) else { return }
        calls[index]?.session.destroy()
        calls[index] = nil
    }
}
