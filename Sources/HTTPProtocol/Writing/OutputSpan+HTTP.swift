// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Writing heads and chunks. Every writer answers false, and writes nothing, when there is no
/// room or when the text would not be valid: what cannot be read safely is never sent.
extension OutputSpan where Element == UInt8 {
    /// Appends CRLF.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeLineEnd() -> Bool { write("\r\n" as StaticString) }

    /// Appends a field line whose bytes come from a parsed head, which has judged them already.
    @discardableResult @_lifetime(self: copy self)
    public mutating func copyField(_ field: FieldSlice, from bytes: Span<UInt8>) -> Bool {
        if field.isVerbatim {
            let line = ByteRange(from: Int(field.name.start), to: field.value.end &+ 2)
            return write(bytes.slice(line))
        }
        let name = bytes.slice(field.name)
        let value = bytes.slice(field.value)
        guard name.count &+ value.count &+ 4 <= freeCapacity else { return false }
        write(name)
        write(": " as StaticString)
        write(value)
        return writeLineEnd()
    }

    /// Appends the fields of a parsed head that may be forwarded, in their order.
    ///
    /// Left out are the hop-by-hop ones, those that must not come in trailers and those in
    /// `dropped`. Neighbours that stand in `bytes` as they would be written are copied in one
    /// piece: their octets have been judged one by one, so copying is writing anew.
    @discardableResult @_lifetime(self: copy self)
    public mutating func copyFields(
        _ fields: borrowing FieldTable,
        from bytes: Span<UInt8>,
        dropping dropped: FieldSet
    ) -> Bool {
        let before = count
        var isWhole = true
        var run = 0..<0
        var index = 0
        while index < fields.count {
            let field = fields[index]
            index &+= 1
            if field.isHopByHop || field.isForbidden || dropped.contains(field.known) { continue }
            let start = Int(field.name.start)
            if field.isVerbatim, start == run.upperBound {
                run = run.lowerBound..<Swift.max(start, field.value.end &+ 2)
                continue
            }
            isWhole = write(bytes.slice(ByteRange(from: run.lowerBound, to: run.upperBound)))
            run = 0..<0
            if isWhole {
                if field.isVerbatim {
                    run = start..<Swift.max(start, field.value.end &+ 2)
                } else {
                    isWhole = copyField(field, from: bytes)
                }
            }
            guard isWhole else { break }
        }
        if isWhole {
            isWhole = write(bytes.slice(ByteRange(from: run.lowerBound, to: run.upperBound)))
        }
        if !isWhole { removeLast(count &- before) }
        return isWhole
    }

    /// Appends a field line after judging name and value (RFC 9110 §5).
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeField(_ name: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        guard name.count &+ value.count &+ 4 <= freeCapacity else { return false }
        guard FieldSyntax.isToken(name), FieldSyntax.isFieldValue(value) else { return false }
        write(name)
        write(": " as StaticString)
        write(value)
        return writeLineEnd()
    }

    /// Appends a field line with a name of ours, after judging the value.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeField(_ name: StaticString, _ value: Span<UInt8>) -> Bool {
        guard name.utf8CodeUnitCount &+ value.count &+ 4 <= freeCapacity else { return false }
        guard FieldSyntax.isFieldValue(value) else { return false }
        write(name)
        write(": " as StaticString)
        write(value)
        return writeLineEnd()
    }

    /// Appends a field line with name and value of ours.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeField(_ name: StaticString, _ value: StaticString) -> Bool {
        let length = name.utf8CodeUnitCount &+ value.utf8CodeUnitCount &+ 4
        guard length <= freeCapacity else { return false }
        write(name)
        write(": " as StaticString)
        write(value)
        return writeLineEnd()
    }

    /// Appends a field line with a number as its value.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeField(_ name: StaticString, decimal value: UInt64) -> Bool {
        guard name.utf8CodeUnitCount &+ 24 <= freeCapacity else { return false }
        write(name)
        write(": " as StaticString)
        write(decimal: value)
        return writeLineEnd()
    }

    /// Appends `METHOD target HTTP/1.1` for an origin (RFC 9112 §3).
    ///
    /// The target is written in origin form whatever its form was; `OPTIONS http://host` becomes
    /// `OPTIONS *` (RFC 9112 §3.2.4).
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeRequestLine(_ head: RequestHead, from bytes: Span<UInt8>) -> Bool {
        let method = bytes.slice(head.methodRange)
        let path = bytes.slice(head.path)
        let query = bytes.slice(head.query)
        guard method.count &+ path.count &+ query.count &+ 14 <= freeCapacity else { return false }
        write(method)
        write(UInt8(ascii: " "))
        if head.form == .asterisk || head.method == .options && path.isEmpty && !head.hasQuery {
            write(UInt8(ascii: "*"))
        } else if path.isEmpty {
            write(UInt8(ascii: "/"))
        } else {
            write(path)
        }
        if head.hasQuery {
            write(UInt8(ascii: "?"))
            write(query)
        }
        return write(" HTTP/1.1\r\n" as StaticString)
    }

    /// Appends `HTTP/1.1 status reason` with the reason phrase of RFC 9110 §15.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeStatusLine(_ status: UInt16) -> Bool {
        let reason = StatusText.reason(status)
        guard reason.utf8CodeUnitCount &+ 20 <= freeCapacity else { return false }
        write("HTTP/1.1 " as StaticString)
        write(decimal: UInt64(status))
        write(UInt8(ascii: " "))
        write(reason)
        return writeLineEnd()
    }

    /// Appends `HTTP/1.1 status reason` with the reason phrase the origin sent.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeStatusLine(_ head: ResponseHead, from bytes: Span<UInt8>) -> Bool {
        let reason = bytes.slice(head.reason)
        guard reason.count &+ 20 <= freeCapacity else { return false }
        write("HTTP/1.1 " as StaticString)
        write(decimal: UInt64(head.status))
        write(UInt8(ascii: " "))
        write(reason)
        return writeLineEnd()
    }

    /// Appends the line before a chunk of `size` bytes; a size of 0 is refused (RFC 9112 §7.1).
    ///
    /// It takes at most 18 bytes.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeChunkHeader(_ size: Int) -> Bool {
        guard size > 0, freeCapacity >= 18 else { return false }
        let digits = (67 &- size.leadingZeroBitCount) >> 2
        write(hexadecimal: UInt64(size), width: digits)
        return writeLineEnd()
    }

    /// Appends CRLF, which ends the data of a chunk.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeChunkEnd() -> Bool { writeLineEnd() }

    /// Appends the last chunk; the trailer fields and one more CRLF follow (RFC 9112 §7.1.2).
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeLastChunk() -> Bool { write("0\r\n" as StaticString) }

    /// Appends the last chunk and the end of an empty trailer section.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeChunkedEnd() -> Bool { write("0\r\n\r\n" as StaticString) }
}
