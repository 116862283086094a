// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Steering

/// A zone on its way to a peer: where it stands, one message at a time (RFC 5936, RFC 1995).
///
/// It holds the version that it began with until it ends, so that a transfer shows one version
/// however long it takes; and it holds no message, so that a slow peer costs no more than what
/// already waits for it.
///
///     AXFR     SOA, all other records, SOA
///     IXFR     new SOA, then per difference: old SOA, what is gone, SOA, what is new; new SOA
final class OutgoingTransfer {
    /// What comes next.
    enum Step: Equatable {
        /// The SOA in front.
        case beginning
        /// The sets of this node of the zone, from this one on, and from this record of it on.
        case node(Int, set: Int, record: Int = 0)
        /// The records of this difference, from this octet on.
        case difference(Int, octet: Int)
        /// The SOA behind.
        case ending
        /// Nothing.
        case done
    }

    /// A message is ended behind so many octets: pointers reach 16 KiB, and a set may need 4 more.
    static let messageSize = 11_900
    /// Names that one message looks at in vain.
    static let scanLimit = 10_000

    let snapshot: DNSSnapshot
    let isChanged: Bool
    let zone: Int
    let query: DNSQuery
    let request: [UInt8]
    let client: IPAddress
    let startedAt: Instant
    let differences: [ZoneDifference]
    var transaction: Transaction?
    var context: AnswerContext
    private(set) var step = Step.beginning
    private let isSingle: Bool
    /// The question has the zone's name in lower case, as what is compressed expects it.
    let repeatsApex: Bool
    private(set) var messages = 0
    private(set) var records = 0
    private(set) var octets = 0

    /// What is to be sent.
    enum Content {
        /// All of the zone.
        case whole
        /// What has changed.
        case differences([ZoneDifference])
        /// The SOA alone: the peer has this version, or one after it.
        case serial
    }

    init(
        _ snapshot: DNSSnapshot,
        _ place: (isChanged: Bool, zone: Int),
        _ query: DNSQuery,
        _ request: [UInt8],
        _ content: Content,
        _ context: AnswerContext
    ) {
        self.snapshot = snapshot
        (isChanged, zone) = place
        self.query = query
        self.request = request
        self.context = context
        client = context.client
        startedAt = context.now
        switch content {
        case .whole: (differences, isSingle) = ([], false)
        case .differences(let found): (differences, isSingle) = (found, false)
        case .serial: (differences, isSingle) = ([], true)
        }
        let zones = place.isChanged ? snapshot.changed : snapshot.zones
        repeatsApex = zones.zoneName(place.zone)?.wire == OutgoingTransfer.name(request, query)
    }

    var table: ZoneTable { isChanged ? snapshot.changed : snapshot.zones }
    var isDone: Bool { step == .done }
    var isIncremental: Bool { !differences.isEmpty }
    var isSerialAlone: Bool { isSingle }

    /// Appends the next message; false when it cannot be made, and the transfer is broken off.
    @_lifetime(output: copy output)
    func writeMessage(
        into output: inout OutputSpan<UInt8>,
        now: Instant,
        seconds: UInt64
    ) -> Bool {
        let start = output.count
        context.now = now
        let room = transaction?.length ?? 0
        // Spans are of what is held here, not of what the object might hold next.
        let (request, table) = (request, table)
        // RFC 9103 §6.3.4: each message has what the request asked for.
        var reply = EDNSReply()
        var cookie = CookieState.absent
        if !query.edns.options.isEmpty { reply = context.reply(to: query, request.span, &cookie) }
        var writer = ResponseWriter(
            answering: query,
            request.span,
            limit: Int(UInt16.max) &- room,
            announcedSize: context.ednsSize,
            optionLength: reply.length,
            into: &output
        )
        guard output.count > start else { return false }
        writer.isAuthoritative = true
        let view = table.view
        let before = step
        advance(view, &writer, into: &output)
        guard step != before || step == .done else { return false }
        if context.pads(for: query) { context.complete(&reply, of: query, nil, writer, output) }
        writer.finish(.noError, query: query, optionLength: reply.length, into: &output)
        if reply.length > 0 { reply.write(identifier: context.conduct.identity, into: &output) }
        if transaction != nil {
            guard transaction?.sign(&output, from: start, seconds: seconds) == true else {
                return false
            }
        }
        messages &+= 1
        records &+= Int(writer.answerCount)
        octets &+= output.count &- start
        return true
    }

