// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What an entry among the door's clients stands for.
enum ClientKind: UInt8, BitwiseCopyable {
    /// A connection by HTTP/1.1: one exchange at a time.
    case connection
    /// A connection by HTTP/2: it carries streams and has no exchange itself.
    case session
    /// A stream of such a connection: one exchange, and no socket.
    case stream
    /// A connection of TLS whose bytes pass unread to an endpoint.
    case passage
    /// A copy of a request on its way to another pool: no client at all, and no socket.
    case mirror
    /// A request whose answer goes into a store: no client at all, and no socket.
    case fetch
}

/// What a connection by HTTP/2 has beyond its socket and buffers.
struct SessionState: BitwiseCopyable {
    /// How far its end has come (RFC 9113 §6.8).
    enum Ending: UInt8, BitwiseCopyable { case none, announced, final }

    /// The connection's entry.
    let client: Handle
    let session: HTTP2Session
    var reader: HTTP2FrameReader
    var meter: HTTP2Meter
    /// Streams that may be open at a time.
    let streamLimit: UInt32
    /// The highest stream that the client has opened, or tried to.
    var lastStream: Int32 = 0
    var streams: Int32 = 0
    /// Requests at work whose windows were shut when they began.
    var shut: Int32 = 0
    /// Requests that wait for their windows, or for one of those to end.
    var held: Int32 = 0
    var ending = Ending.none
    var hasPreface = false
    /// What the meter was told already.
    var resetsSeen = 0
    var framesSeen = 0
    /// When the last stream ended.
    var idleSince: Instant
    /// Since when part of a piece waits for its rest.
    var partialSince = Instant.never
    /// Since when a request was answered whose rest still comes.
    var answeredSince = Instant.never
    /// When closed windows are looked for next.
    var windowCheck = Instant.never
    /// When the first GOAWAY was written.
    var announced = Instant.never
}

/// What a stream has beyond its exchange.
struct StreamState: BitwiseCopyable {
    /// Place of its connection among the sessions.
    let session: Int32
    /// The stream's number on its connection.
    let number: Int32
    var scheme = HTTP2Conversion.Scheme.none
    /// Content that came and was not passed on yet.
    var queue = BodyQueue()
    /// Trailers of the request, as text with the empty line that ends them.
    var trailers = Pending()
    /// What an endpoint has to answer, should the stream become a WebSocket.
    let key: WebSocketKey
    /// Place among the WebSockets, once it is one.
    var socket: Int32 = -1
    /// The client has finished its request.
    var isFinished = false
    /// The stream is closed: there is nobody to tell.
    var isGone = false
    var window = Window.open

    /// How the window of a stream lets its request go to work.
    enum Window: UInt8, BitwiseCopyable {
        case open
        /// At work, with a window that was shut when it began.
        case shut
        /// Not yet at work.
        case held
    }
}

extension Client {
    var isStream: Bool { kind == .stream }
}

extension Handle {
    /// The handle as one number, which is never 0 for one that a slab gave out.
    var number: UInt64 { UInt64(generation) << 32 | UInt64(index) }

    init(number: UInt64) {
        self.init(
            index: UInt32(truncatingIfNeeded: number),
            generation: UInt32(truncatingIfNeeded: number >> 32)
        )
    }
}
