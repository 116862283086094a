// SPDX-License-Identifier: Apache-2.0
internal import HTTPProtocol

/// Paths with parameters: in `/users/{id}/orders`, `{id}` stands for one segment that is not empty.
enum PathTemplate {
    static func isTemplate(_ path: String) -> Bool { path.utf8.contains(UInt8(ascii: "{")) }

    /// Where the template ends in the path; -1 when the path does not fit.
    ///
    /// A template that is not exact covers what lies below it too, whole segments at a time.
    static func end(_ template: Span<UInt8>, in path: Span<UInt8>, _ isExact: Bool) -> Int {
        var walk = Walk()
        while walk.step(template, path) {}
        guard walk.place == template.count else { return -1 }
        if walk.end == path.count { return walk.end }
        return !isExact && RouteTable.endsSegment(path, walk.end) ? walk.end : -1
    }

    /// Where the value of a parameter lies in a path that fits; empty for an unknown name.
    static func parameter(
        _ name: Span<UInt8>,
        of template: Span<UInt8>,
        in path: Span<UInt8>
    ) -> ByteRange {
        var walk = Walk()
        while walk.step(template, path) {
            let given = template.slice(walk.name)
            guard !given.isEmpty, given.count == name.count else { continue }
            if FieldSyntax.equalsIgnoringCase(given, name) { return walk.value }
        }
        return .empty
    }

    /// The names of a template's parameters, in their order.
    static func names(_ template: String) -> [String] {
        template.split(separator: "/").compactMap { segment in
            guard segment.hasPrefix("{"), segment.hasSuffix("}") else { return nil }
            return String(segment.dropFirst().dropLast())
        }
    }

    /// Goes through template and path side by side, one byte or one parameter at a time.
    private struct Walk {
        var place = 0
        var end = 0
        /// The parameter of the last step; empty when it was none.
        var name = ByteRange.empty
        var value = ByteRange.empty

        /// False at the end of the template and where the path differs from it.
        mutating func step(_ template: Span<UInt8>, _ path: Span<UInt8>) -> Bool {
            name = .empty
            guard place < template.count else { return false }
            guard template[place] == UInt8(ascii: "{") else {
                guard end < path.count, path[end] == template[place] else { return false }
                place &+= 1
                end &+= 1
                return true
            }
            let start = end
            while end < path.count, path[end] != UInt8(ascii: "/") { end &+= 1 }
            guard end > start else { return false }
            let nameStart = place &+ 1
            while place < template.count, template[place] != UInt8(ascii: "}") { place &+= 1 }
            name = ByteRange(from: nameStart, to: place)
            value = ByteRange(from: start, to: end)
            place &+= 1
            return true
        }
    }
}