    @_lifetime(output: copy output)
    private func advance(
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) {
        var owner = OwnerPlace()
        for _ in 0..<OutgoingTransfer.scanLimit {
            guard step != .done, output.count &- writer.start < OutgoingTransfer.messageSize else {
                return
            }
            let next: Step?
            switch step {
            case .beginning, .ending: next = writeSOA(view, &writer, into: &output)
            case .node(let node, let set, let record):
                next = writeSet(node, set, record, view, &writer, &owner, into: &output)
            case .difference(let number, let octet):
                next = writeDifference(number, octet, view, &writer, into: &output)
            case .done: next = nil
            }
            // No room: in the next message.
            guard let next else { return }
            step = next
        }
    }

    // MARK: Steps

    @_lifetime(output: copy output)
    private func writeSOA(
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) -> Step? {
        let apex = view.nodes[Int(view.zones[zone].apex)]
        guard let set = view.set(of: apex, type: .SOA) else { return .done }
        let header = DNSQuery.headerLength
        let number = Int(view.zones[zone].apex)
        let isPlaced =
            isSpelled(number)
            ? writeSpelled(set, number, 0, nil, &writer, into: &output) == .max
            : writer.place(
                set.compiled,
                of: view.bytes,
                owner: header,
                apex: header,
                section: .answer,
                into: &output
            )
        guard isPlaced else { return nil }
        guard step == .beginning else { return .done }
        if isSingle { return .done }
        if isIncremental { return .difference(0, octet: 0) }
        return .node(Int(view.zones[zone].apex), set: 0)
    }

    @_lifetime(output: copy output)
    private func writeSet(
        _ node: Int,
        _ number: Int,
        _ record: Int,
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        _ owner: inout OwnerPlace,
        into output: inout OutputSpan<UInt8>
    ) -> Step? {
        // The names of a zone stand one behind the other, its apex first; those that a zone inside
        // hides as well. After a patch those of others are among them.
        guard node < view.nodes.count, view.isPatched || Int(view.nodes[node].zone) == zone else {
            return .ending
        }
        guard Int(view.nodes[node].zone) == zone else {
            // They count for nothing: a message without a record is one that some take for the end.
            var next = node &+ 1
            while next < view.nodes.count, Int(view.nodes[next].zone) != zone { next &+= 1 }
            return .node(next, set: 0)
        }
        let found = view.nodes[node]
        guard number < Int(found.setCount) else { return .node(node &+ 1, set: 0) }
        let set = view.sets[Int(found.firstSet) &+ number]
        let next = Step.node(node, set: number &+ 1)
        // The SOA stands at both ends; DS at an apex is the outer zone's word.
        let isApex = found.flags.contains(.apex)
        if isApex, set.type == .SOA || (set.type == .DS && view.zones[zone].parent != absent) {
            return next
        }
        // It steers the alias, which is sent as it is now; an alias stands alone (RFC 1034 §3.6.2).
        if set.type == .LUA, found.flags.contains(.cname) { return next }
        guard !isSpelled(node) else {
            let present = set.isSteered ? presentAnswer(set.type, found, view) : nil
            let end = writeSpelled(set, node, record, present, &writer, into: &output)
            if let end { return end == .max ? next : .node(node, set: number, record: end) }
            return nil
        }
        if owner.node != node { owner = OwnerPlace(node: node) }
        guard !set.isSteered else {
            let isWritten = writePresent(set, found, view, &writer, &owner, into: &output)
            return isWritten ? next : nil
        }
        let isPlaced = owner.place(
            set.compiled,
            of: view.bytes,
            found,
            apexLength: Int(view.zones[zone].apexLength),
            view,
            &writer,
            into: &output
        )
        return isPlaced ? next : nil
    }

