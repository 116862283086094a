// SPDX-License-Identifier: Apache-2.0
internal import CNGHTTP2

/// What is kept of one stream, in the session's own bounded heap.
@safe struct StreamMemory {
    var stream: Int32
    var owner: UInt64 = 0
    /// Content that may be sent: the owner keeps it in place until it is taken or withdrawn.
    var base: UnsafePointer<UInt8>?
    var count = 0
    /// Content octets sent so far.
    var sent = 0
    /// What is offered ends the content.
    var isLast = false
    var isDeferred = false
    /// What is offered is kept by the session itself.
    var isOwn = false
    /// Our message has ended although the peer's has not.
    var isAnswered = false
    /// The owner has given the stream up: a reset is not the peer's fault.
    var isGivenUp = false
    /// Its request waits for the peer to open the window.
    var isHeld = false
    /// A short content, or a field list for the end, that the session keeps itself.
    var kept: UnsafeMutableRawPointer?
    var trailerCount = 0
    var previous: UnsafeMutablePointer<StreamMemory>?
    var next: UnsafeMutablePointer<StreamMemory>?
}

/// What is kept of one session.
@safe struct SessionMemory {
    var raw: OpaquePointer?
    let workspace: UnsafeMutablePointer<WorkspaceMemory>
    var heap: mt_h2_heap
    var first: UnsafeMutablePointer<StreamMemory>?
    let isServer: Bool
    /// Streams that had to be reset because of what the peer did.
    var provokedResets = 0
    /// DATA frames sent.
    var dataFrames = 0
    /// Streams that were answered before their request was whole.
    var answered = 0
}

/// What the library calls; nothing in here calls anybody but the library.
///
/// Each turns its news into one plain value in the workspace. The door looks at them when the call
/// has returned, so nothing of the door is ever entered twice.
enum HTTP2Callbacks {
    static var failure: Int32 { NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
    static var wouldBlock: Int32 { NGHTTP2_ERR_WOULDBLOCK.rawValue }

    static func install(_ callbacks: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) {
            unsafe HTTP2Callbacks.beginFields($0, $1, $2)
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            _,
            name,
            nameCount,
            value,
            valueCount,
            _,
            user in
            guard let memory = unsafe HTTP2Callbacks.workspace(user) else {
                return HTTP2Callbacks.failure
            }
            unsafe memory.pointee.incoming.append(name, nameCount, value, valueCount)
            // Each reference costs a look at its whole value: a bomb is not read to its end.
            return unsafe memory.pointee.incoming.isBomb ? HTTP2Callbacks.failure : 0
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) {
            _,
            _,
            name,
            nameCount,
            value,
            valueCount,
            _,
            user in
            guard let memory = unsafe HTTP2Callbacks.workspace(user) else {
                return HTTP2Callbacks.failure
            }
            // Kept as well, so that our own judgement can say what is wrong with it.
            unsafe memory.pointee.incoming.append(name, nameCount, value, valueCount)
            unsafe memory.pointee.incoming.isInvalid = true
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) {
            unsafe HTTP2Callbacks.received($0, $1, $2)
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            unsafe HTTP2Callbacks.receivedData($0, $2, $3, $4, $5)
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) {
            unsafe HTTP2Callbacks.closed($0, $1, $2, $3)
        }
        unsafe nghttp2_session_callbacks_set_send_callback(callbacks) {
            unsafe HTTP2Callbacks.send($1, $2, $4)
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) {
            unsafe HTTP2Callbacks.sendData($0, $1, $2, $3, $5)
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) {
            unsafe HTTP2Callbacks.sent($0, $1, $2)
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) {
            unsafe HTTP2Callbacks.notSent($1, $3)
        }
    }

    private static func session(
        _ user: UnsafeMutableRawPointer?
    ) -> UnsafeMutablePointer<SessionMemory>? {
        unsafe user?.assumingMemoryBound(to: SessionMemory.self)
    }

