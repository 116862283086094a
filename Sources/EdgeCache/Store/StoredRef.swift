// SPDX-License-Identifier: Apache-2.0

/// Names one entry of a ``CacheStore``, and whoever has it from there keeps the entry's memory until
/// ``CacheStore/release(_:)``.
public struct StoredRef: BitwiseCopyable, Sendable, Equatable {
    /// A number of its own, for tables: no two entries ever have the same.
    public let number: UInt64

    // Generation, place and shard.
    init(shard: Int, slot: Int, generation: UInt32) {
        number =
            UInt64(generation) << 32 | UInt64(UInt32(truncatingIfNeeded: slot << 4))
            | UInt64(shard & 15)
    }

    private init(number: UInt64) { self.number = number }

    /// No entry.
    public static var none: StoredRef { StoredRef(number: .max) }
    /// True for ``none``.
    public var isNone: Bool { number == .max }

    var shard: Int { Int(number & 15) }
    var slot: Int { Int((number & 0xffff_ffff) >> 4) }
    var generation: UInt32 { UInt32(truncatingIfNeeded: number >> 32) }

    /// The most entries of a shard.
    static let slotLimit = 1 << 28 - 1
}

/// Why the origin is asked, as `Cache-Status` tells it (RFC 9211 §2.2).
public enum FetchReason: UInt8, Sendable, CaseIterable {
    /// Nothing is stored under the key.
    case uriMiss
    /// What is stored under the key is for requests with other fields.
    case varyMiss
    /// What is stored is stale.
    case stale
    /// The request does not take what is stored.
    case request

    /// As `Cache-Status` tells it.
    public var word: StaticString {
        switch self {
        case .uriMiss: "uri-miss"
        case .varyMiss: "vary-miss"
        case .stale: "stale"
        case .request: "request"
        }
    }

    init(_ reason: AskReason) {
        switch reason {
        case .stale, .mustAsk: self = .stale
        case .request: self = .request
        }
    }
}

/// What a store knows for a request.
///
/// Each entry that is named is kept for the caller, who releases it.
public enum CacheFound: Sendable, Equatable {
    /// It is stored, and fresh.
    case fresh(StoredRef)
    /// It is stored and stale, and may be served as it is.
    case stale(StoredRef)
    /// It is stored, and fresh for a little while still; the caller fetches it anew meanwhile.
    case ahead(StoredRef, fill: StoredRef)
    /// It is stored and stale and may be served; the caller fetches it anew meanwhile.
    case refreshing(StoredRef, fill: StoredRef)
    /// The caller fetches it. The base, where there is one, is to be validated, or served on an error.
    case fetch(StoredRef, base: StoredRef, FetchReason)
    /// Somebody fetches it already; who is to be told is noted.
    case wait(StoredRef, base: StoredRef)
    /// It may be on the disk, and is being read; who is to be told is noted, and looks again then. The one for
    /// whom it was begun has it read.
    case load(StoredRef, isNew: Bool)
    /// There is nothing that can be used, and the caller may not fetch for the store.
    case absent(FetchReason)
    /// Nothing is stored, and it was not asked for often enough to be.
    case tooRare
    /// Its answers could not be stored lately.
    case passing
    /// It would have to be asked for, and the client does not want that: 504 (RFC 9111 §5.2.1.7).
    case unavailable
    /// There is no room to begin a fill.
    case overloaded
}

/// What became of the head of a fill.
public enum OpenAnswer: UInt8, Sendable, CaseIterable {
    /// It is stored; the body may come.
    case kept
    /// It is greater than objects may be. The fill is still awaited, for the caller to end.
    case tooLarge
    /// There is no room. The fill is still awaited, for the caller to end.
    case noRoom
    /// It was forgotten by order meanwhile and nobody waits for it, or is awaited no more.
    case overtaken
}

/// How far a fill is.
public enum FillState: UInt8, Sendable, CaseIterable {
    /// It has no head yet.
    case awaited
    /// Its head is there, the body comes.
    case growing
    /// It is whole.
    case complete
    /// Its answer may not be stored.
    case refused
    /// It came to nothing.
    case failed
    /// Its base was validated (304), and is to be used.
    case renewed
}

/// What is known of an entry whose head is there.
public struct StoredView: BitwiseCopyable, Sendable, Equatable {
    /// What decides on its use.
    public let facts: StoredFacts
    /// The length of the body, once it is known.
    public let length: UInt64?
}

/// What follows in a body.
public enum PieceState: UInt8, Sendable, CaseIterable {
    /// Octets.
    case bytes
    /// Nothing: it is whole.
    case end
    /// Nothing yet; who is to be told is noted.
    case wait
    /// Nothing ever: the fill came to nothing.
    case failed
}

/// A part of a body without a gap, and what follows when it is empty.
public struct StoredPiece: ~Escapable {
    /// The octets; readable until the entry is released.
    public let bytes: Span<UInt8>
    /// `bytes` when there are any.
    public let state: PieceState

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, _ state: PieceState) {
        self.bytes = bytes
        self.state = state
    }
}

/// How stored objects are forgotten.
public enum PurgeMode: UInt8, Sendable, CaseIterable {
    /// They are gone.
    case hard
    /// They are stale until they are asked for anew.
    case soft
}
