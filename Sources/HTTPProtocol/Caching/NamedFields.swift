// SPDX-License-Identifier: Apache-2.0

/// The fields that `no-cache="…"` and `private="…"` name (RFC 9111 §5.2.2.4, §5.2.2.7).
public enum NamedFields {
    /// Keeps each field that is named from being copied on, so that it is not stored.
    ///
    /// What may not be used without asking may as well not be kept: it comes with the answer.
    public static func hide(in fields: inout FieldTable, _ bytes: Span<UInt8>) {
        var place = fields.first(.cacheControl)
        while let index = place {
            var reader = DirectiveReader(fields[index].value)
            while let directive = reader.next(bytes) {
                let name = DirectiveName.recognize(bytes, directive.name)
                guard name == .noCache || name == .isPrivate, directive.namesFields else {
                    continue
                }
                var list = ListReader(directive.argument)
                while let field = list.next(bytes) { hide(bytes.slice(field), in: &fields, bytes) }
            }
            place = fields.next(.cacheControl, from: index &+ 1)
        }
    }

    /// True when `no-cache` or `private` of these fields names one so, in any case.
    public static func contains(
        _ name: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Bool {
        var place = fields.first(.cacheControl)
        while let index = place {
            var reader = DirectiveReader(fields[index].value)
            while let directive = reader.next(bytes) {
                let known = DirectiveName.recognize(bytes, directive.name)
                guard known == .noCache || known == .isPrivate, directive.namesFields else {
                    continue
                }
                var list = ListReader(directive.argument)
                while let field = list.next(bytes) {
                    if FieldSyntax.equalsIgnoringCase(bytes.slice(field), name) { return true }
                }
            }
            place = fields.next(.cacheControl, from: index &+ 1)
        }
        return false
    }

    private static func hide(
        _ name: Span<UInt8>,
        in fields: inout FieldTable,
        _ bytes: Span<UInt8>
    ) {
        for index in 0..<fields.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(fields[index].name), name) {
            fields.hide(at: index)
        }
    }
}
