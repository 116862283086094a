// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Conditions on what a body holds, asked before and after its beginning has come.
extension ConditionTable {
    /// As ``holds(_:_:)``, for a request whose body has not come: nil when that makes a difference.
    func verdict(_ place: Int, _ request: RequestView) -> Bool? {
        let node = nodes[place]
        switch node.kind {
        case .json, .form: return ConditionTable.isOf(node.kind, request) ? nil : false
        case .not: return verdict(place &+ 1, request).map { !$0 }
        case .all, .any:
            // What decides at once, whatever the others say.
            let decisive = node.kind == .any
            var isOpen = false
            var child = place &+ 1
            while child < Int(node.end) {
                let found = verdict(child, request)
                if found == decisive { return decisive }
                isOpen = isOpen || found == nil
                child = Int(nodes[child].end)
            }
            return isOpen ? nil : !decisive
        default: return holds(place, request)
        }
    }

    func anyMember(_ node: Node, _ request: RequestView) -> Bool {
        guard request.knowsBody, ConditionTable.isOf(node.kind, request) else { return false }
        guard node.kind == .json else {
            let whole = ConditionTable.wholePairs(request.body, isCut: request.isBodyCut)
            return anyPair(node, whole, separator: UInt8(ascii: "&"))
        }
        let path = text.span.slice(node.name)
        guard let range = JSONFieldReader.value(at: path, in: request.body) else { return false }
        return passes(node, request.body.slice(range))
    }

    /// A form without a pair that may go on behind what is known of it.
    @_lifetime(copy body)
    private static func wholePairs(_ body: Span<UInt8>, isCut: Bool) -> Span<UInt8> {
        guard isCut else { return body }
        var end = body.count
        while end > 0, body[end &- 1] != UInt8(ascii: "&") { end &-= 1 }
        return body.extracting(0..<end)
    }

    /// True when the body says that it is of this kind: nobody waits for an upload of another.
    private static func isOf(_ kind: Kind, _ request: RequestView) -> Bool {
        guard !request.head.framing.isEmpty else { return false }
        for index in request.fields.indices where request.fields[index].known == .contentType {
            let value = request.bytes.slice(request.fields[index].value)
            var end = 0
            while end < value.count, value[end] != UInt8(ascii: ";"), value[end] > 0x20 {
                end &+= 1
            }
            let type = value.extracting(0..<end)
            return kind == .json ? isJSON(type) : isForm(type)
        }
        return false
    }

    /// `application/json`, `application/ld+json` and the like (RFC 6839 §3.1).
    private static func isJSON(_ type: Span<UInt8>) -> Bool {
        guard type.count > 5 else { return false }
        let before = type[type.count &- 5]
        return (before == UInt8(ascii: "/") || before == UInt8(ascii: "+"))
            && word(type, last: 4) == 0x6a73_6f6e
    }

    /// `application/x-www-form-urlencoded`: the one type of this length that ends so.
    private static func isForm(_ type: Span<UInt8>) -> Bool {
        type.count == 33 && word(type, last: 8) == 0x6c65_6e63_6f64_6564
    }

    private static func word(_ type: Span<UInt8>, last count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in max(type.count &- count, 0)..<type.count {
            value = value << 8 | UInt64(ASCII.lowercased(type[index]))
        }
        return value
    }
}
