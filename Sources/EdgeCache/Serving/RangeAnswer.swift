// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import HTTPProtocol

/// What a stored complete response answers to `Range` (RFC 9110 §14.2, §15.3.7).
///
/// A cursor over the parts: for each, the text that is sent before it and the octets that are sent of what is
/// stored; behind the last one the text that ends them.
public struct RangeAnswer: BitwiseCopyable, Sendable {
    /// The form of the answer.
    public enum Form: UInt8, BitwiseCopyable, Sendable {
        /// All of it, as if nothing had been asked.
        case whole
        /// One part, by 206 with `Content-Range`.
        case one
        /// Several parts, by 206 and `multipart/byteranges` (RFC 9110 §14.6).
        case several
        /// None that there is: 416.
        case unsatisfiable
    }

    /// The form of the answer.
    public let form: Form
    /// How much content is stored, in octets.
    public let length: Int64
    /// How much content the answer has, in octets: its `Content-Length`.
    public let totalLength: Int64
    private let ranges: ResolvedRanges?
    private let boundary: UInt64

    /// Judges `Range` of a request for a stored response with `length` octets of content.
    ///
    /// Anything but GET and a stored 200 has all of it, and so has who sends `If-Range` for another version,
    /// which `isAllowed` says (``Preconditions/allowsRange(_:_:now:)``), several lines, another unit, a broken
    /// form, more than eight ranges, and ranges that together are no less than the whole: ranges that overlap
    /// or touch are one. `boundary` is a random number that divides parts, and `type` is how many octets the
    /// stored `Content-Type` has.
    public init(
        _ method: Method,
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        status: UInt16,
        isAllowed: Bool,
        length: Int64,
        type: Int?,
        boundary: UInt64
    ) {
        self.length = length
        self.boundary = boundary
        let asked = RangeAnswer.asked(method, request, bytes, status)
        // Of what is empty there is nothing less to give.
        guard isAllowed, let asked, length > 0, length < 1 << 62 else {
            (form, ranges, totalLength) = (.whole, nil, length)
            return
        }
        let found = asked.resolved(length: length)
        ranges = found
        switch found.count {
        case 0: (form, totalLength) = (.unsatisfiable, 0)
        case 1: (form, totalLength) = (.one, found[0].count)
        default:
            let total = RangeAnswer.total(found, length, type)
            (form, totalLength) = total < length ? (.several, total) : (.whole, length)
        }
    }

    private static func asked(
        _ method: Method,
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ status: UInt16
    ) -> RangeRequest? {
        // RFC 10008 §2.8: of QUERY there are parts as of GET.
        guard method == .get || method == .query, status == 200, let place = request.first(.range),
            request.next(.range, from: place &+ 1) == nil
        else { return nil }
        return RangeRequest(bytes.slice(request[place].value))
    }

    /// The status: 200, 206 or 416.
    public var status: UInt16 {
        switch form {
        case .whole: 200
        case .one, .several: 206
        case .unsatisfiable: 416
        }
    }

    /// How many parts of the content are sent.
    public var count: Int {
        switch form {
        case .whole: length > 0 ? 1 : 0
        case .one, .several: ranges?.count ?? 0
        case .unsatisfiable: 0
        }
    }

    /// The octets of a part; one of no octets past the end.
    public func part(_ index: Int) -> OctetRange {
        switch form {
        case .whole: index == 0 ? OctetRange(0, length &- 1) : OctetRange(0, -1)
        case .one, .several: ranges?[index] ?? OctetRange(0, -1)
        case .unsatisfiable: OctetRange(0, -1)
        }
    }

    // MARK: Texts

    /// Appends what the head says of parts: `Content-Range`, or a `Content-Type` of its own; nothing for the
    /// whole.
    ///
    /// The stored `Content-Type` is left out where there are several parts. False when it does not fit.
    public func writeFields(into output: inout OutputSpan<UInt8>) -> Bool {
        switch form {
        case .whole: return true
        case .one: return writeContentRange(part(0), into: &output)
        case .several:
            guard output.freeCapacity >= 65 else { return false }
            output.write("Content-Type: multipart/byteranges; boundary=")
            output.write(hexadecimal: boundary, width: 16)
            return output.writeLineEnd()
        case .unsatisfiable: return writeContentRange(nil, into: &output)
        }
    }

    /// Appends what is sent before a part, and for ``count`` what ends the last one.
    ///
    /// `type` is the stored `Content-Type` (RFC 9110 §14.6). Nothing where there are not several parts; false
    /// when it does not fit.
    public func write(
        part index: Int,
        type: Span<UInt8>?,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard form == .several, index >= 0, index <= count else { return true }
        let start = output.count
        var isWhole =
            (index == 0 || output.writeLineEnd()) && output.write("--")
            && output.write(hexadecimal: boundary, width: 16)
        if index == count {
            isWhole = isWhole && output.write("--\r\n")
        } else {
            isWhole = isWhole && output.writeLineEnd()
            if isWhole, let type { isWhole = output.writeField("Content-Type", type) }
            isWhole =
                isWhole && writeContentRange(part(index), into: &output)
                && output.writeLineEnd()
        }
        if !isWhole { output.removeLast(output.count &- start) }
        return isWhole
    }

    private func writeContentRange(
        _ range: OctetRange?,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard output.freeCapacity >= 85 else { return false }
        output.write("Content-Range: bytes ")
        if let range {
            output.write(decimal: UInt64(clamping: range.first))
            output.write("-")
            output.write(decimal: UInt64(clamping: range.last))
        } else {
            output.write("*")
        }
        output.write("/")
        output.write(decimal: UInt64(clamping: length))
        return output.writeLineEnd()
    }

    // MARK: Lengths

    /// How long several parts with the texts round them are.
    private static func total(_ ranges: ResolvedRanges, _ length: Int64, _ type: Int?) -> Int64 {
        let typeLine = type.map { 16 &+ Int64(min(max($0, 0), 1 << 20)) } ?? 0
        // Each part has "--", the boundary and CRLF, then "Content-Range: bytes ", "-", "/" and CRLF, then
        // CRLF; each but the first has CRLF before that, and at the end there are CRLF, "--", the boundary,
        // "--" and CRLF. Ranges do not overlap, so that nothing here does.
        let fixed = 2 &+ 20 &+ 25 &+ 2 &+ typeLine &+ digits(length)
        var total: Int64 = 24 &- 2
        for index in 0..<ranges.count {
            let range = ranges[index]
            total = total &+ fixed &+ digits(range.first) &+ digits(range.last) &+ range.count
        }
        return total
    }

    private static func digits(_ number: Int64) -> Int64 {
        var count: Int64 = 1
        var rest = number / 10
        while rest > 0 {
            rest /= 10
            count &+= 1
        }
        return count
    }
}