    // A name that is steered, or an alias, as it is answered to this peer now.
    @_lifetime(output: copy output)
    private func writePresent(
        _ set: ZoneSet,
        _ node: ZoneNode,
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        _ owner: inout OwnerPlace,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let answer = presentAnswer(set.type, node, view)
        guard answer.count > DNSQuery.headerLength else { return true }
        let count = UInt16(answer[6]) << 8 | UInt16(answer[7])
        let first = DNSQuery.headerLength &+ Int(node.nameLength) &+ 4
        var end = first
        for _ in 0..<count {
            guard end &+ 12 <= answer.count else { return true }
            end &+= 12 &+ Int(answer[end &+ 10]) << 8 &+ Int(answer[end &+ 11])
        }
        guard count > 0, end <= answer.count, let length = UInt16(exactly: end &- first) else {
            return true
        }
        let records = CompiledSet(
            offset: UInt32(truncatingIfNeeded: first),
            length: length,
            count: count,
            referenceCount: 0
        )
        return owner.place(
            records,
            of: answer.span,
            node,
            apexLength: Int(view.zones[zone].apexLength),
            view,
            &writer,
            into: &output
        )
    }

    private func presentAnswer(_ type: RecordType, _ node: ZoneNode, _ view: ZoneView) -> [UInt8] {
        var question: [UInt8] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let start = Int(node.nameOffset)
        for place in start..<start &+ Int(node.nameLength) { question.append(view.bytes[place]) }
        question += [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1]
        var asked = context
        asked.isTrial = true
        asked.isKept = false
        asked.isLogged = false
        let answer = [UInt8](capacity: Int(UInt16.max)) { (output: inout OutputSpan<UInt8>) in
            _ = Authority.answer(question.span, from: snapshot, &asked, into: &output)
        }
        context.random = asked.random
        return answer
    }

    @_lifetime(output: copy output)
    private func writeDifference(
        _ number: Int,
        _ octet: Int,
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) -> Step? {
        guard number < differences.count else { return .ending }
        let octets = differences[number].wire
        let wire = octets.span
        guard octet < wire.count else { return .difference(number &+ 1, octet: 0) }
        guard let name = WireName.length(in: wire, at: octet), octet &+ name &+ 10 <= wire.count
        else { return .done }
        let fixed = octet &+ name
        let end = fixed &+ 10 &+ Int(wire[fixed &+ 8]) << 8 &+ Int(wire[fixed &+ 9])
        let apexLength = Int(view.zones[zone].apexLength)
        guard end <= wire.count, name >= apexLength else { return .done }
        guard writer.room(output) >= end &- octet &+ 2 else { return nil }
        let owner = shortened(octets[octet..<fixed], apexLength)
        output.write(owner.span)
        output.write(wire.extracting(fixed..<end))
        writer.add(1, to: .answer)
        return .difference(number, octet: end)
    }
}

/// Where the owner of the records in hand stands in the message: written once, then pointed to.
struct OwnerPlace {
    var node = -1
    private var start = -1

    init(node: Int = -1) { self.node = node }

    /// Appends a set; false, with nothing written, when it does not fit.
    ///
    /// A compiled record has a pointer for its owner. Before the first record of a name stand its
    /// labels, and its pointer leads to the apex, which the question is.
    @_lifetime(output: copy output)
    mutating func place(
        _ set: CompiledSet,
        of blob: Span<UInt8>,
        _ node: ZoneNode,
        apexLength: Int,
        _ view: ZoneView,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let header = DNSQuery.headerLength
        let labels = Int(node.nameLength) &- apexLength
        guard labels > 0, start < 0 else {
            return writer.place(
                set,
                of: blob,
                owner: labels > 0 ? start : header,
                apex: header,
                section: .answer,
                into: &output
            )
        }
        let base = output.count
        let name = Int(node.nameOffset)
        guard output.write(view.bytes.extracting(name..<name &+ labels)) else { return false }
        let first = output.count
        let isPlaced = writer.place(
            set,
            of: blob,
            owner: base &- writer.start,
            apex: header,
            section: .answer,
            into: &output
        )
        guard isPlaced, set.count > 0, first &+ 1 < output.count else {
            output.removeLast(output.count &- base)
            return isPlaced
        }
        output[first] = 0xc0
        output[first &+ 1] = UInt8(truncatingIfNeeded: header)
        start = base &- writer.start
        return true
    }
}
