// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Building the table, off the loops.
extension RouteTable {
    /// A table of the routes; of two with the same host and path the first one counts.
    init(_ routes: [RoutePlan]) {
        var numbers: [HostMatch: Int] = [:]
        var seen: Set<PathKey> = []
        var prefixLengths: [Set<UInt32>] = []
        for (number, route) in routes.enumerated() {
            let host = numbers[route.host] ?? addHost(route.host)
            if numbers[route.host] == nil {
                numbers[route.host] = host
                prefixLengths.append([])
            }
            guard seen.insert(PathKey(host: host, path: route.path)).inserted else { continue }
            let (path, isExact) = RouteTable.bytes(route.path)
            if isExact {
                hosts[host].hasExactPaths = true
            } else {
                prefixLengths[host].insert(UInt32(path.count))
            }
            paths.append(
                Path(
                    host: Int32(host),
                    isExact: isExact,
                    text: add(path),
                    route: Int32(number)
                )
            )
        }
        for host in hosts.indices {
            let sorted = prefixLengths[host].sorted()
            hosts[host].lengths = ByteRange(
                start: UInt32(lengths.count),
                count: UInt32(sorted.count)
            )
            lengths += sorted
        }
        fillPlaces()
    }

    private struct PathKey: Hashable {
        let host: Int
        let path: PathMatch
    }

    private static func bytes(_ path: PathMatch) -> ([UInt8], isExact: Bool) {
        switch path {
        case .exact(let path): (Array(path.utf8), true)
        case .prefix(let path): (Array(path.utf8), false)
        }
    }

    private mutating func add(_ bytes: [UInt8]) -> ByteRange {
        let range = ByteRange(start: UInt32(text.count), count: UInt32(bytes.count))
        text += bytes
        return range
    }

    private mutating func addHost(_ host: HostMatch) -> Int {
        switch host {
        case .any:
            hosts.append(Host(kind: .any, text: .empty, lengths: .empty))
            anyHost = Int32(hosts.count - 1)
        case .exact(let name):
            let range = add(Array(name.lowercased().utf8))
            hosts.append(Host(kind: .exact, text: range, lengths: .empty))
        case .wildcard(let name):
            let range = add(Array(name.lowercased().utf8))
            hosts.append(Host(kind: .wildcard, text: range, lengths: .empty))
        }
        return hosts.count - 1
    }

    private mutating func fillPlaces() {
        hostPlaces = RouteTable.empty(for: hosts.count)
        for index in hosts.indices where hosts[index].kind != .any {
            let name = Array(text[Int(hosts[index].text.start)..<hosts[index].text.end])
            let hash = RouteTable.hostHash(name.span, kind: hosts[index].kind)
            RouteTable.put(index, at: Int(truncatingIfNeeded: hash), in: &hostPlaces)
        }
        pathPlaces = RouteTable.empty(for: paths.count)
        for index in paths.indices {
            var hash = RouteTable.pathSeed(host: Int(paths[index].host))
            for place in Int(paths[index].text.start)..<paths[index].text.end {
                hash = RouteTable.roll(hash, text[place])
            }
            let place = RouteTable.pathPlace(hash, exact: paths[index].isExact)
            RouteTable.put(index, at: place, in: &pathPlaces)
        }
    }

    /// Places for `count` entries, at most half full.
    private static func empty(for count: Int) -> [Int32] {
        var size = 2
        while size < count * 2 { size *= 2 }
        return [Int32](repeating: 0, count: size)
    }

    private static func put(_ index: Int, at hash: Int, in places: inout [Int32]) {
        var place = hash & (places.count - 1)
        while places[place] != 0 { place = (place + 1) & (places.count - 1) }
        places[place] = Int32(index + 1)
    }
}
