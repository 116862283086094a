// SPDX-License-Identifier: Apache-2.0

/// What `Cache-Control` says, of a request or of a response (RFC 9111 §5.2).
public struct CacheDirectives: BitwiseCopyable, Sendable, Equatable {
    /// Directives without a number.
    public struct Words: OptionSet, BitwiseCopyable, Sendable {
        /// One bit for each.
        public let rawValue: UInt32
        /// A set from its bits.
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// `no-cache` without names of fields.
        public static let noCache = Words(rawValue: 1)
        /// `no-cache` for the fields that it names alone.
        public static let noCacheFields = Words(rawValue: 2)
        /// `no-store`.
        public static let noStore = Words(rawValue: 4)
        /// `no-transform`.
        public static let noTransform = Words(rawValue: 8)
        /// `private` without names of fields.
        public static let isPrivate = Words(rawValue: 16)
        /// `private` for the fields that it names alone.
        public static let privateFields = Words(rawValue: 32)
        /// `public`.
        public static let isPublic = Words(rawValue: 64)
        /// `must-revalidate`.
        public static let mustRevalidate = Words(rawValue: 128)
        /// `proxy-revalidate`.
        public static let proxyRevalidate = Words(rawValue: 256)
        /// `must-understand`.
        public static let mustUnderstand = Words(rawValue: 512)
        /// `immutable` (RFC 8246).
        public static let immutable = Words(rawValue: 1024)
        /// `only-if-cached`.
        public static let onlyIfCached = Words(rawValue: 2048)
        /// `max-stale` without a number: however stale.
        public static let anyStale = Words(rawValue: 4096)
        /// The field is there.
        public static let isPresent = Words(rawValue: 8192)
    }

    /// What is said without a number.
    public var words: Words = []
    /// `max-age`.
    public var maxAge: DeltaSeconds = .absent
    /// `s-maxage`.
    public var sharedMaxAge: DeltaSeconds = .absent
    /// `stale-while-revalidate` (RFC 5861 §3).
    public var staleWhileRevalidate: DeltaSeconds = .absent
    /// `stale-if-error` (RFC 5861 §4).
    public var staleIfError: DeltaSeconds = .absent
    /// `max-stale` with a number.
    public var maxStale: DeltaSeconds = .absent
    /// `min-fresh`.
    public var minFresh: DeltaSeconds = .absent

    /// Nothing said.
    public init() {}

    /// Reads all `Cache-Control` lines of a head.
    ///
    /// Of numbers that are given twice the smaller counts, and one that cannot be read counts as
    /// none at all: RFC 9111 §4.2.1 leaves the choice between the first and stale. What forbids counts
    /// however badly it is written.
    public init(_ fields: borrowing FieldTable, _ bytes: Span<UInt8>) {
        var place = fields.first(.cacheControl)
        while let index = place {
            read(fields[index].value, bytes)
            place = fields.next(.cacheControl, from: index &+ 1)
        }
    }

    /// Reads one value more.
    public mutating func read(_ value: ByteRange, _ bytes: Span<UInt8>) {
        words.insert(.isPresent)
        var reader = DirectiveReader(value)
        while let directive = reader.next(bytes) { note(directive, bytes) }
    }

    private mutating func note(_ directive: DirectiveReader.Directive, _ bytes: Span<UInt8>) {
        switch DirectiveName.recognize(bytes, directive.name) {
        case .other: break
        case .maxAge: maxAge.lower(to: number(directive, bytes))
        case .sharedMaxAge: sharedMaxAge.lower(to: number(directive, bytes))
        case .staleWhileRevalidate: staleWhileRevalidate.lower(to: number(directive, bytes))
        case .staleIfError: staleIfError.lower(to: number(directive, bytes))
        case .minFresh: minFresh.raise(to: number(directive, bytes))
        case .maxStale where !directive.hasArgument && directive.isWellFormed:
            words.insert(.anyStale)
        case .maxStale: maxStale.lower(to: number(directive, bytes))
        case .noCache: words.insert(directive.namesFields ? .noCacheFields : .noCache)
        case .isPrivate: words.insert(directive.namesFields ? .privateFields : .isPrivate)
        case .noStore: words.insert(.noStore)
        case .noTransform: words.insert(.noTransform)
        case .mustRevalidate: words.insert(.mustRevalidate)
        case .proxyRevalidate: words.insert(.proxyRevalidate)
        case .mustUnderstand: words.insert(.mustUnderstand)
        case .onlyIfCached: words.insert(.onlyIfCached)
        // What allows something has to be written well.
        case .isPublic: if directive.isWellFormed { words.insert(.isPublic) }
        case .immutable: if directive.isWellFormed { words.insert(.immutable) }
        }
    }

    private func number(
        _ directive: DirectiveReader.Directive,
        _ bytes: Span<UInt8>
    ) -> DeltaSeconds {
        guard directive.isWellFormed, directive.hasArgument else { return .invalid }
        return DeltaSeconds(bytes.slice(directive.argument))
    }
}

extension DeltaSeconds {
    /// Keeps the smaller of two; one that cannot be read is smaller than all.
    mutating func lower(to other: DeltaSeconds) {
        switch (self, other) {
        case (.absent, _): self = other
        case (_, .absent), (.invalid, _): break
        case (_, .invalid): self = .invalid
        case (.seconds(let own), .seconds(let next)): self = .seconds(min(own, next))
        }
    }

    /// Keeps the greater of two; one that cannot be read is greater than all.
    mutating func raise(to other: DeltaSeconds) {
        switch (self, other) {
        case (.absent, _): self = other
        case (_, .absent), (.invalid, _): break
        case (_, .invalid): self = .invalid
        case (.seconds(let own), .seconds(let next)): self = .seconds(max(own, next))
        }
    }
}

extension DirectiveReader.Directive {
    /// True for `private="a, b"`, and for the form without quotes that nobody should send (RFC 9111
    /// §5.2.2.4); what is empty or broken names none, and counts for the whole response.
    var namesFields: Bool { hasArgument && isWellFormed && !argument.isEmpty }
}
