// SPDX-License-Identifier: Apache-2.0

/// Directives for caches of one kind (RFC 9213).
extension CacheDirectives {
    /// Reads what an origin says to a cache: in the first field of `targets` that is there, is not
    /// empty and follows the grammar of structured fields, else in `Cache-Control` (RFC 9213 §2.2).
    ///
    /// The second value is true when a targeted field was found: `Cache-Control`, `Expires` and `Pragma` then
    /// say nothing to this cache.
    public static func ofResponse(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        targets: TargetList
    ) -> (directives: CacheDirectives, isTargeted: Bool) {
        for name in targets.names {
            if let directives = targeted(fields, bytes, by: name.span) { return (directives, true) }
        }
        return (CacheDirectives(fields, bytes), false)
    }

    private static func targeted(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        by name: Span<UInt8>
    ) -> CacheDirectives? {
        var result = CacheDirectives()
        for index in 0..<fields.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(fields[index].name), name) {
            var reader = StructuredDictionary(fields[index].value)
            while let member = reader.next(bytes) { result.note(member, bytes) }
            guard !reader.isBroken else { return nil }
        }
        return result.words.contains(.isPresent) ? result : nil
    }

    /// Of a key that comes twice the last one counts (RFC 9651 §4.2.2).
    private mutating func note(_ member: StructuredDictionary.Member, _ bytes: Span<UInt8>) {
        words.insert(.isPresent)
        switch DirectiveName.recognize(bytes, member.key) {
        case .maxAge: maxAge = DeltaSeconds(member.value)
        case .sharedMaxAge: sharedMaxAge = DeltaSeconds(member.value)
        case .staleWhileRevalidate: staleWhileRevalidate = DeltaSeconds(member.value)
        case .staleIfError: staleIfError = DeltaSeconds(member.value)
        case .noCache: set(.noCache, member.value)
        case .noStore: set(.noStore, member.value)
        case .noTransform: set(.noTransform, member.value)
        case .isPrivate: set(.isPrivate, member.value)
        case .isPublic: set(.isPublic, member.value)
        case .mustRevalidate: set(.mustRevalidate, member.value)
        case .proxyRevalidate: set(.proxyRevalidate, member.value)
        case .mustUnderstand: set(.mustUnderstand, member.value)
        case .immutable: set(.immutable, member.value)
        case .other, .maxStale, .minFresh, .onlyIfCached: break
        }
    }

    /// A value of another type counts as if there were none: RFC 9213 names no fields, and what it
    /// forbids is then forbidden for all of the response.
    private mutating func set(_ word: Words, _ value: StructuredDictionary.Value) {
        if value == .boolean(false) { words.remove(word) } else { words.insert(word) }
    }
}

extension DeltaSeconds {
    fileprivate init(_ value: StructuredDictionary.Value) {
        guard case .integer(let number) = value, number >= 0 else {
            self = .invalid
            return
        }
        self = .seconds(UInt32(truncatingIfNeeded: min(number, Int64(DeltaSeconds.greatest))))
    }
}

/// The names of fields that speak to this cache, the nearest first (RFC 9213 §2.2).
public struct TargetList: Sendable, Equatable {
    let names: [[UInt8]]

    /// A list of names, in any case.
    public init(_ names: [String]) { self.names = names.map { Array($0.utf8) } }

    /// What every cache at the edge reads: `CDN-Cache-Control`, and before it what is for Martlet alone.
    public static let standard = TargetList(["Martlet-Cache-Control", "CDN-Cache-Control"])
}
