// SPDX-License-Identifier: Apache-2.0
internal import CNGHTTP2

/// What one side of a session allows the other.
public struct HTTP2SessionSettings: BitwiseCopyable, Sendable, Equatable {
    /// Streams that the peer may have open (SETTINGS_MAX_CONCURRENT_STREAMS).
    public var streams: UInt32 = 100
    /// Octets of a field list, 32 for each field included (SETTINGS_MAX_HEADER_LIST_SIZE).
    public var fieldListBytes: UInt32 = 24_576
    /// Content octets of a stream that may be on their way or not yet passed on.
    public var streamWindow: Int32 = 65_535
    /// The same for all streams together: as much as many stalled streams hold, so that they do not
    /// starve the others.
    public var connectionWindow: Int32 = 4_194_304
    /// Bytes that the library may take from the heap for this session.
    public var heapBytes = 1 << 20

    /// The shipped settings.
    public init() {}
}

/// One HTTP/2 connection's state in nghttp2, in memory bounded by its settings.
///
/// Bytes in, events out; fields and content in, bytes out. It owns its memory like a descriptor owns a
/// socket: by value, until ``destroy()``. After that no method may be called, which the owner holds
/// by keeping it beside the socket. Events and field lists are in the ``HTTP2Workspace``.
@safe public struct HTTP2Session: BitwiseCopyable {
    let memory: UnsafeMutablePointer<SessionMemory>

    /// A session of the side that accepts (`isServer`) or opens connections, with its settings
    /// ready to be sent; nil without memory.
    public init?(
        isServer: Bool,
        settings: HTTP2SessionSettings = HTTP2SessionSettings(),
        workspace: borrowing HTTP2Workspace
    ) {
        let memory = UnsafeMutablePointer<SessionMemory>.allocate(capacity: 1)
        unsafe memory.initialize(
            to: SessionMemory(
                workspace: workspace.memory,
                heap: mt_h2_heap(used: 0, limit: settings.heapBytes),
                isServer: isServer
            )
        )
        unsafe self.memory = memory
        var raw: OpaquePointer?
        var heap = unsafe mt_h2_mem(&memory.pointee.heap)
        guard let callbacks = unsafe workspace.memory.pointee.callbacks,
            let options = unsafe workspace.memory.pointee.options
        else {
            unsafe memory.deallocate()
            return nil
        }
        let result =
            isServer
            ? unsafe nghttp2_session_server_new3(&raw, callbacks, memory, options, &heap)
            : unsafe nghttp2_session_client_new3(&raw, callbacks, memory, options, &heap)
        guard result == 0, unsafe raw != nil else {
            unsafe memory.deallocate()
            return nil
        }
        unsafe memory.pointee.raw = raw
        guard announce(settings) else {
            destroy()
            return nil
        }
    }

