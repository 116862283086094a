// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What a listener's policy makes of one request's head.
struct ForwardPolicy: BitwiseCopyable {
    var forwarding: Forwarding
    /// Fields that are not copied: they are written anew, or not believed.
    var dropped: FieldSet
    var requestID: RequestID
    var writesRequestID: Bool
    /// What is said in `traceparent`; nil when it is copied as it came.
    var trace: TraceContext?
    /// Whether the endpoint is told that the request may be a copy (RFC 8470 §5.1).
    var isEarly = false
    /// Whether the request is a copy whose answer nobody waits for.
    var isCopy = false
    /// Named in `Host` when the client, by HTTP/1.0, named nobody.
    var endpoint: SocketAddress
}

/// Writes the head that goes to an origin, anew from the parsed form.
///
/// Nothing is copied that was not understood: framing comes from the parsed framing, hop-by-hop
/// fields end here (RFC 9110 §7.6.1), and each other field was judged octet by octet.
enum RequestHeadWriter {
    /// False when it does not fit: then nothing of it may be sent, since a head that lacks a field
    /// may mean something else.
    static func write(
        into scratch: inout Scratch,
        head: RequestHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>,
        policy: ForwardPolicy,
        changes: RouteChanges
    ) -> Bool {
        var isWhole = false
        var dropped = policy.dropped
        if head.method.countsForwards { dropped.insert(.maxForwards) }
        scratch.write { output in
            isWhole =
                writeRequestLine(head, bytes, changes, into: &output)
                && writeHost(head, bytes, policy.endpoint, changes, into: &output)
                && output.copyFields(fields, from: bytes, dropping: dropped)
                && writeForwardsLeft(head, fields, bytes, into: &output)
                && writeFraming(head.framing, into: &output)
                && output.writeForwarding(policy.forwarding, head, fields, from: bytes)
                && writeRequestID(policy, fields, bytes, into: &output)
                && writeTrace(policy.trace, into: &output)
                && (!policy.isEarly || output.write("Early-Data: 1\r\n"))
                && (!policy.isCopy || output.write("Martlet-Mirror: 1\r\n"))
                && changes.writeFields(into: &output)
                && output.writeVia(
                    minorVersion: head.minorVersion,
                    isHTTP2: head.isHTTP2,
                    fields,
                    from: bytes
                )
                && writeConnection(head, bytes, into: &output)
                && output.writeLineEnd()
        }
        return isWhole
    }

    /// Writes a head of ours once more, with an endpoint's address in `Host`, which is its first field.
    ///
    /// False when it does not fit.
    static func rename(
        _ head: Span<UInt8>,
        _ endpoint: SocketAddress,
        into scratch: inout Scratch
    ) -> Bool {
        func end(_ start: Int) -> Int {
            var index = start
            while index < head.count, head[index] != 0x0a { index &+= 1 }
            return min(index &+ 1, head.count)
        }
        let first = end(0)
        let second = end(first)
        var isWhole = false
        scratch.write { output in
            isWhole =
                output.write(head.extracting(0..<first)) && output.write("Host: ")
                && write(endpoint, into: &output)
                && output.write(head.extracting(second..<head.count))
        }
        return isWhole
    }

    private static func writeRequestLine(
        _ head: RequestHead,
        _ bytes: Span<UInt8>,
        _ changes: RouteChanges,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        if changes.text.target.isEmpty { return output.writeRequestLine(head, from: bytes) }
        return output.write(bytes.slice(head.methodRange)) && output.write(" ")
            && output.write(changes.bytes.slice(changes.text.target))
            && output.write(" HTTP/1.1\r\n")
    }

    /// RFC 9112 §3.2: a request by HTTP/1.1 has a `Host`, also when it came by HTTP/1.0 without.
    private static func writeHost(
        _ head: RequestHead,
        _ bytes: Span<UInt8>,
        _ endpoint: SocketAddress,
        _ changes: RouteChanges,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard output.write("Host: ") else { return false }
        if !changes.text.host.isEmpty {
            return output.write(changes.bytes.slice(changes.text.host)) && output.writeLineEnd()
        }
        if !head.authority.isEmpty {
            return output.write(bytes.slice(head.authority)) && output.writeLineEnd()
        }
        return write(endpoint, into: &output)
    }

    private static func write(
        _ endpoint: SocketAddress,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let isIPv4 = endpoint.ip.isIPv4
        guard output.write(isIPv4 ? "" : "[" as StaticString), output.write(address: endpoint.ip),
            output.write(isIPv4 ? "" : "]" as StaticString)
        else { return false }
        guard endpoint.port != 80 else { return output.writeLineEnd() }
        return output.write(":") && output.write(decimal: UInt64(endpoint.port))
            && output.writeLineEnd()
    }

    /// RFC 9110 §7.6.2: one hop less than it came with.
    private static func writeForwardsLeft(
        _ head: RequestHead,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard head.method.countsForwards, let left = ForwardsLeft.read(fields, bytes), left > 0
        else { return true }
        return output.writeField("Max-Forwards", decimal: left &- 1)
    }

    private static func writeFraming(
        _ framing: BodyFraming,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        switch framing {
        case .length(let count): output.writeField("Content-Length", decimal: count)
        case .chunked: output.write("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: true
        }
    }

    /// The name that a trusted peer gave the request, if it is one, else ours.
    private static func writeRequestID(
        _ policy: ForwardPolicy,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard policy.writesRequestID else { return true }
        if policy.forwarding.isTrusted, let index = fields.first(.xRequestID),
            RequestID.isAcceptable(bytes.slice(fields[index].value))
        {
            return output.copyField(fields[index], from: bytes)
        }
        return output.write("X-Request-Id: ") && output.write(policy.requestID)
            && output.writeLineEnd()
    }

    private static func writeTrace(
        _ trace: TraceContext?,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard let trace else { return true }
        return output.writeTraceparent(trace)
    }

    private static func writeConnection(
        _ head: RequestHead,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        if head.wantsUpgrade {
            return output.write("Connection: upgrade\r\nUpgrade: ")
                && output.write(bytes.slice(head.upgradeRange)) && output.writeLineEnd()
        }
        return head.teTrailers ? output.write("TE: trailers\r\nConnection: TE\r\n") : true
    }
}

/// The hops that a request may still make (RFC 9110 §7.6.2).
enum ForwardsLeft {
    /// The number in `Max-Forwards`; nil without one that can be read.
    static func read(_ fields: borrowing FieldTable, _ bytes: Span<UInt8>) -> UInt64? {
        guard let index = fields.first(.maxForwards) else { return nil }
        let text = bytes.slice(fields[index].value)
        guard !text.isEmpty, text.count <= 18 else { return nil }
        var value: UInt64 = 0
        for place in text.indices {
            guard case 0x30...0x39 = text[place] else { return nil }
            value = value &* 10 &+ UInt64(text[place] &- 0x30)
        }
        return value
    }
}

extension Method {
    /// True for the methods that ask about the way itself.
    var countsForwards: Bool { self == .options || self == .trace }
}
