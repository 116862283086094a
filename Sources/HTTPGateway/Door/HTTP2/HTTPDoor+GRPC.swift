// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What a request of gRPC needs beyond HTTP/2: its deadline, and errors in its own form.
extension HTTPDoor {
    /// Notes whether the request on a stream is of gRPC.
    mutating func noteGRPC(_ c: Int) {
        guard let index = fields.first(.contentType) else { return }
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let isGRPC = GRPC.isContentType(bytes.slice(fields[index].value))
        clients[c].exchange.isGRPC = isGRPC
    }

    /// Ends the exchange when its client waits no longer; the endpoint is told the same time.
    mutating func boundByGRPC(_ c: Int) {
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        for index in 0..<fields.count where fields[index].known == .other {
            guard HTTPDoor.isGRPCTimeout(bytes.slice(fields[index].name)) else { continue }
            // What has not the form of one bounds nothing; the endpoint may refuse it.
            guard let time = GRPC.timeout(bytes.slice(fields[index].value)) else { return }
            let deadline = clients[c].exchange.began + time
            clients[c].exchange.deadline = min(clients[c].exchange.deadline, deadline)
            return
        }
    }

    private static func isGRPCTimeout(_ name: Span<UInt8>) -> Bool {
        let wanted: InlineArray<12, UInt8> = [
            0x67, 0x72, 0x70, 0x63, 0x2d, 0x74, 0x69, 0x6d, 0x65, 0x6f, 0x75, 0x74,
        ]
        guard name.count == 12 else { return false }
        for index in name.indices where ASCII.lowercased(name[index]) != wanted[index] {
            return false
        }
        return true
    }

    /// The gRPC status of an answer that is nothing but a head (Trailers-Only); nil for any other.
    ///
    /// An answer that has begun with a message, or may yet, is the client's: its call is committed.
    func grpcCode(ofAnswerTo c: Int, _ u: Int) -> UInt8? {
        guard clients[c].exchange.isGRPC, upstreams[u].isStream else { return nil }
        let state = originStreams[Int(upstreams[u].place)]
        guard state.isFinished, state.queue.isEmpty, state.trailers.isEmpty else { return nil }
        let pending = upstreams[u].input
        guard pending.count == responseHead.length else { return nil }
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        for index in 0..<responseFields.count where responseFields[index].known == .other {
            guard GRPC.isStatusName(bytes.slice(responseFields[index].name)) else { continue }
            return GRPC.code(bytes.slice(responseFields[index].value))
        }
        return nil
    }

    /// Keeps content of a call that has just been read, so that the call can be made once more.
    ///
    /// It lies behind the head, where content that comes along with a head lies as well.
    mutating func keepContent(_ c: Int, from place: Int, count: Int) {
        guard clients[c].exchange.isReplayable else { return }
        let input = clients[c].input
        let end = Int(input.end)
        let kept = end &- Int(input.start) &- clients[c].exchange.head.length
        guard kept &+ count <= limits.bufferedBody, end &+ count <= HTTPDoor.inputEnd else {
            clients[c].exchange.isReplayable = false
            return
        }
        buffers.copy(
            from: clients[c].exchange.requestBlock,
            at: place,
            to: input.block,
            at: end,
            count: count
        )
        clients[c].input.end &+= Int32(count)
    }

    /// True when the content of a call is worth keeping: its rule names statuses of gRPC.
    func keepsContent(_ c: Int) -> Bool {
        let rule = Int(clients[c].exchange.retryRule)
        guard clients[c].exchange.isGRPC, rule >= 0, retryRules[rule].grpcCodes != 0 else {
            return false
        }
        return retryRules[rule].nonIdempotent != .never && clients[c].exchange.retries > 0
    }

    /// The gRPC status of an answer of ours; nil for what a route says and for other requests.
    func grpcCode(_ c: Int) -> UInt64? {
        guard clients[c].exchange.isGRPC else { return nil }
        switch clients[c].exchange.reason {
        case .completed, .route, .handshake: return nil
        case .fault(.requestTimeout): return GRPC.deadlineExceeded
        case .refused, .fault: return GRPC.code(status: clients[c].exchange.status)
        }
    }

    /// Adds what makes an answer of ours one that a client of gRPC understands: no content, and
    /// the status where its trailers would be.
    mutating func listGRPC(_ c: Int, _ code: UInt64) {
        workspace.add("content-type", "application/grpc")
        workspace.add("grpc-status", decimal: code)
        workspace.add("grpc-message", clients[c].exchange.reason.word)
    }
}