    private static func workspace(
        _ user: UnsafeMutableRawPointer?
    ) -> UnsafeMutablePointer<WorkspaceMemory>? {
        unsafe session(user)?.pointee.workspace
    }

    static func stream(
        _ raw: OpaquePointer?,
        _ number: Int32
    ) -> UnsafeMutablePointer<StreamMemory>? {
        unsafe nghttp2_session_get_stream_user_data(raw, number)?
            .assumingMemoryBound(to: StreamMemory.self)
    }

    // MARK: Receiving

    private static func beginFields(
        _ raw: OpaquePointer?,
        _ frame: UnsafePointer<nghttp2_frame>?,
        _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let session = unsafe session(user), let frame = unsafe frame else { return failure }
        unsafe session.pointee.workspace.pointee.incoming.removeAll()
        guard unsafe frame.pointee.hd.type == HTTP2FrameType.headers,
            unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
        else { return 0 }
        guard let stream = unsafe open(session) else { return failure }
        let number = unsafe frame.pointee.hd.stream_id
        unsafe stream.pointee.stream = number
        return unsafe nghttp2_session_set_stream_user_data(raw, number, stream) == 0 ? 0 : failure
    }

    /// Makes what is kept of a stream; nil when the session's heap has no room.
    static func open(
        _ session: UnsafeMutablePointer<SessionMemory>
    ) -> UnsafeMutablePointer<StreamMemory>? {
        let size = MemoryLayout<StreamMemory>.stride
        guard let memory = unsafe mt_h2_malloc(size, &session.pointee.heap) else { return nil }
        let stream = unsafe memory.bindMemory(to: StreamMemory.self, capacity: 1)
        unsafe stream.initialize(to: StreamMemory(stream: 0))
        unsafe stream.pointee.next = session.pointee.first
        if let first = unsafe session.pointee.first { unsafe first.pointee.previous = stream }
        unsafe session.pointee.first = stream
        return unsafe stream
    }

