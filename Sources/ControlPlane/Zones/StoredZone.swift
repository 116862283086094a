// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer

/// What the store keeps of a zone.
struct StoredZone: Sendable, Equatable {
    /// How the sets are to be read.
    enum Kind: Int64, Sendable {
        /// Changes beside a zone of the configuration: its other sets are as they are there.
        case overlay = 0
        /// All of a zone that was made by the API.
        case made = 1
        /// All of a zone that was transferred from elsewhere.
        case transferred = 2

        var isWhole: Bool { self != .overlay }
    }

    /// The apex, in lower case.
    var name: DomainName
    var kind: Kind
    /// Of an overlay: the serial that the zone of the configuration has, on which it lies.
    var base: UInt32 = 0
    /// The digest of the zone's records, to which the journal leads (``ZoneDigest``): no matter of
    /// the store.
    var facts: [UInt8] = []
    /// The sets by owner and type; nil for one of the configuration that is gone.
    var sets: [RecordSetKey: RecordSet?] = [:]

    /// The serial of its SOA; nil without one.
    var serial: UInt32? {
        (sets[RecordSetKey(name, .SOA)] ?? nil)?.data.first
            .flatMap { ZoneRecords.serial(ofSOA: $0) }
    }

    /// The records of all sets.
    var records: [DNSMessage.Record] {
        sets.flatMap { key, set in
            (set?.data ?? []).map {
                DNSMessage.Record(owner: key.owner, type: key.type, ttl: set?.ttl ?? 0, data: $0)
            }
        }
    }

    /// Takes changes of sets; in a whole zone a set that is gone needs no mark.
    mutating func merge(_ changes: [RecordSetKey: RecordSet?]) {
        for (key, set) in changes {
            if set == nil, kind.isWhole { sets[key] = nil } else { sets[key] = .some(set) }
        }
    }
}

/// One change of the store: all of it is kept, or nothing.
struct ZoneCommit: Sendable {
    /// The zone as it is to be kept, without its sets.
    var zone: StoredZone
    /// The sets that change.
    var sets: [RecordSetKey: RecordSet?] = [:]
    /// What the journal gets.
    var differences: [ZoneDifference] = []
    /// The journal leads nowhere any more.
    var dropsJournal = false
    /// Sets that are not among `sets` go.
    var replacesAll = false
    /// What is not among `sets` is as the file has it now, which may not be as it was in force.
    var restsOnFile = false
    /// The zone goes.
    var isRemoval = false

    init(_ zone: StoredZone) {
        self.zone = zone
        self.zone.sets = [:]
    }
}
