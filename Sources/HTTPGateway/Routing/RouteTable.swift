// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Finds the route of a request in a time that does not depend on the number of routes.
///
/// Hosts and paths lie in two hash tables. For a host, exact comes before wildcard and a longer
/// wildcard before a shorter one; routes for any host come last. Within a host, an exact path comes
/// before prefixes and a longer prefix before a shorter one: the hash of the path is rolled forward
/// once and looked up at each length that the host has prefixes of. A host without a matching path
/// hands over to the next less special one.
struct RouteTable: Sendable {
    struct Host: Sendable, BitwiseCopyable {
        var kind: HostKind
        var text: ByteRange
        var lengths: ByteRange  // places in `lengths`
        var hasExactPaths = false
    }
    enum HostKind: UInt8, Sendable, BitwiseCopyable { case any, exact, wildcard }
    struct Path: Sendable, BitwiseCopyable {
        var host: Int32
        var isExact: Bool
        var text: ByteRange
        var route: Int32
    }

    /// All host and path texts, one after the other.
    var text: [UInt8] = []
    var hosts: [Host] = []
    var paths: [Path] = []
    /// For each host its distinct prefix lengths, ascending.
    var lengths: [UInt32] = []
    /// Open addressing: place in `hosts` or `paths` plus one; 0 is empty.
    var hostPlaces: [Int32] = [0]
    var pathPlaces: [Int32] = [0]
    var anyHost: Int32 = -1

    /// The number of the route for a host (without port) and a path; -1 when there is none.
    func match(host: Span<UInt8>, path: Span<UInt8>) -> Int {
        var name = host
        if name.count > 1, name[name.count - 1] == UInt8(ascii: ".") {
            name = name.extracting(0..<name.count - 1)
        }
        if !name.isEmpty {
            let exact = find(host: name, kind: .exact)
            if exact >= 0 {
                let route = match(path: path, host: exact)
                if route >= 0 { return route }
            }
            var index = 0
            while index < name.count {
                if name[index] == UInt8(ascii: "."), index > 0 {
                    let suffix = name.extracting(index + 1..<name.count)
                    let wildcard = find(host: suffix, kind: .wildcard)
                    if wildcard >= 0 {
                        let route = match(path: path, host: wildcard)
                        if route >= 0 { return route }
                    }
                }
                index &+= 1
            }
        }
        return anyHost >= 0 ? match(path: path, host: Int(anyHost)) : -1
    }

    /// The best route of one host; -1 when none fits.
    func match(path: Span<UInt8>, host: Int) -> Int {
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
            let route = find(path: path, length: length, hash: hash, host: host, exact: false)
            if route >= 0 { best = route }
            next &+= 1
        }
        guard hosts[host].hasExactPaths else { return best }
        while length < path.count {
            hash = RouteTable.roll(hash, path[length])
            length &+= 1
        }
        let exact = find(path: path, length: length, hash: hash, host: host, exact: true)
        return exact >= 0 ? exact : best
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

    private func find(
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
                return Int(entry.route)
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
