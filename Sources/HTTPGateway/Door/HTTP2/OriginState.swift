// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What an entry among the door's upstreams stands for.
enum UpstreamKind: UInt8, BitwiseCopyable {
    /// A connection by HTTP/1.1: one exchange at a time.
    case connection
    /// A connection by HTTP/2: it carries streams and has no exchange itself.
    case session
    /// A stream of such a connection: one exchange, and no socket.
    case stream
    /// No connection but an object of a store, which is read as if it came by one.
    case stored
}

/// What speaks HTTP/2 with the endpoint of one slot.
struct OriginList: BitwiseCopyable {
    /// The latest connection that takes requests, by its place among the origins; -1 for none.
    var first: Int32 = -1
    /// ALPN has chosen HTTP/2 there.
    var speaksHTTP2 = false
}

/// A list of streams, by their places.
struct StreamList: BitwiseCopyable {
    var first: Int32 = -1
    var last: Int32 = -1
    var count: Int32 = 0
}

/// What a connection by HTTP/2 to an endpoint has beyond its socket and buffers.
struct OriginSession: BitwiseCopyable {
    /// How far its beginning has come.
    enum Step: UInt8, BitwiseCopyable { case connecting, securing, open }

    /// The connection's entry.
    let upstream: Handle
    let slot: Int32
    var step = Step.connecting
    /// There once it is open.
    var session: HTTP2Session?
    var reader: HTTP2FrameReader
    var meter: HTTP2Meter
    /// Requests at a time that the pool allows.
    let streamLimit: Int32
    /// The same as the endpoint allows it, once it has said.
    var room: Int32 = 1
    var hasSettings = false
    /// Those that have been sent, and those that wait to be.
    var active = StreamList()
    var waiting = StreamList()
    /// The next connection to the same endpoint.
    var next: Int32 = -1
    /// No more requests: it ends with its last stream.
    var isLeaving = false
    /// An answer has come by it.
    var hasServed = false
    var isQueued = false
    // What the meter was told already.
    var resetsSeen = 0
    var framesSeen = 0
    // Deadlines of the pool that it was opened for.
    let timeouts: OriginTimeouts
    let keepIdle: Interval
    var idleSince: Instant
    var heard: Instant
    /// When the endpoint was asked for a sign of life that has not come.
    var asked = Instant.never
    /// Since when the socket takes nothing.
    var blockedSince = Instant.never
}

/// What a stream to an endpoint has beyond its exchange.
struct OriginStream: BitwiseCopyable {
    let upstream: Handle
    /// Place of its connection among the origins; -1 when that is gone.
    var session: Int32
    /// Its number there; 0 until the request has been handed over.
    var number: Int32 = 0
    // Where it stands in one of its connection's lists.
    var isWaiting = true
    var previous: Int32 = -1
    var next: Int32 = -1
    /// Response heads as text that nobody has read yet.
    var heads = Pending()
    /// Content that came and was not passed on yet.
    var queue = BodyQueue()
    /// Trailers as text, with the empty line that ends them.
    var trailers = Pending()
    /// The final response head has come.
    var hasHead = false
    /// The text says a length of 0 that the endpoint did not.
    var addsLength = false
    /// The endpoint has finished its response.
    var isFinished = false
    /// It ended without that.
    var fault: Fault?
    /// The length that was declared, and what of it has been read.
    var length: UInt64?
    var read: UInt64 = 0

    var isOver: Bool { isFinished || fault != nil }
}
