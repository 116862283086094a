// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// One TCP connection (RFC 7766), plain or with TLS (RFC 7858): what has been read and not yet answered, and what has been
/// answered and not yet taken.
///
/// Blocks are held only while they hold something: an idle connection is this struct and no more.
struct DNSConnection: BitwiseCopyable {
    /// A message with its length, 2 + 65,535 octets; also the most that waits for a slow reader.
    static let answerLimit = 65_537
    static let pendingBlocks = 5

    var socket: FileDescriptor
    var listener: Int
    var peer: IPAddress
    var port: UInt16 = 0
    var input = Block.none
    var inputCount = 0
    var pending = InlineArray<5, Block>(repeating: .none)
    var pendingStart = 0
    var pendingEnd = 0
    var hasEnded = false
    var wantsWrite = false
    // The TLS session of a connection at a listener with certificates.
    var tls = Handle.none
    // The handshake is not over: there are no messages yet.
    var isShaking = false
    // Nothing has been answered yet.
    var isFresh = true
    // The session holds bytes that the loop will not tell of.
    var holdsMore = false
    var isReadyQueued = false
    // Zones are on their way.
    var isTransferring = false

    var isSecure: Bool { isShaking || !tls.isNone }
    var transport: DNSTransport { isSecure ? .dot : .tcp }

    /// Nothing is half done.
    var isQuiet: Bool { inputCount == 0 && pendingEnd == 0 && !isTransferring }
    /// It may be closed for reasons of ours: whoever has gone to the length of a handshake gets the
    /// answer that it was for.
    var mayEnd: Bool { isQuiet && !(isSecure && isFresh) }
}

/// What one pass over the queries in hand did.
struct FrameProgress {
    /// Octets of input that are done with.
    var consumed = 0
    /// Queries answered.
    var answered = 0
    /// Octets of the frame behind that, which asks for a transfer; 0 for none.
    var transferLength = 0
    /// The output was full: the rest waits until it is sent.
    var isFull = false
    /// The peer does not speak DNS, or sends responses: nothing more is read from it.
    var isBroken = false
}
