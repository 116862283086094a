// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Finds the route of a request in a time that does not depend on the number of routes.
///
/// Hosts and paths lie in two hash tables. For a host, exact comes before wildcard and a longer
/// wildcard before a shorter one; routes for any host come last. Within a host, an exact path comes
/// first, then templates, the one with most segments first, then regular expressions in the order
/// of the file, then prefixes, the longest first: the hash of the path is rolled forward once and
/// looked up at each length that the host has prefixes of. Routes with the same host and path are
/// asked in the order of the file whether their condition holds. Where none holds, the next less
/// special path is asked, and after the last one the next less special host.
struct RouteTable: Sendable {
    struct Host: Sendable, BitwiseCopyable {
        var kind: HostKind
        var text: ByteRange
        var lengths: ByteRange  // places in `lengths`
        var patterns = ByteRange.empty  // places in `patterns`
        var hasExactPaths = false
    }
    enum HostKind: UInt8, Sendable, BitwiseCopyable { case any, exact, wildcard }
    struct Path: Sendable, BitwiseCopyable {
        var host: Int32
        var isExact: Bool
        var text: ByteRange
        /// The first route of those with this host and path.
        var route: Int32
        /// The longest shorter prefix that covers this one too; -1 for none.
        var parent: Int32 = -1
    }
    /// A template or a regular expression.
    struct Pattern: Sendable, BitwiseCopyable {
        var isExact: Bool
        var text: ByteRange
        var expression: Int32  // -1: a template
        var route: Int32
    }
    /// What a route's turn depends on.
    struct Link: Sendable, BitwiseCopyable {
        var condition: Int32 = -1  // place in `conditions`; -1 when it always holds
        var next: Int32 = -1  // the next route with the same host and path
    }

    /// All host and path texts, one after the other.
    var text: [UInt8] = []
    var hosts: [Host] = []
    var paths: [Path] = []
    var patterns: [Pattern] = []
    /// By route.
    var links: [Link] = []
    var conditions = ConditionTable()
    /// For each host its distinct prefix lengths, ascending.
    var lengths: [UInt32] = []
    /// Open addressing: place in `hosts` or `paths` plus one; 0 is empty.
    var hostPlaces: [Int32] = [0]
    var pathPlaces: [Int32] = [0]
    var anyHost: Int32 = -1

    /// No route fits.
    static let none = -1
    /// Which route fits depends on a body that has not come.
    static let needsBody = -2

    /// The number of the route for a request; ``none`` or ``needsBody`` when there is none yet.
    func match(_ request: RequestView) -> Int {
        guard request.path.isEmpty else { return match(request, path: request.path) }
        // `http://host` and `*` mean the root.
        let root: InlineArray<1, UInt8> = [UInt8(ascii: "/")]
        return match(request, path: root.span)
    }

    private func match(_ request: RequestView, path: Span<UInt8>) -> Int {
        var name = request.host
        if name.count > 1, name[name.count - 1] == UInt8(ascii: ".") {
            name = name.extracting(0..<name.count - 1)
        }
        if !name.isEmpty {
            let exact = find(host: name, kind: .exact)
            if exact >= 0 {
                let route = match(request, path: path, host: exact)
                if route != RouteTable.none { return route }
            }
            var index = 0
            while index < name.count {
                if name[index] == UInt8(ascii: "."), index > 0 {
                    let suffix = name.extracting(index + 1..<name.count)
                    let wildcard = find(host: suffix, kind: .wildcard)
                    if wildcard >= 0 {
                        let route = match(request, path: path, host: wildcard)
                        if route != RouteTable.none { return route }
                    }
                }
                index &+= 1
            }
        }
        return anyHost >= 0 ? match(request, path: path, host: Int(anyHost)) : -1
    }

    /// The best route of one host; -1 when none fits.
    private func match(_ request: RequestView, path: Span<UInt8>, host: Int) -> Int {
        var best = -1
        var hash = RouteTable.pathSeed(host: host)
        var length = 0
        var next = Int(hosts[host].lengths.start)
        let end = hosts[host].lengths.end
        while next < end {
            let wanted = Int(lengths[next])
            if wanted > path.count { break }
            while length < wanted {
                hash = RouteTable.roll(hash, path[length])
                length &+= 1
            }
            let found = find(path: path, length: length, hash: hash, host: host, exact: false)
            if found >= 0 { best = found }
            next &+= 1
        }
        if hosts[host].hasExactPaths {
            while length < path.count {
                hash = RouteTable.roll(hash, path[length])
                length &+= 1
            }
            let exact = find(path: path, length: length, hash: hash, host: host, exact: true)
            if exact >= 0 {
                let route = pick(paths[exact].route, request)
                if route != RouteTable.none { return route }
            }
        }
        if !hosts[host].patterns.isEmpty {
            let route = match(request, path: path, patterns: hosts[host].patterns)
            if route != RouteTable.none { return route }
        }
        while best >= 0 {
            let route = pick(paths[best].route, request)
            if route != RouteTable.none { return route }
            best = Int(paths[best].parent)
        }
        return -1
    }

