// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// Takes the messages of a transfer from a primary (RFC 5936 §2.2, RFC 1995 §4), one by one.
public struct IncomingTransfer: Sendable {
    /// Why a transfer is given up.
    public enum Fault: Error, Equatable, Sendable {
        /// The primary says no.
        case refused(ResponseCode)
        /// A message that does not belong to the transfer, or breaks its order.
        case disorder(String)
        /// More than is taken.
        case tooLarge
    }

    /// What changes from one version to the next.
    public struct Change: Sendable, Equatable {
        /// The SOA before.
        public var oldSOA: DNSMessage.Record
        /// What is gone.
        public var deleted: [DNSMessage.Record] = []
        /// The SOA after.
        public var newSOA: DNSMessage.Record?
        /// What is new.
        public var added: [DNSMessage.Record] = []
    }

    private enum State { case beginning, second, whole, deleting, adding, done }

    private let apex: DomainName
    private let id: UInt16
    private let known: SerialNumber?
    private let limit: Int
    private var state = State.beginning
    private var octets = 0
    /// The SOA of the version that is sent.
    public private(set) var soa: DNSMessage.Record?
    /// All records, the SOA first, when the zone is sent whole.
    public private(set) var records: [DNSMessage.Record] = []
    /// The changes, when they alone are sent.
    public private(set) var changes: [Change] = []
    /// Records outside of the zone, which are left out.
    public private(set) var dropped = 0

    /// A transfer of a zone that was asked for with this id.
    ///
    /// `known` is the version in hand for an IXFR, nil for an AXFR. More than `limit` octets are not
    /// taken.
    public init(_ apex: DomainName, id: UInt16, known: SerialNumber?, limit: Int) {
        self.apex = apex
        self.id = id
        self.known = known
        self.limit = limit
    }

    /// True when all has come.
    public var isDone: Bool { state == .done }
    /// True when the peer has nothing newer than what is known.
    public var isCurrent: Bool { isDone && records.isEmpty && changes.isEmpty }
    /// Octets so far.
    public var size: Int { octets }

    /// Takes the next message, of so many octets.
    public mutating func take(_ message: DNSMessage, octets count: Int) throws(Fault) {
        octets += count
        guard octets <= limit else { throw .tooLarge }
        guard message.id == id, message.isResponse, message.flags & 0x7800 == 0 else {
            throw .disorder("a message that is no answer to the request")
        }
        guard message.code == .noError else { throw .refused(message.code) }
        guard !message.isTruncated else { throw .disorder("a truncated message") }
        guard message.isAbout(apex, known == nil ? .AXFR : .IXFR) else {
            throw .disorder("an answer to another question")
        }
        let isFirst = state == .beginning
        guard !message.answers.isEmpty || !isFirst else { throw .disorder("an empty answer") }
        for record in message.answers { try take(record) }
        // RFC 1995 §4: the present SOA alone says that nothing is newer.
        if isFirst, state == .second, let known, let serial = soa?.serial,
            !serial.isNewer(than: known)
        {
            state = .done
        }
    }

    private mutating func take(_ sent: DNSMessage.Record) throws(Fault) {
        var record = sent
        // RFC 2181 §8: with the highest bit it counts as none, and is never sent on.
        if record.ttl > 0x7fff_ffff { record.ttl = 0 }
        guard record.recordClass == RecordClass.internet else {
            throw .disorder("a record of class \(record.recordClass)")
        }
        let isSOA = record.type == .SOA
        if isSOA, record.owner != apex { throw .disorder("an SOA of \(record.owner)") }
        switch state {
        case .beginning:
            guard isSOA, record.serial != nil else { throw .disorder("no SOA in front") }
            soa = record
            state = .second
        case .second:
            guard isSOA, let known, record.serial != soa?.serial else {
                state = .whole
                if let soa { records.append(soa) }
                return try take(record)
            }
            guard record.serial == known else {
                throw .disorder("changes since another version than \(known)")
            }
            changes.append(Change(oldSOA: record))
            state = .deleting
        case .whole:
            if isSOA {
                guard record.serial == soa?.serial else { throw .disorder("two different SOAs") }
                state = .done
            } else {
                keep(record) { $0.records.append(record) }
            }
        case .deleting:
            guard let last = changes.indices.last else { return }
            if isSOA {
                changes[last].newSOA = record
                state = .adding
            } else {
                keep(record) { $0.changes[last].deleted.append(record) }
            }
        case .adding: try add(record, isSOA: isSOA)
        case .done: throw .disorder("records behind the end")
        }
    }

    private mutating func add(_ record: DNSMessage.Record, isSOA: Bool) throws(Fault) {
        guard let last = changes.indices.last else { return }
        guard isSOA else { return keep(record) { $0.changes[last].added.append(record) } }
        let serial = changes[last].newSOA?.serial
        guard record.serial == serial else { throw .disorder("changes with a gap") }
        if serial == soa?.serial {
            state = .done
        } else {
            changes.append(Change(oldSOA: record))
            state = .deleting
        }
    }

    private mutating func keep(
        _ record: DNSMessage.Record,
        _ body: (inout IncomingTransfer) -> Void
    ) {
        guard record.owner.isWithin(apex), !record.type.isMeta else {
            dropped += 1
            return
        }
        body(&self)
    }

    /// The version after the changes; nil when they do not fit what is there (RFC 1995 §4: then
    /// the whole zone is asked for).
    public func applied(to base: [DNSMessage.Record]) -> [DNSMessage.Record]? {
        var kept: [[UInt8]: DNSMessage.Record] = [:]
        for record in base where record.type != .SOA { kept[record.identity] = record }
        guard base.first(where: { $0.type == .SOA })?.serial == changes.first?.oldSOA.serial else {
            return nil
        }
        for change in changes {
            for record in change.deleted {
                guard kept.removeValue(forKey: record.identity) != nil else { return nil }
            }
            for record in change.added {
                guard kept.updateValue(record, forKey: record.identity) == nil else { return nil }
            }
        }
        guard let soa else { return nil }
        let rest = kept.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        return [soa] + rest
    }
}