    private func announce(_ settings: HTTP2SessionSettings) -> Bool {
        let raw = unsafe memory.pointee.raw
        let isServer = unsafe memory.pointee.isServer
        var entries: [5 of nghttp2_settings_entry] = [
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.fieldListBytes),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(max(settings.streamWindow, 0))),
            // Priorities of RFC 9218, not the trees of RFC 7540; or: nothing is pushed to us.
            isServer
                ? entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1)
                : entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
            // RFC 8441 §3: a word of servers alone, so it stands last and is left out by clients.
            entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
        ]
        var span = entries.mutableSpan
        let isAnnounced = unsafe span.withUnsafeMutableBufferPointer {
            let count = isServer ? $0.count : $0.count &- 1
            return unsafe nghttp2_submit_settings(raw, 0, $0.baseAddress, count) == 0
        }
        guard isAnnounced else { return false }
        let window = settings.connectionWindow
        return unsafe nghttp2_session_set_local_window_size(raw, 0, 0, window) == 0
    }

    private func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    /// Gives all memory back.
    public func destroy() {
        unsafe nghttp2_session_del(memory.pointee.raw)
        unsafe memory.pointee.raw = nil
        while let stream = unsafe memory.pointee.first {
            unsafe HTTP2Callbacks.release(stream, memory)
        }
        unsafe memory.deallocate()
    }

    // MARK: Bytes

    /// Takes bytes of the peer, and leaves their events in the workspace; false when the session
    /// is broken beyond a word to the peer.
    public func receive(_ bytes: Span<UInt8>) -> Bool {
        let workspace = unsafe memory.pointee.workspace
        unsafe workspace.pointee.eventCount = 0
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe workspace.pointee.input = buffer.baseAddress
            let base = buffer.baseAddress
            let count = unsafe nghttp2_session_mem_recv(memory.pointee.raw, base, buffer.count)
            unsafe workspace.pointee.input = nil
            return count == buffer.count
        }
    }

    /// Appends what is ready to be sent, as much as there is room for; false when it is broken.
    ///
    /// Leaves in the workspace whose content was taken, and which streams ended by it.
    public func produce(into output: inout OutputSpan<UInt8>) -> Bool {
        let workspace = unsafe memory.pointee.workspace
        unsafe workspace.pointee.eventCount = 0
        unsafe workspace.pointee.takenCount = 0
        return unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
            guard let base = buffer.baseAddress else { return true }
            unsafe workspace.pointee.output = base + initialized
            unsafe workspace.pointee.outputRoom = buffer.count &- initialized
            unsafe workspace.pointee.outputCount = 0
            let result = unsafe nghttp2_session_send(memory.pointee.raw)
            initialized = unsafe initialized &+ workspace.pointee.outputCount
            unsafe workspace.pointee.output = nil
            return result == 0
        }
    }

    /// True while the session has something to send, windows allowing.
    public var wantsWrite: Bool { unsafe nghttp2_session_want_write(memory.pointee.raw) != 0 }
    /// True while more may come from the peer; once neither is, the connection is over.
    public var wantsRead: Bool { unsafe nghttp2_session_want_read(memory.pointee.raw) != 0 }
    /// Bytes of heap that the session uses.
    public var heapUsed: Int { unsafe memory.pointee.heap.used }
    /// Streams that had to be reset because of what the peer did.
    public var provokedResets: Int { unsafe memory.pointee.provokedResets }
    /// DATA frames sent.
    public var dataFrames: Int { unsafe memory.pointee.dataFrames }
    /// Streams that the peer lets this side have open at a time; very many until it has said.
    public var peerStreams: UInt32 {
        unsafe nghttp2_session_get_remote_settings(
            memory.pointee.raw,
            NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS
        )
    }

    // MARK: Streams

    func find(_ stream: Int32) -> UnsafeMutablePointer<StreamMemory>? {
        let raw = unsafe memory.pointee.raw
        if let kept = unsafe HTTP2Callbacks.stream(raw, stream) { return unsafe kept }
        guard unsafe !memory.pointee.isServer else { return nil }
        var place = unsafe memory.pointee.first
        while let kept = unsafe place, unsafe kept.pointee.stream != stream {
            unsafe place = kept.pointee.next
        }
        return unsafe place
    }

    /// Makes `owner` the one whom the events of a stream name; false when the stream is gone.
    @discardableResult
    public func attach(_ stream: Int32, to owner: UInt64) -> Bool {
        guard let kept = unsafe find(stream) else {
            return false
        }
        unsafe kept.pointee.owner = owner
        return true
    }

    /// True while the stream is not over for both sides.
    public func isOpen(_ stream: Int32) -> Bool { unsafe find(stream) != nil }

    /// Any stream that has an owner, one after the other as they are given up; 0 for none.
    public var anyOwner: UInt64 {
        var place = unsafe memory.pointee.first
        while let stream = unsafe place {
            if unsafe stream.pointee.owner != 0 { return unsafe stream.pointee.owner }
            unsafe place = stream.pointee.next
        }
        return 0
    }

    /// Opens a stream with the outgoing fields; negative when it cannot be.
    public func request(endsStream: Bool, owner: UInt64) -> Int32 {
        let (fields, count) = unsafe memory.pointee.workspace.pointee.nameValues()
        let raw = unsafe memory.pointee.raw
        var provider = unsafe HTTP2Session.provider
        // The library knows the stream only once its HEADERS have gone.
        guard let kept = unsafe HTTP2Callbacks.open(memory) else { return -1 }
        let number =
            endsStream
            ? unsafe nghttp2_submit_request(raw, nil, fields, count, nil, kept)
            : unsafe nghttp2_submit_request(raw, nil, fields, count, &provider, kept)
        guard number > 0 else {
            unsafe HTTP2Callbacks.release(kept, memory)
            return -1
        }
        unsafe kept.pointee.stream = number
        unsafe kept.pointee.owner = owner
        return number
    }

    /// Answers with the outgoing fields; content, unless `endsStream`, is offered afterwards.
    public func respond(_ stream: Int32, endsStream: Bool) -> Bool {
        let (fields, count) = unsafe memory.pointee.workspace.pointee.nameValues()
        let raw = unsafe memory.pointee.raw
        var provider = unsafe HTTP2Session.provider
        return endsStream
            ? unsafe nghttp2_submit_response(raw, stream, fields, count, nil) == 0
            : unsafe nghttp2_submit_response(raw, stream, fields, count, &provider) == 0
    }

    /// Sends the outgoing fields as an interim response (RFC 9110 §15.2).
    public func interim(_ stream: Int32) -> Bool {
        let (fields, count) = unsafe memory.pointee.workspace.pointee.nameValues()
        let raw = unsafe memory.pointee.raw
        return unsafe nghttp2_submit_headers(raw, 0, stream, nil, fields, count, nil) >= 0
    }

    private static var provider: nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source()) {
            raw,
            number,
            _,
            limit,
            flags,
            _,
            user in
            unsafe HTTP2Callbacks.read(raw, number, limit, flags, user)
        }
    }

    /// Offers content, which must stay where it is until it was taken or the stream given up.
    ///
    /// What was offered before and not taken must be the beginning of it.
    public func offer(_ stream: Int32, _ bytes: Span<UInt8>, isLast: Bool) {
        guard let kept = unsafe find(stream) else { return }
        unsafe bytes.withUnsafeBufferPointer {
            unsafe kept.pointee.base = $0.baseAddress
            unsafe kept.pointee.count = $0.count
        }
        unsafe kept.pointee.isLast = isLast
        unsafe resume(kept, stream)
    }

    /// Offers a short content that the session copies and keeps, which ends the message.
    public func offerCopy(_ stream: Int32, _ bytes: Span<UInt8>) {
        guard let kept = unsafe find(stream),
            let copy = unsafe keep(bytes.count, for: kept)
        else { return }
        let text = unsafe copy.bindMemory(to: UInt8.self, capacity: bytes.count)
        unsafe bytes.withUnsafeBufferPointer {
            if let base = $0.baseAddress { unsafe text.update(from: base, count: $0.count) }
        }
        unsafe kept.pointee.isOwn = true
        unsafe kept.pointee.base = UnsafePointer(text)
        unsafe kept.pointee.count = bytes.count
        unsafe kept.pointee.isLast = true
        unsafe resume(kept, stream)
    }

    /// Keeps the outgoing fields as trailers, to be sent when the last content has been taken.
    public func keepTrailers(_ stream: Int32) -> Bool {
        let list = unsafe memory.pointee.workspace.pointee.outgoing
        let heads = unsafe list.fieldCount * MemoryLayout<nghttp2_nv>.stride
        guard list.fieldCount > 0,
            let kept = unsafe find(stream),
            let copy = unsafe keep(heads + list.textCount, for: kept)
        else { return false }
        let fields = unsafe copy.bindMemory(to: nghttp2_nv.self, capacity: list.fieldCount)
        let text = unsafe (copy + heads).bindMemory(to: UInt8.self, capacity: list.textCount)
        unsafe text.update(from: list.text, count: list.textCount)
        for index in 0..<list.fieldCount {
            let field = unsafe list.fields[index]
            unsafe (fields + index).initialize(
                to: nghttp2_nv(
                    name: text + Int(field.name.start),
                    value: text + Int(field.value.start),
                    namelen: Int(field.name.count),
                    valuelen: Int(field.value.count),
                    flags: 0
                )
            )
        }
        unsafe kept.pointee.trailerCount = list.fieldCount
        return true
    }

    // One piece of memory at a time; it goes when the stream does.
    private func keep(
        _ count: Int,
        for stream: UnsafeMutablePointer<StreamMemory>
    ) -> UnsafeMutableRawPointer? {
        guard unsafe stream.pointee.kept == nil,
            let copy = unsafe mt_h2_malloc(max(count, 1), &memory.pointee.heap)
        else { return nil }
        unsafe stream.pointee.kept = copy
        return unsafe copy
    }

    private func resume(_ kept: UnsafeMutablePointer<StreamMemory>, _ stream: Int32) {
        guard unsafe kept.pointee.isDeferred else { return }
        let hasNews = unsafe kept.pointee.count > 0 || kept.pointee.isLast
        guard hasNews else { return }
        unsafe kept.pointee.isDeferred = false
        unsafe nghttp2_session_resume_data(memory.pointee.raw, stream)
    }

    /// Takes the owner and what was offered away; what the session keeps itself is still sent.
    public func release(_ stream: Int32) {
        guard let kept = unsafe find(stream) else { return }
        unsafe kept.pointee.owner = 0
        guard unsafe !kept.pointee.isOwn else { return }
        unsafe kept.pointee.base = nil
        unsafe kept.pointee.count = 0
    }

    /// All content has been offered and taken: ends the message, if that did not end it already.
    public func finish(_ stream: Int32) {
        guard let kept = unsafe find(stream), unsafe !kept.pointee.isOwn else { return }
        unsafe kept.pointee.base = nil
        unsafe kept.pointee.count = 0
        unsafe kept.pointee.isLast = true
        unsafe resume(kept, stream)
    }

    /// Makes an owner whom nobody knows any more the owner of nothing.
    public func disown(_ owner: UInt64) {
        var place = unsafe memory.pointee.first
        while let stream = unsafe place {
            if unsafe stream.pointee.owner == owner { unsafe stream.pointee.owner = 0 }
            unsafe place = stream.pointee.next
        }
    }

    /// Ends a stream at once.
    public func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
        let raw = unsafe memory.pointee.raw
        if let kept = unsafe find(stream) {
            unsafe kept.pointee.isGivenUp = true
        }
        unsafe nghttp2_submit_rst_stream(raw, 0, stream, code.rawValue)
    }

    /// True when streams were answered before their request was whole, and the rest still comes.
    public var hasAnswered: Bool { unsafe memory.pointee.answered > 0 }

    /// Tells the peer that the rest of requests which were answered is not wanted (RFC 9113 §8.1).
    ///
    /// Best done a little after the answer: many clients forget an answer that a reset follows at
    /// once. Until then the stream's window stays closed.
    public func resetAnswered() {
        var place = unsafe memory.pointee.first
        while let stream = unsafe place {
            unsafe place = stream.pointee.next
            guard unsafe stream.pointee.isAnswered else { continue }
            unsafe nghttp2_submit_rst_stream(memory.pointee.raw, 0, stream.pointee.stream, 0)
        }
    }

    /// Content of a stream has been passed on: the peer may send as much again.
    public func consume(_ stream: Int32, _ count: Int) {
        guard count > 0 else { return }
        unsafe nghttp2_session_consume(memory.pointee.raw, stream, count)
    }

    /// Content of a stream that is gone: only the connection's window is given back.
    public func consumeConnection(_ count: Int) {
        guard count > 0 else { return }
        unsafe nghttp2_session_consume_connection(memory.pointee.raw, count)
    }

    /// Asks the peer for a sign of life, which any answer is.
    public func ping() { unsafe nghttp2_submit_ping(memory.pointee.raw, 0, nil) }

    // MARK: Ending

    /// First step of a graceful end: no new streams soon, but those on their way are served.
    public func announceEnd() {
        unsafe nghttp2_submit_shutdown_notice(memory.pointee.raw)
    }

    /// Second step, and the only one of an end for cause: names the last stream that is served.
    public func goAway(_ code: HTTP2ErrorCode) {
        let raw = unsafe memory.pointee.raw
        let last = unsafe nghttp2_session_get_last_proc_stream_id(raw)
        unsafe nghttp2_submit_goaway(raw, 0, last, code.rawValue, nil, 0)
    }

    /// As ``goAway(_:)``, after which nothing else is sent or received.
    public func terminate(_ code: HTTP2ErrorCode) {
        unsafe nghttp2_session_terminate_session(memory.pointee.raw, code.rawValue)
    }
}
