// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol Steering Runtime EdgeCache HTTPGateway
// dictionary: http.dict
import Essentials
import HTTPProtocol

@testable import HTTPGateway

/// A request finds the route that the documented order of precedence gives it, told by a second
/// way that looks at every route; and cookies are read alike by both.
func examine(_ bytes: [UInt8]) {
    comparePairs(bytes, separator: UInt8(ascii: ";"))
    comparePairs(bytes, separator: UInt8(ascii: "&"))
    var fields = FieldTable(limit: 100)
    var head = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    guard parser.parse(bytes.span, fields: &fields, head: &head) == .complete else { return }
    let view = RequestView(
        head: head,
        fields: fields.entries,
        bytes: bytes.span,
        path: bytes.span.slice(head.path),
        client: IPAddress(v4: 0x7f00_0001),
        isTLS: false
    )
    var cookies: [[UInt8]] = []
    for index in 0..<fields.count where fields[index].known == .cookie {
        cookies.append(copy(bytes.span.slice(fields[index].value)))
    }
    var host = copy(view.host).map(lower)
    if host.count > 1, host.last == UInt8(ascii: ".") { host.removeLast() }
    let path = view.path.isEmpty ? Array("/".utf8) : copy(view.path)
    let found = table.match(view)
    let wanted = order.first { fits(routes[$0], host, path, cookies) } ?? -1
    promise(found == wanted, "route \(found) was found, \(wanted) is the one")
}

private struct Route {
    var host: HostMatch
    var path: PathMatch
    var cookie: (name: String, value: String)?
}

private let routes: [Route] = {
    var list: [Route] = []
    let hosts: [HostMatch] = [
        .any, .exact("a.example.com"), .exact("a"), .wildcard("example.com"), .wildcard("com"),
        .wildcard("a.example.com"),
    ]
    let paths: [PathMatch] = [
        .prefix("/"), .exact("/"), .prefix("/a"), .prefix("/a/"), .exact("/a"), .prefix("/a/b"),
        .exact("/a/b/c"), .prefix("/A"), .prefix("/static/img/"),
    ]
    for (number, host) in hosts.enumerated() {
        // Each host lacks another path, so that less special ones have their turn.
        for (place, path) in paths.enumerated() where (number + place) % 4 != 3 {
            if place % 3 == 0 {
                list.append(Route(host: host, path: path, cookie: ("sid", "1")))
                list.append(Route(host: host, path: path, cookie: ("sid", "")))
            }
            if place % 2 == 0 { list.append(Route(host: host, path: path)) }
            if place % 2 == 1 { list.append(Route(host: host, path: path, cookie: ("b", "=x"))) }
        }
    }
    return list
}()

private let table = RouteTable(
    routes.enumerated().map { number, route in
        var plan = RoutePlan(name: "r\(number)", host: route.host, path: route.path, pool: 0)
        if let cookie = route.cookie {
            plan.condition = .cookie(ValueMatch(name: cookie.name, test: .equals(cookie.value)))
        }
        return plan
    }
)

/// The routes from the most special to the least; those alike in the order of the file.
private let order: [Int] = routes.indices.sorted { a, b in
    let (first, second) = (rank(routes[a]), rank(routes[b]))
    return first == second ? a < b : first.lexicographicallyPrecedes(second)
}

private func rank(_ route: Route) -> [Int] {
    let host: [Int] =
        switch route.host {
        case .exact: [0, 0]
        case .wildcard(let name): [1, -name.utf8.count]
        case .any: [2, 0]
        }
    switch route.path {
    case .exact: return host + [0, 0]
    case .prefix(let text): return host + [1, -text.utf8.count]
    default: return host + [2, 0]
    }
}

private func fits(_ route: Route, _ host: [UInt8], _ path: [UInt8], _ cookies: [[UInt8]]) -> Bool {
    switch route.host {
    case .any: break
    case .exact(let name): guard host == Array(name.utf8) else { return false }
    case .wildcard(let name):
        let end = Array(".\(name)".utf8)
        guard host.count > end.count, Array(host.suffix(end.count)) == end else { return false }
    }
    switch route.path {
    case .exact(let text): guard path == Array(text.utf8) else { return false }
    case .prefix(let text):
        let start = Array(text.utf8)
        guard path.starts(with: start) else { return false }
        let isWhole = start.last == UInt8(ascii: "/") || path.count == start.count
        guard isWhole || path[start.count] == UInt8(ascii: "/") else { return false }
    default: return false
    }
    guard let cookie = route.cookie else { return true }
    let wanted = [Array(cookie.name.utf8), Array(cookie.value.utf8)]
    return cookies.contains { pairs($0, separator: UInt8(ascii: ";")).contains(wanted) }
}

// MARK: Pairs

private func comparePairs(_ bytes: [UInt8], separator: UInt8) {
    var reader = PairReader(bytes.span, separator: separator)
    var seen: [[[UInt8]]] = []
    while reader.next() {
        promise(reader.name.end <= bytes.count, "a name lies in the text")
        promise(reader.value.end <= bytes.count, "a value lies in the text")
        seen.append([
            copy(bytes.span.slice(reader.name)), copy(bytes.span.slice(reader.value)),
        ])
        promise(seen.count <= bytes.count, "reading comes to an end")
    }
    promise(seen == pairs(bytes, separator: separator), "pairs are read in two ways")
}

private func pairs(_ bytes: [UInt8], separator: UInt8) -> [[[UInt8]]] {
    bytes.split(separator: separator).compactMap { piece in
        let pair = piece.drop { $0 == 0x20 }
        guard !pair.isEmpty else { return nil }
        let middle = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
        return [Array(pair[..<middle]), Array(pair[middle...].dropFirst())]
    }
}

private func copy(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

private func lower(_ octet: UInt8) -> UInt8 { octet &- 0x41 < 26 ? octet | 0x20 : octet }
