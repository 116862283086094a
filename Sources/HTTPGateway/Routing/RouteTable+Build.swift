// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Building the table, off the loops.
extension RouteTable {
    /// A table of the routes; of two that are always taken the first one counts.
    init(_ routes: [RoutePlan]) {
        var builder = Builder()
        for (number, route) in routes.enumerated() {
            var link = Link()
            if let condition = route.condition { link.condition = Int32(conditions.add(condition)) }
            links.append(link)
            let host = builder.numbers[route.host] ?? addHost(route.host)
            builder.numbers[route.host] = host
            let key = PathKey(host: host, path: route.path)
            if let last = builder.lastRoutes.updateValue(number, forKey: key) {
                links[last].next = Int32(number)
            } else {
                add(route.path, host: host, route: number, &builder)
            }
        }
        fillLengths(builder)
        fillPatterns(builder)
        fillPlaces()
        fillParents()
    }

    private struct PathKey: Hashable {
        let host: Int
        let path: PathMatch
    }

    /// What is known of hosts and paths while the table grows.
    private struct Builder {
        var numbers: [HostMatch: Int] = [:]
        /// The last route seen of each host and path.
        var lastRoutes: [PathKey: Int] = [:]
        var prefixLengths: [Int: Set<UInt32>] = [:]
        var templates: [Int: [(rank: (Int, Int), pattern: Pattern)]] = [:]
        var expressions: [Int: [Pattern]] = [:]
    }

    private mutating func add(
        _ match: PathMatch,
        host: Int,
        route: Int,
        _ builder: inout Builder
    ) {
        let (path, isExact): (String, Bool)
        switch match {
        case .exact(let text): (path, isExact) = (text, true)
        case .prefix(let text): (path, isExact) = (text, false)
        case .expression(let text):
            let number = conditions.add(expression: text)
            let pattern = Pattern(
                isExact: false,
                text: .empty,
                expression: number < 0 ? .max : Int32(number),
                route: Int32(route)
            )
            builder.expressions[host, default: []].append(pattern)
            return
        }
        let range = add(Array(path.utf8))
        guard !PathTemplate.isTemplate(path) else {
            let pattern = Pattern(
                isExact: isExact,
                text: range,
                expression: -1,
                route: Int32(route)
            )
            // Most segments first, and of as many the one with more that are given.
            let segments = path.split(separator: "/").count
            let rank = (segments, segments - PathTemplate.names(path).count)
            builder.templates[host, default: []].append((rank, pattern))
            return
        }
        if isExact {
            hosts[host].hasExactPaths = true
        } else {
            builder.prefixLengths[host, default: []].insert(range.count)
        }
        paths.append(Path(host: Int32(host), isExact: isExact, text: range, route: Int32(route)))
    }

    private mutating func fillLengths(_ builder: Builder) {
        for host in hosts.indices {
            let sorted = builder.prefixLengths[host, default: []].sorted()
            hosts[host].lengths = ByteRange(
                start: UInt32(lengths.count),
                count: UInt32(sorted.count)
            )
            lengths += sorted
        }
    }

    private mutating func fillPatterns(_ builder: Builder) {
        for host in hosts.indices {
            let start = patterns.count
            let templates = builder.templates[host, default: []].enumerated().sorted { a, b in
                let (left, right) = (a.element, b.element)
                if left.rank != right.rank { return left.rank > right.rank }
                if left.pattern.isExact != right.pattern.isExact { return left.pattern.isExact }
                return a.offset < b.offset
            }
            patterns += templates.map(\.element.pattern)
            patterns += builder.expressions[host, default: []]
            hosts[host].patterns = ByteRange(from: start, to: patterns.count)
        }
    }

    /// What a prefix covers is covered by its shorter prefixes too: they come next.
    private mutating func fillParents() {
        for index in paths.indices where !paths[index].isExact {
            let path = Array(text[Int(paths[index].text.start)..<paths[index].text.end])
            let host = Int(paths[index].host)
            var hash = RouteTable.pathSeed(host: host)
            var length = 0
            let places = hosts[host].lengths
            for wanted in lengths[Int(places.start)..<places.end] where Int(wanted) < path.count {
                while length < Int(wanted) {
                    hash = RouteTable.roll(hash, path[length])
                    length += 1
                }
                let found = find(
                    path: path.span,
                    length: length,
                    hash: hash,
                    host: host,
                    exact: false
                )
                if found >= 0 { paths[index].parent = Int32(found) }
            }
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
