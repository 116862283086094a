// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime

/// A request whose answer is one of DNS, on its way to who knows the names.
public struct DNSRequest: Sendable, BitwiseCopyable {
    /// Whose it is.
    let owner: Handle
    /// Who asks: behind trusted proxies whom they name.
    public let client: IPAddress
}

/// What a request is answered with.
public struct DNSReply: Sendable, BitwiseCopyable {
    /// How long it holds in seconds; nil for an answer that is not to be kept.
    public var lifetime: UInt32?
    /// True when others would get another answer.
    public var isPersonal: Bool

    /// Joins the parts.
    public init(lifetime: UInt32?, isPersonal: Bool) {
        self.lifetime = lifetime
        self.isPersonal = isPersonal
    }
}

/// DNS over HTTPS (RFC 8484): takes messages out of requests and puts them into responses.
///
/// This door knows no names. Whoever drives it asks it for such requests once a turn, has the DNS
/// door answer them, and hands the answers back: nobody waits, and nothing is kept of them.
extension HTTPDoor {
    /// The longest message of a request: no query comes near.
    static let questionLimit = 4_096

    /// The route answers DNS: takes the message of the request, or waits for it.
    mutating func takeMessage(_ c: Int, _ loop: inout EventLoop) {
        // RFC 8484 §5: by https alone, which a proxy that is believed may have ended in front.
        guard isAskedSecurely(c) else { return refuse(c, .fault(.misdirected), &loop) }
        guard acceptsMessages(c) else { return refuse(c, .fault(.notAcceptable), &loop) }
        switch requestHead.method {
        case .get, .head:
            // Content of a GET means nothing, and is not read.
            if !requestHead.framing.isEmpty { clients[c].exchange.keepsClient = false }
            ask(c)
        case .post:
            guard hasMessage(c) else { return refuse(c, .fault(.unsupportedType), &loop) }
            guard !requestHead.framing.isEmpty else {
                return refuse(c, .fault(.messageMalformed), &loop)
            }
            if case .length(let length) = requestHead.framing,
                length > UInt64(HTTPDoor.questionLimit)
            {
                return refuse(c, .fault(.bodyTooLarge), &loop)
            }
            clients[c].exchange.isQuestion = true
            beginPrefix(c, &loop)
        default: refuse(c, .fault(.methodRefused), &loop)
        }
    }

    /// The content has come, or as much of it as is looked at.
    mutating func takeContent(_ c: Int, isCut: Bool, _ loop: inout EventLoop) {
        timers.cancel(c)
        guard !isCut else { return refuse(c, .fault(.bodyTooLarge), &loop) }
        // A reload has made the route ask who it is that asks.
        guard !clients[c].exchange.hasLostRoute else { return refuse(c, .fault(.noRoute), &loop) }
        ask(c)
    }

    private mutating func ask(_ c: Int) {
        clients[c].phase = .asking
        questions.append(clients.handle(at: c))
    }

    private func hasMessage(_ c: Int) -> Bool {
        guard let place = fields.first(.contentType) else { return false }
        return DNSMedia.isMessage(requestBytes(c).slice(fields[place].value))
    }

    /// RFC 9110 §12.5.1: a client that says what it takes has to take messages.
    private func acceptsMessages(_ c: Int) -> Bool {
        let type = DNSMedia.type
        return AcceptedMedia.accepts(type.span, fields, requestBytes(c))
    }

    // MARK: Between the doors

    /// The next request that waits for an answer of DNS; its message is ``question``.
    ///
    /// One whose message cannot be read is refused here.
    public mutating func nextQuestion(loop: inout EventLoop) -> DNSRequest? {
        while let owner = questions.popLast() {
            guard clients.contains(owner) else { continue }
            let c = Int(owner.index)
            guard clients[c].phase == .asking else { continue }
            guard writeMessage(c) else {
                refuse(c, .fault(.messageMalformed), &loop)
                continue
            }
            return DNSRequest(owner: owner, client: client(of: c))
        }
        return nil
    }

    /// The message of the request that ``nextQuestion(loop:)`` gave last.
    public var question: Span<UInt8> {
        @_lifetime(immortal)
        get { tail.bytes }
    }