    private func match(_ request: RequestView, path: Span<UInt8>, patterns places: ByteRange) -> Int
    {
        for place in Int(places.start)..<places.end {
            let pattern = patterns[place]
            let fits =
                pattern.expression >= 0
                ? conditions.matches(expression: Int(pattern.expression), path)
                : PathTemplate.end(text.span.slice(pattern.text), in: path, pattern.isExact) >= 0
            guard fits else { continue }
            let route = pick(pattern.route, request)
            if route != RouteTable.none { return route }
        }
        return -1
    }

    /// The first route of a chain whose condition holds; -1 when there is none.
    @inline(__always)
    private func pick(_ first: Int32, _ request: RequestView) -> Int {
        var route = Int(first)
        while route >= 0 {
            let link = links[route]
            if link.condition < 0 { return route }
            if conditions.readsBody, !request.knowsBody {
                guard let holds = conditions.verdict(Int(link.condition), request) else {
                    return RouteTable.needsBody
                }
                if holds { return route }
            } else if conditions.holds(Int(link.condition), request) {
                return route
            }
            route = Int(link.next)
        }
        return RouteTable.none
    }

    private func find(host name: Span<UInt8>, kind: HostKind) -> Int {
        guard hostPlaces.count > 1 else { return -1 }
        let mask = hostPlaces.count - 1
        var place = Int(truncatingIfNeeded: RouteTable.hostHash(name, kind: kind)) & mask
        while hostPlaces[place] != 0 {
            let index = Int(hostPlaces[place]) - 1
            if hosts[index].kind == kind, matches(name, hosts[index].text, folding: true) {
                return index
            }
            place = (place &+ 1) & mask
        }
        return -1
    }

    /// The place in `paths` of what stands for this path; -1 when nothing does.
    func find(
        path: Span<UInt8>,
        length: Int,
        hash: UInt64,
        host: Int,
        exact: Bool
    ) -> Int {
        guard pathPlaces.count > 1 else { return -1 }
        let mask = pathPlaces.count - 1
        var place = RouteTable.pathPlace(hash, exact: exact) & mask
        while pathPlaces[place] != 0 {
            let entry = paths[Int(pathPlaces[place]) - 1]
            if Int(entry.host) == host, entry.isExact == exact, Int(entry.text.count) == length,
                matches(path.extracting(0..<length), entry.text, folding: false),
                exact || RouteTable.endsSegment(path, length)
            {
                return Int(pathPlaces[place]) - 1
            }
            place = (place &+ 1) & mask
        }
        return -1
    }

    /// True when cutting `path` at `length` cuts between two segments.
    static func endsSegment(_ path: Span<UInt8>, _ length: Int) -> Bool {
        if length >= path.count || length == 0 { return true }
        return path[length - 1] == UInt8(ascii: "/") || path[length] == UInt8(ascii: "/")
    }

    func matches(_ given: Span<UInt8>, _ range: ByteRange, folding: Bool) -> Bool {
        guard given.count == Int(range.count), range.end <= text.count else { return false }
        var index = 0
        let start = Int(range.start)
        while index < given.count {
            let byte = folding ? ASCII.lowercased(given[index]) : given[index]
            if byte != text[start &+ index] { return false }
            index &+= 1
        }
        return true
    }

    static func hostHash(_ name: Span<UInt8>, kind: HostKind) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(kind.rawValue)
        for index in name.indices { hash = roll(hash, ASCII.lowercased(name[index])) }
        return Hash.mix(hash)
    }
    static func pathSeed(host: Int) -> UInt64 {
        0xcbf2_9ce4_8422_2325 ^ Hash.mix(UInt64(truncatingIfNeeded: host))
    }
    @inline(__always) static func roll(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    static func pathPlace(_ hash: UInt64, exact: Bool) -> Int {
        Int(truncatingIfNeeded: Hash.mix(hash ^ (exact ? 1 : 0)))
    }
}
