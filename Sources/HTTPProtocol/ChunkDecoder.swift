// SPDX-License-Identifier: Apache-2.0

/// What ``ChunkDecoder`` found next.
public enum ChunkStep: BitwiseCopyable, Sendable, Equatable {
    /// Body bytes, at this range of the span that was given.
    case data(ByteRange)
    /// All bytes are used up; more are needed.
    case needMore
    /// The last chunk was read; the trailer section follows, for ``TrailerParser``.
    case lastChunk
    /// The body is not acceptable; close the connection.
    case refused(Refusal)
}

/// Takes the chunked transfer coding apart (RFC 9112 §7.1), strictly.
public struct ChunkDecoder: BitwiseCopyable, Sendable {
    /// A decoder at the start of a body.
    public init() {}

    /// Reads on from `position` and moves it past what is used up.
    ///
    /// The bytes before `position` are never needed again. After ``ChunkStep/lastChunk`` hand
    /// the bytes from `position` on to a ``TrailerParser``.
    public mutating func next(_ bytes: Span<UInt8>, at position: inout Int) -> ChunkStep {
        .needMore
    }
}
