// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Conditions compiled to one flat list in prefix order: asking one touches no reference count.
struct ConditionTable: Sendable {
    enum Kind: UInt8, Sendable, BitwiseCopyable {
        case all, any, not, method, header, cookie, query, json, form, contentType, client, tls
    }
    enum Test: UInt8, Sendable, BitwiseCopyable {
        case present, equals, prefix, suffix, contains, expression
    }
    struct Node: Sendable, BitwiseCopyable {
        var kind: Kind
        var test = Test.present
        /// The place behind this node and all below it.
        var end: Int32 = 0
        var name = ByteRange.empty
        var value = ByteRange.empty
        /// Place in `expressions` or `prefixes`; 0 or 1 for a truth value.
        var number: Int32 = -1
    }

    private(set) var nodes: [Node] = []
    /// True when some condition looks into bodies.
    private(set) var readsBody = false
    private(set) var text: [UInt8] = []
    private var prefixes: [Prefix] = []
    private var expressions: [UnownedExpression] = []
    // Keeps the expressions alive that the others name.
    private var owners: [RegularExpression] = []

    // MARK: Asking

    /// True when the condition that begins at `place` holds.
    func holds(_ place: Int, _ request: RequestView) -> Bool {
        let node = nodes[place]
        switch node.kind {
        case .all:
            var child = place &+ 1
            while child < Int(node.end) {
                if !holds(child, request) { return false }
                child = Int(nodes[child].end)
            }
            return true
        case .any:
            var child = place &+ 1
            while child < Int(node.end) {
                if holds(child, request) { return true }
                child = Int(nodes[child].end)
            }
            return false
        case .not: return !holds(place &+ 1, request)
        case .client: return prefixes[Int(node.number)].contains(request.client)
        case .tls: return request.isTLS == (node.number == 1)
        case .method:
            return same(request.bytes.slice(request.head.methodRange), node.value)
        case .header: return anyField(node, request)
        case .contentType: return contentType(node, request)
        case .cookie: return anyCookie(node, request)
        case .json, .form: return anyMember(node, request)
        case .query:
            return anyPair(
                node,
                request.bytes.slice(request.head.query),
                separator: UInt8(ascii: "&")
            )
        }
    }

    private func anyField(_ node: Node, _ request: RequestView) -> Bool {
        let name = text.span.slice(node.name)
        for index in request.fields.indices {
            let field = request.fields[index]
            guard field.name.count == node.name.count,
                FieldSyntax.equalsIgnoringCase(request.bytes.slice(field.name), name)
            else { continue }
            if passes(node, request.bytes.slice(field.value)) { return true }
        }
        return false
    }

    private func anyCookie(_ node: Node, _ request: RequestView) -> Bool {
        for index in request.fields.indices where request.fields[index].known == .cookie {
            let value = request.bytes.slice(request.fields[index].value)
            if anyPair(node, value, separator: UInt8(ascii: ";")) { return true }
        }
        return false
    }

    func anyPair(_ node: Node, _ pairs: Span<UInt8>, separator: UInt8) -> Bool {
        var reader = PairReader(pairs, separator: separator)
        while reader.next() {
            guard same(pairs.slice(reader.name), node.name) else { continue }
            if passes(node, pairs.slice(reader.value)) { return true }
        }
        return false
    }

    private func contentType(_ node: Node, _ request: RequestView) -> Bool {
        for index in request.fields.indices where request.fields[index].known == .contentType {
            let value = request.bytes.slice(request.fields[index].value)
            var end = 0
            while end < value.count, value[end] != UInt8(ascii: ";"), value[end] > 0x20 {
                end &+= 1
            }
            let wanted = text.span.slice(node.value)
            let isKind = node.test == .prefix
            guard isKind ? end > wanted.count : end == wanted.count else { continue }
            let given = value.extracting(0..<wanted.count)
            if FieldSyntax.equalsIgnoringCase(given, wanted) { return true }
        }
        return false
    }