    /// Puts the message of a request into the tail; false when there is none.
    private mutating func writeMessage(_ c: Int) -> Bool {
        if clients[c].exchange.isQuestion { return writeContent(c) }
        let head = clients[c].exchange.head
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let query = bytes.slice(head.query)
        var pairs = PairReader(query, separator: UInt8(ascii: "&"))
        while pairs.next() {
            guard DNSMedia.isParameter(query.slice(pairs.name)) else { continue }
            var text = query.slice(pairs.value)
            if DNSMedia.hasEscape(text) {
                // An octet and its escape are the same (RFC 3986 §6.2.2.2).
                var isText = false
                scratch.write { isText = DNSMedia.unescape(text, into: &$0) }
                guard isText else { return false }
                text = scratch.bytes
            }
            guard !text.isEmpty, text.count <= HTTPDoor.questionLimit * 4 / 3 &+ 2 else {
                return false
            }
            var isWhole = false
            tail.write { isWhole = Base64.decode(text, .url, into: &$0) }
            return isWhole
        }
        return false
    }

    /// Answers a request with a message; an empty one is none, and the request was at fault.
    public mutating func answer(
        _ request: DNSRequest,
        with message: Span<UInt8>,
        _ reply: DNSReply,
        loop: inout EventLoop
    ) {
        guard clients.contains(request.owner) else { return }
        let c = Int(request.owner.index)
        guard clients[c].phase == .asking else { return }
        guard !message.isEmpty else { return refuse(c, .fault(.messageMalformed), &loop) }
        passContent(c)
        var text = renderResponse(c)
        text.target = .empty
        guard text.isWhole else { return refuse(c, .fault(.internalError), &loop) }
        beginOwn(c, 200, .route(.dns))
        let isWhole = ResponseHeadWriter.writeMessage(
            message,
            reply,
            into: &scratch,
            changes: RouteChanges(text, tail.bytes),
            style: ownStyle(c)
        )
        if !isWhole { writeFault(c, .fault(.internalError)) }
        sendOwn(c, &loop)
    }

    /// Leaves the connection behind the content, where its end is known.
    private mutating func passContent(_ c: Int) {
        guard clients[c].exchange.isQuestion else { return }
        clients[c].exchange.requestSent = true
        switch clients[c].exchange.head.framing {
        case .length(let length):
            // It is there whole, so it has a block's length at most.
            clients[c].exchange.bodyTaken = Int32(truncatingIfNeeded: length)
        default: if !clients[c].isStream { clients[c].exchange.keepsClient = false }
        }
    }
}

/// The words of RFC 8484 §6, in lower case.
enum DNSMedia {
    /// `application/dns-message`.
    static var type: [23 of UInt8] {
        [
            0x61, 0x70, 0x70, 0x6c, 0x69, 0x63, 0x61, 0x74, 0x69, 0x6f, 0x6e, 0x2f,
            0x64, 0x6e, 0x73, 0x2d, 0x6d, 0x65, 0x73, 0x73, 0x61, 0x67, 0x65,
        ]
    }
    /// True for the media type of messages, whatever parameters it has.
    static func isMessage(_ value: Span<UInt8>) -> Bool {
        let type = DNSMedia.type
        guard begins(value, with: type.span) else { return false }
        guard value.count > type.count else { return true }
        let next = value[type.count]
        return next == 0x3b || next == 0x20 || next == 0x09
    }

    /// True for `dns`.
    static func isParameter(_ name: Span<UInt8>) -> Bool {
        name.count == 3 && name[0] == 0x64 && name[1] == 0x6e && name[2] == 0x73
    }

    /// True when octets of a text are written as `%` and two digits.
    static func hasEscape(_ text: Span<UInt8>) -> Bool {
        for index in text.indices where text[index] == UInt8(ascii: "%") { return true }
        return false
    }

    /// Appends a text without its escapes; false when one is none, or there is no room.
    @_lifetime(output: copy output)
    static func unescape(_ text: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.freeCapacity >= text.count else { return false }
        var index = 0
        while index < text.count {
            if text[index] != UInt8(ascii: "%") {
                output.append(text[index])
                index &+= 1
                continue
            }
            guard text.count &- index > 2, let high = ASCII.hexDigit(text[index &+ 1]),
                let low = ASCII.hexDigit(text[index &+ 2])
            else { return false }
            output.append(high << 4 | low)
            index &+= 3
        }
        return true
    }

    private static func begins(_ value: Span<UInt8>, with text: Span<UInt8>) -> Bool {
        guard value.count >= text.count else { return false }
        for index in 0..<text.count where ASCII.lowercased(value[index]) != text[index] {
            return false
        }
        return true
    }
}
