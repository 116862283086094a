// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Which entries of a store somebody means.
public enum StoredSelection: Sendable, Equatable {
    /// Those of one key.
    case key([UInt8])
    /// Those whose keys begin so.
    case beginning([UInt8])
    /// Those of a host, `host` or `host:port`; without a port those of all ports.
    case host([UInt8])
    /// Those whose origin gave them a tag, in `Surrogate-Key` or `Cache-Tag`.
    case tag([UInt8])
    /// All of them.
    case all

    /// True for an entry that is meant.
    func isMeant(_ key: Span<UInt8>, _ head: Span<UInt8>) -> Bool {
        switch self {
        case .key(let text): return Text.isSame(key, text.span)
        case .beginning(let text):
            return key.count >= text.count
                && Text.isSame(key.extracting(0..<text.count), text.span)
        case .host(let host): return StoredSelection.isOf(host.span, key)
        case .tag(let tag): return TagReader.has(tag.span, head)
        case .all: return true
        }
    }

    private static func isOf(_ host: Span<UInt8>, _ key: Span<UInt8>) -> Bool {
        guard let parts = CacheKeyRule.parts(ofKey: key) else { return false }
        let stored = key.slice(parts.host)
        guard !hasPort(host) else {
            return HostText.isSame(stored, host, isSecure: parts.isSecure)
        }
        let name = HostText(stored, isSecure: parts.isSecure).name
        let wanted = HostText(host, isSecure: parts.isSecure).name
        return FieldSyntax.equalsIgnoringCase(stored.slice(name), host.slice(wanted))
    }

    /// True for digits behind a colon; those of an IPv6 address end with a bracket.
    private static func hasPort(_ host: Span<UInt8>) -> Bool {
        var end = host.count
        while end > 0, ASCII.isDigit(host[end &- 1]) { end &-= 1 }
        return end > 0 && end < host.count && host[end &- 1] == UInt8(ascii: ":")
    }
}

extension CacheStore {
    /// Forgets what is meant; how many objects that were.
    ///
    /// All but a key is a walk through the store in short steps: nothing for a loop that serves.
    public func purge(_ selection: StoredSelection, _ mode: PurgeMode) -> Int {
        switch selection {
        case .key(let key): return purge(key: key.span, mode)
        case .tag(let tag): return purge(tag: tag.span, mode)
        case .beginning, .host:
            return order(.text(selection), mode) { purge(mode) { selection.isMeant($0, $1) } }
        case .all: return order(.all, mode) { purge(mode) { _, _ in true } }
        }
    }
}