    func passes(_ node: Node, _ given: Span<UInt8>) -> Bool {
        let count = Int(node.value.count)
        switch node.test {
        case .present: return true
        case .equals: return same(given, node.value)
        case .prefix: return given.count >= count && same(given.extracting(0..<count), node.value)
        case .suffix:
            let start = given.count &- count
            return start >= 0 && same(given.extracting(start..<given.count), node.value)
        case .contains:
            var start = 0
            while start &+ count <= given.count {
                if same(given.extracting(start..<start &+ count), node.value) { return true }
                start &+= 1
            }
            return false
        case .expression: return matches(expression: Int(node.number), given)
        }
    }

    private func same(_ given: Span<UInt8>, _ range: ByteRange) -> Bool {
        guard given.count == Int(range.count), range.end <= text.count else { return false }
        let start = Int(range.start)
        for index in given.indices where given[index] != text[start &+ index] { return false }
        return true
    }

    // MARK: Building, off the loops

    /// Adds a condition and answers its place.
    mutating func add(_ condition: RouteCondition) -> Int {
        let place = nodes.count
        nodes.append(Node(kind: .all))
        switch condition {
        case .all(let parts): nest(.all, parts, at: place)
        case .any(let parts): nest(.any, parts, at: place)
        case .not(let part): nest(.not, [part], at: place)
        case .method(let name):
            nodes[place].kind = .method
            nodes[place].value = keep(name)
        case .header(let match): fill(place, .header, match)
        case .cookie(let match): fill(place, .cookie, match)
        case .query(let match): fill(place, .query, match)
        case .json(let match): fill(place, .json, match)
        case .form(let match): fill(place, .form, match)
        case .contentType(let type):
            nodes[place].kind = .contentType
            nodes[place].test = type.hasSuffix("/*") ? .prefix : .equals
            nodes[place].value = keep(type.hasSuffix("/*") ? String(type.dropLast()) : type)
        case .client(let prefix):
            nodes[place].kind = .client
            nodes[place].number = Int32(prefixes.count)
            prefixes.append(prefix)
        case .tls(let isWanted):
            nodes[place].kind = .tls
            nodes[place].number = isWanted ? 1 : 0
        }
        nodes[place].end = Int32(nodes.count)
        return place
    }

    /// Adds an expression and answers its number; -1, which matches nothing, for one that does
    /// not compile: the configuration is refused before it gets here.
    mutating func add(expression: String) -> Int {
        guard let owner = try? RegularExpression(expression) else { return -1 }
        owners.append(owner)
        expressions.append(owner.unowned)
        return expressions.count - 1
    }

    /// True when the expression with this number matches somewhere in the bytes.
    func matches(expression number: Int, _ bytes: Span<UInt8>) -> Bool {
        expressions.indices.contains(number) && expressions[number].matches(bytes)
    }

    private mutating func nest(_ kind: Kind, _ parts: [RouteCondition], at place: Int) {
        nodes[place].kind = kind
        for part in parts { _ = add(part) }
    }

    private mutating func fill(_ place: Int, _ kind: Kind, _ match: ValueMatch) {
        nodes[place].kind = kind
        if kind == .json || kind == .form { readsBody = true }
        nodes[place].name = keep(match.name)
        switch match.test {
        case .present: nodes[place].test = .present
        case .equals(let text): set(place, .equals, text)
        case .prefix(let text): set(place, .prefix, text)
        case .suffix(let text): set(place, .suffix, text)
        case .contains(let text): set(place, .contains, text)
        case .expression(let pattern):
            let number = add(expression: pattern)
            nodes[place].test = .expression
            nodes[place].number = Int32(number)
        }
    }

    private mutating func set(_ place: Int, _ test: Test, _ text: String) {
        nodes[place].test = test
        nodes[place].value = keep(text)
    }

    private mutating func keep(_ word: String) -> ByteRange {
        let range = ByteRange(start: UInt32(text.count), count: UInt32(word.utf8.count))
        text += word.utf8
        return range
    }
}
