// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// The request that a route's templates are filled from.
struct TemplateContext: ~Escapable {
    let record: RouteRecord
    let head: RequestHead
    let bytes: Span<UInt8>
    /// The path in its plain form.
    let path: Span<UInt8>
    let client: IPAddress
    let requestID: RequestID
    /// Zero where there is no tracing.
    let traceID: UInt128
    let isTLS: Bool
    /// What ``ActionTable/supplied(_:in:of:)`` found; nothing for an answer of the door's own.
    var supplied: UInt64 = 0

    @_lifetime(copy bytes, copy path)
    init(
        record: RouteRecord,
        head: RequestHead,
        bytes: Span<UInt8>,
        path: Span<UInt8>,
        client: IPAddress,
        requestID: RequestID,
        traceID: UInt128,
        isTLS: Bool
    ) {
        self.record = record
        self.head = head
        self.bytes = bytes
        self.path = path
        self.client = client
        self.requestID = requestID
        self.traceID = traceID
        self.isTLS = isTLS
    }
}

/// Where in a scratch lies what a route writes; empty for what it leaves as it is.
struct RouteText: BitwiseCopyable {
    /// The target that goes to the endpoint, or the location that goes to the client.
    var target = ByteRange.empty
    var host = ByteRange.empty
    /// Whole field lines.
    var fields = ByteRange.empty
    /// False when something did not fit: then nothing may be sent.
    var isWhole = true
}

/// What a route writes into a message, beside the bytes that it lies in.
struct RouteChanges: ~Escapable {
    let text: RouteText
    let bytes: Span<UInt8>

    @_lifetime(copy bytes)
    init(_ text: RouteText, _ bytes: Span<UInt8>) {
        self.text = text
        self.bytes = bytes
    }

    func writeFields(into output: inout OutputSpan<UInt8>) -> Bool {
        text.fields.isEmpty || output.write(bytes.slice(text.fields))
    }
}

/// Writing what routes change. Every writer answers false when there is no room.
extension ActionTable {
    /// Target, host and fields for the endpoint.
    func writeRequest(
        _ context: TemplateContext,
        into output: inout OutputSpan<UInt8>,
        hasPlainPath: Bool
    ) -> RouteText {
        var result = RouteText()
        let record = context.record
        if record.target < 0, hasPlainPath {
            result.isWhole =
                output.write(context.path) && writeQuery(context, into: &output)
            result.target = ByteRange(from: 0, to: output.count)
        }
        if record.target >= 0 {
            result.isWhole = writeReference(record.target, context, into: &output)
            if record.keepsQuery, result.isWhole {
                result.isWhole = writeQuery(context, into: &output)
            }
            result.target = ByteRange(from: 0, to: output.count)
        }
        if record.host >= 0, result.isWhole {
            let start = output.count
            result.isWhole = write(record.host, context, into: &output)
            result.host = ByteRange(from: start, to: output.count)
        }
        let start = output.count
        result.isWhole =
            result.isWhole && writeEdits(record.requestEdits, context, into: &output)
        result.fields = ByteRange(from: start, to: output.count)
        return result
    }

    /// Location and fields for the client.
    func writeResponse(
        _ context: TemplateContext,
        into output: inout OutputSpan<UInt8>
    ) -> RouteText {
        var result = RouteText()
        if context.record.location >= 0 {
            result.isWhole = writeReference(context.record.location, context, into: &output)
            result.target = ByteRange(from: 0, to: output.count)
        }
        let start = output.count
        result.isWhole =
            result.isWhole && writeEdits(context.record.responseEdits, context, into: &output)
        result.fields = ByteRange(from: start, to: output.count)
        return result
    }

    /// The fields that a route sets or adds; those it replaces have been left out before.
    private func writeEdits(
        _ range: ByteRange,
        _ context: TemplateContext,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        for place in Int(range.start)..<range.end where edits[place].kind != .remove {
            let edit = edits[place]
            if edit.isSecureOnly, !context.isTLS { continue }
            let bit = UInt64(place &- Int(range.start))
            if edit.kind == .supply, context.supplied >> bit & 1 == 1 { continue }
            guard output.write(text.span.slice(edit.name)), output.write(": "),
                write(edit.value, context, into: &output), output.writeLineEnd()
            else { return false }
        }
        return true
    }

    /// A path, or a whole URL: what begins with a part of the path never begins with `//`, which
    /// would name another host (RFC 3986 §4.2).
    private func writeReference(
        _ template: Int32,
        _ context: TemplateContext,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard let first = parts(of: template).first else { return output.write("/") }
        switch parts[first].kind {
        case .path, .uri, .rest, .parameter:
            guard output.write("/") else { return false }
            return write(template, context, into: &output, skippingSlashes: true)
        default: return write(template, context, into: &output)
        }
    }

    private func write(
        _ template: Int32,
        _ context: TemplateContext,
        into output: inout OutputSpan<UInt8>,
        skippingSlashes: Bool = false
    ) -> Bool {
        var skipsSlashes = skippingSlashes
        for place in parts(of: template) {
            let before = output.count
            let isWritten: Bool
            if skipsSlashes {
                let value = pathPart(parts[place], context)
                var start = 0
                while start < value.count, value[start] == UInt8(ascii: "/") { start &+= 1 }
                isWritten =
                    output.write(value.extracting(start..<value.count))
                    && (parts[place].kind != .uri || writeQuery(context, into: &output))
                skipsSlashes = false
            } else {
                isWritten = write(parts[place], context, into: &output)
            }
            guard isWritten else {
                output.removeLast(output.count &- before)
                return false
            }
        }
        return true
    }

    private func parts(of template: Int32) -> Range<Int> {
        guard templates.indices.contains(Int(template)) else { return 0..<0 }
        let range = templates[Int(template)]
        return Int(range.start)..<range.end
    }

    private func write(
        _ part: Part,
        _ context: TemplateContext,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        switch part.kind {
        case .text: output.write(text.span.slice(part.text))
        case .scheme: output.write(context.isTLS ? "https" : "http" as StaticString)
        case .host: output.write(context.bytes.slice(context.head.host))
        case .authority: output.write(context.bytes.slice(context.head.authority))
        case .query: output.write(context.bytes.slice(context.head.query))
        case .method: output.write(context.bytes.slice(context.head.methodRange))
        case .client: output.write(address: context.client)
        case .requestID: output.write(context.requestID)
        case .traceID: context.traceID == 0 || output.write(traceID: context.traceID)
        case .path, .rest, .parameter, .uri:
            (context.path.isEmpty && part.kind != .rest && part.kind != .parameter
                ? output.write("/") : output.write(pathPart(part, context)))
                && (part.kind != .uri || writeQuery(context, into: &output))
        }
    }

    private func writeQuery(
        _ context: TemplateContext,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard context.head.hasQuery else { return true }
        return output.write("?") && output.write(context.bytes.slice(context.head.query))
    }

    @_lifetime(copy context)
    private func pathPart(
        _ part: Part,
        _ context: TemplateContext
    ) -> Span<UInt8> {
        let path = context.path
        switch part.kind {
        case .rest:
            if context.record.path.isEmpty { return path }
            let template = text.span.slice(context.record.path)
            let end = PathTemplate.end(template, in: path, context.record.isExactPath)
            return path.extracting(max(0, min(end, path.count))..<path.count)
        case .parameter:
            let template = text.span.slice(context.record.path)
            let name = text.span.slice(part.text)
            return path.slice(PathTemplate.parameter(name, of: template, in: path))
        default: return path
        }
    }
}