    private static func received(
        _ raw: OpaquePointer?,
        _ frame: UnsafePointer<nghttp2_frame>?,
        _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let workspace = unsafe workspace(user), let frame = unsafe frame else {
            return failure
        }
        let number = unsafe frame.pointee.hd.stream_id
        let endsStream =
            unsafe UInt32(frame.pointee.hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        let owner = unsafe stream(raw, number)?.pointee.owner ?? 0
        let event: HTTP2Event
        switch unsafe frame.pointee.hd.type {
        case HTTP2FrameType.headers:
            let category = unsafe frame.pointee.headers.cat
            let isTrailer =
                unsafe category == NGHTTP2_HCAT_HEADERS && endsStream && !isStatus(workspace)
            event =
                isTrailer
                ? .trailers(stream: number, owner: owner)
                : .fields(stream: number, owner: owner, endsStream: endsStream)
        case HTTP2FrameType.data:
            guard endsStream else { return 0 }
            event = .finished(stream: number, owner: owner)
        case HTTP2FrameType.goAway:
            event = unsafe .goAway(
                lastStream: frame.pointee.goaway.last_stream_id,
                HTTP2ErrorCode(rawValue: frame.pointee.goaway.error_code)
            )
        default: return 0
        }
        return unsafe workspace.pointee.note(event) ? 0 : failure
    }

    // A final response behind interim ones has the category of trailers; its list tells.
    private static func isStatus(_ workspace: UnsafeMutablePointer<WorkspaceMemory>) -> Bool {
        let list = unsafe workspace.pointee.incoming
        guard list.fieldCount > 0 else { return false }
        let first = unsafe list.fields[0].name
        return unsafe first.count > 0 && list.text[Int(first.start)] == 0x3a
    }

    private static func receivedData(
        _ raw: OpaquePointer?,
        _ number: Int32,
        _ data: UnsafePointer<UInt8>?,
        _ count: Int,
        _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let workspace = unsafe workspace(user), let data = unsafe data,
            let input = unsafe workspace.pointee.input
        else { return failure }
        guard count > 0 else { return 0 }
        let owner = unsafe stream(raw, number)?.pointee.owner ?? 0
        guard owner != 0 else {
            // Nobody waits for it: the connection's window must not stay closed over it.
            return unsafe nghttp2_session_consume_connection(raw, count) == 0 ? 0 : failure
        }
        let start = unsafe data - input
        let range = ByteRange(from: start, to: start &+ count)
        let event = HTTP2Event.data(stream: number, owner: owner, range)
        return unsafe workspace.pointee.note(event) ? 0 : failure
    }

    private static func closed(
        _ raw: OpaquePointer?,
        _ number: Int32,
        _ code: UInt32,
        _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let session = unsafe session(user), let stream = unsafe stream(raw, number) else {
            return 0
        }
        let owner = unsafe stream.pointee.owner
        unsafe release(stream, session)
        unsafe nghttp2_session_set_stream_user_data(raw, number, nil)
        guard owner != 0 else { return 0 }
        let event = HTTP2Event.closed(
            stream: number,
            owner: owner,
            HTTP2ErrorCode(rawValue: code)
        )
        return unsafe session.pointee.workspace.pointee.note(event) ? 0 : failure
    }

    // A request that was given up before it went: the library never opens its stream.
    private static func notSent(
        _ frame: UnsafePointer<nghttp2_frame>?,
        _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let session = unsafe session(user), let frame = unsafe frame else { return failure }
        guard unsafe frame.pointee.hd.type == HTTP2FrameType.headers,
            unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
        else { return 0 }
        let number = unsafe frame.pointee.hd.stream_id
        var place = unsafe session.pointee.first
        while let kept = unsafe place, unsafe kept.pointee.stream != number {
            unsafe place = kept.pointee.next
        }
        guard let kept = unsafe place else { return 0 }
        let owner = unsafe kept.pointee.owner
        unsafe release(kept, session)
        unsafe nghttp2_session_set_stream_user_data(session.pointee.raw, number, nil)
        guard owner != 0 else { return 0 }
        let event = HTTP2Event.closed(stream: number, owner: owner, .refusedStream)
        return unsafe session.pointee.workspace.pointee.note(event) ? 0 : failure
    }

    /// Takes a stream out of its session's list and gives its memory back.
    static func release(
        _ stream: UnsafeMutablePointer<StreamMemory>,
        _ session: UnsafeMutablePointer<SessionMemory>
    ) {
        let previous = unsafe stream.pointee.previous
        let next = unsafe stream.pointee.next
        if let previous = unsafe previous {
            unsafe previous.pointee.next = next
        } else {
            unsafe session.pointee.first = next
        }
        if let next = unsafe next { unsafe next.pointee.previous = previous }
        if unsafe stream.pointee.isAnswered { unsafe session.pointee.answered &-= 1 }
        unsafe mt_h2_free(stream.pointee.kept, &session.pointee.heap)
        unsafe mt_h2_free(stream, &session.pointee.heap)
    }

    // MARK: Sending

    private static func send(
        _ data: UnsafePointer<UInt8>?,
        _ count: Int,
        _ user: UnsafeMutableRawPointer?
    ) -> Int {
        guard let workspace = unsafe workspace(user), let data = unsafe data,
            let output = unsafe workspace.pointee.output
        else { return Int(failure) }
        let used = unsafe workspace.pointee.outputCount
        let part = unsafe min(count, workspace.pointee.outputRoom &- used)
        guard part > 0 else { return Int(wouldBlock) }
        unsafe (output + used).update(from: data, count: part)
        unsafe workspace.pointee.outputCount = used &+ part
        return part
    }

    /// Says how much content a stream has; it is copied once the frame's header is known.
    static func read(
        _ raw: OpaquePointer?,
        _ number: Int32,
        _ limit: Int,
        _ flags: UnsafeMutablePointer<UInt32>?,
        _ user: UnsafeMutableRawPointer?
    ) -> Int {
        guard let session = unsafe session(user), let stream = unsafe stream(raw, number),
            let flags = unsafe flags
        else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        let count = unsafe min(limit, stream.pointee.count)
        guard unsafe count > 0 || stream.pointee.isLast else {
            unsafe stream.pointee.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        guard unsafe stream.pointee.isLast && count == stream.pointee.count else { return count }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if unsafe stream.pointee.trailerCount > 0 {
            guard unsafe submitTrailers(stream, session) else {
                return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
            }
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        }
        return count
    }

    private static func submitTrailers(
        _ stream: UnsafeMutablePointer<StreamMemory>,
        _ session: UnsafeMutablePointer<SessionMemory>
    ) -> Bool {
        guard let kept = unsafe stream.pointee.kept else { return false }
        let count = unsafe stream.pointee.trailerCount
        unsafe stream.pointee.trailerCount = 0
        let fields = unsafe kept.assumingMemoryBound(to: nghttp2_nv.self)
        let raw = unsafe session.pointee.raw
        return unsafe nghttp2_submit_trailer(raw, stream.pointee.stream, fields, count) == 0
    }

    private static func sendData(
        _ raw: OpaquePointer?,
        _ frame: UnsafeMutablePointer<nghttp2_frame>?,
        _ header: UnsafePointer<UInt8>?,
        _ count: Int,
        _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let session = unsafe session(user), let frame = unsafe frame,
            let header = unsafe header, let stream = unsafe stream(raw, frame.pointee.hd.stream_id)
        else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
        let workspace = unsafe session.pointee.workspace
        guard unsafe stream.pointee.count >= count else {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue  // withdrawn meanwhile
        }
        let used = unsafe workspace.pointee.outputCount
        let whole = count &+ HTTP2FrameHeader.size
        guard let output = unsafe workspace.pointee.output,
            unsafe whole <= workspace.pointee.outputRoom &- used,
            unsafe workspace.pointee.takenCount < WorkspaceMemory.takenLimit
        else { return wouldBlock }
        let place = unsafe output + used
        unsafe place.update(from: header, count: HTTP2FrameHeader.size)
        if count > 0, let base = unsafe stream.pointee.base {
            unsafe (place + HTTP2FrameHeader.size).update(from: base, count: count)
            unsafe stream.pointee.base = base + count
        }
        unsafe stream.pointee.count &-= count
        unsafe stream.pointee.sent &+= count
        unsafe workspace.pointee.outputCount = used &+ whole
        unsafe session.pointee.dataFrames &+= 1
        let taken = unsafe TakenBytes(owner: stream.pointee.owner, count: Int32(count))
        unsafe (workspace.pointee.taken + workspace.pointee.takenCount).initialize(to: taken)
        unsafe workspace.pointee.takenCount &+= 1
        return 0
    }

    private static func sent(
        _ raw: OpaquePointer?,
        _ frame: UnsafePointer<nghttp2_frame>?,
        _ user: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let session = unsafe session(user), let frame = unsafe frame else { return failure }
        let number = unsafe frame.pointee.hd.stream_id
        switch unsafe frame.pointee.hd.type {
        case HTTP2FrameType.reset:
            let isGivenUp = unsafe stream(raw, number)?.pointee.isGivenUp ?? false
            let isCalm = unsafe frame.pointee.rst_stream.error_code == 0
            if !isGivenUp, !isCalm { unsafe session.pointee.provokedResets &+= 1 }
        case HTTP2FrameType.headers, HTTP2FrameType.data:
            let flags = unsafe UInt32(frame.pointee.hd.flags)
            guard unsafe session.pointee.isServer,
                flags & NGHTTP2_FLAG_END_STREAM.rawValue != 0,
                unsafe nghttp2_session_get_stream_remote_close(raw, number) == 0
            else { return 0 }
            // Answered before the request was whole, whose rest nobody wants.
            guard let stream = unsafe stream(raw, number), unsafe !stream.pointee.isAnswered else {
                return 0
            }
            unsafe stream.pointee.isAnswered = true
            unsafe session.pointee.answered &+= 1
        default: break
        }
        return 0
    }
}
