// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// Collects the records of all zones, checks them, and lays them out as a ``ZoneTable``.
///
/// Used off the loops. Names are kept once, in one byte array; records are plain values that hang
/// together by index. A million records are collected and laid out in about a second.
public struct ZoneTableBuilder: ~Copyable {
    /// What is wrong so far.
    public private(set) var diagnostics: [ZoneDiagnostic] = []

    /// Seconds since 1970 modulo 2^32: signatures that end soon are told; nil tells of none.
    public var seconds: UInt32?

    /// How far names outside that aliases lead to are asked by the networks of clients.
    public var aliasNetworks = AliasNetworkLimits()

    /// Whether an ALIAS that leads nowhere costs its own name alone, and not its zone.
    ///
    /// A way may lead through zones that come from elsewhere, or change while they serve: none of them can
    /// be asked beforehand, and none may take another one down.
    public var toleratesLostAliases = false

    struct Name: BitwiseCopyable {
        var hash: UInt64
        var offset: UInt32
        var zone: UInt32
        /// The name without its first label, always created earlier; absent at an apex.
        var parent: UInt32
        var firstRecord = absent
        var lastRecord = absent
        var length: UInt8
        var labelCount: UInt8
        /// Lies inside another zone of the table, or is hidden by a DNAME.
        var isForeign = false
        var isOccluded = false
        // Filled in by build().
        var cut = absent
        var wildcard = absent
        var final = absent
    }

    struct Record: BitwiseCopyable {
        var next = absent
        var ttl: UInt32
        /// In `data`; of a steered name: the policy.
        var offset: UInt32
        var line: UInt32
        var file: UInt32
        var length: UInt16
        var type: RecordType
        var isSteered = false
        /// Stands for the addresses of another name, which its data is.
        var isAlias = false
    }

    struct Zone {
        var apex: UInt32
        var apexName: [UInt8]
        var file: UInt32
        /// Where records stand that are added one by one.
        var recordFile: UInt32
        var parent = absent
        /// The name in the zone around this one that delegates it.
        var delegation = absent
        var isDuplicate = false
        /// Why it is answered SERVFAIL; nil for one that is to be served.
        var absence: ZoneAbsence?
        /// Martlet signs it: what its file has of signing does not count.
        var isSignedHere = false
        /// For so many seconds at least signatures hold that are given out.
        var signaturesHold: UInt32 = .max
        var greatestTTL: UInt32 = 0
    }

    /// The numbers of the zones that something refuses, in the order in which they were begun.
    var faultyZones: Set<Int> = []
    /// The zone of each of ``diagnostics``.
    var diagnosedZones: [Int] = []

    var names: [Name] = []
    var records: [Record] = []
    var zones: [Zone] = []
    /// The names of the zones' apexes, in lower case.
    var apexes: Set<[UInt8]> = []
    var nameBytes: [UInt8] = []
    /// How names with capitals are written, by their numbers.
    var spellings: [UInt32: [UInt8]] = [:]
    var data: [UInt8] = []
    var files: [String] = []
    /// The names that hold an ALIAS.
    var aliasNames: [UInt32] = []
    /// The names that hold a DNAME.
    var redirections: [UInt32] = []
    /// The sets of the present zone that are not taken, by owner in lower case.
    var masked: [[UInt8]: Set<RecordType>] = [:]
    /// What lies over the present zone and other records cannot stand beside.
    var outdone = Outdone()
    /// The SOA that was not taken.
    public internal(set) var maskedSOA: (ttl: UInt32, data: [UInt8])?
    private var index: [UInt32] = Array(repeating: 0, count: 1024)
    private var lowered: [UInt8] = []

    /// A builder without zones.
    public init() {}

    /// Zones begun so far.
    public var zoneCount: Int { zones.count }

    /// True when a name of the zones has an ALIAS.
    public var hasAliases: Bool { !aliasNames.isEmpty }

    /// True when something refuses the zones.
    public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    /// Begins a zone; what is added from now on belongs to it.
    ///
    /// `source` is the file's name for diagnostics about the zone as a whole.
    public mutating func beginZone(_ apex: DomainName, source: String = "") {
        unmask()
        files.append(source)
        let number = UInt32(truncatingIfNeeded: zones.count)
        let file = UInt32(truncatingIfNeeded: files.count - 1)
        var zone = Zone(
            apex: absent,
            apexName: apex.lowercased.wire,
            file: file,
            recordFile: file
        )
        zone.isDuplicate = !apexes.insert(zone.apexName).inserted
        zones.append(zone)
        if zone.isDuplicate {
            note(.duplicateZone, file: file, .none, "zone \(apex) is there twice")
        }
        zones[Int(number)].apex = intern(zones[Int(number)].apexName) ?? absent
    }

    /// Says that the present zone cannot be served: whatever is asked of it is answered SERVFAIL.
    public mutating func markUnusable(_ absence: ZoneAbsence = .faulty) {
        guard let last = zones.indices.last else { return }
        zones[last].absence = absence
    }

    /// Says that the present zone is signed as it is answered for, and how many seconds a signature
    /// holds at least when it is given out.
    public mutating func markSignedHere(holding seconds: UInt32 = .max) {
        guard let last = zones.indices.last else { return }
        zones[last].isSignedHere = true
        zones[last].signaturesHold = seconds
    }

    /// Adds what another table has of the present zone; `policy` gives the number of a policy here
    /// for its number there.
    public mutating func add(
        _ contents: [ZoneContent],
        policy: (Int) -> Int?
    ) {
        guard let zone = zones.last else { return }
        let place = ZonePosition(file: zone.recordFile, line: 0, column: 0)
        for content in contents {
            switch content {
            case .record(let record):
                add(record.owner.wire, record.type, record.ttl, record.data, at: place)
            case .steer(let owner, let ttl, let number, let types):
                guard let number = policy(number) else { continue }
                steer(owner: owner, ttl: ttl, policy: number, types: types)
            case .alias(let owner, let ttl, let target):
                add(owner.wire, .ALIAS, ttl, target.wire, at: place)
            }
        }
    }

    /// Adds zones of another table, but for some; policies keep their numbers.
    public mutating func add(_ table: ZoneTable, without gone: Set<DomainName>) {
        for number in table.zones.indices {
            guard let apex = table.zoneName(number), !gone.contains(apex) else { continue }
            beginZone(apex)
            if let absence = table.zones[number].absence {
                markUnusable(absence)
            } else {
                add(table.contents(ofZone: number)) { $0 }
            }
        }
    }

    /// Says in which file the records stand that are added one by one from now on.
    public mutating func beginRecords(source: String) {
        guard let last = zones.indices.last else { return }
        files.append(source)
        zones[last].recordFile = UInt32(truncatingIfNeeded: files.count - 1)
    }

    /// Adds a record to the present zone.
    public mutating func add(
        _ value: RecordValue,
        owner: DomainName,
        ttl: UInt32,
        at position: ZonePosition = .none
    ) {
        guard let zone = zones.last else { return }
        var place = position
        place.file = zone.recordFile
        add(owner.wire, value.type, ttl, value.wire, at: place)
    }

    /// Lets a policy choose the addresses of a name, for A and for AAAA, or its CNAME.
    public mutating func steer(
        owner: DomainName,
        ttl: UInt32,
        policy: Int,
        types: [RecordType] = [.A, .AAAA],
        at position: ZonePosition = .none
    ) {
        guard let zone = zones.last, let policy = UInt32(exactly: policy) else { return }
        if !masked.isEmpty {
            var place = position
            place.file = zone.recordFile
            let name = owner.lowercased.wire
            guard !isOutdone(name, .A, at: place, isSteered: true) else { return }
        }
        for type in types {
            let record = Record(
                ttl: ttl,
                offset: policy,
                line: position.line,
                file: zone.recordFile,
                length: 0,
                type: type,
                isSteered: true
            )
            append(record, owner: owner.wire)
        }
    }

    /// Adds everything that a zone file holds to the present zone.
    public mutating func read(_ reader: consuming ZoneFileReader) {
        let firstFile = UInt32(truncatingIfNeeded: files.count)
        while reader.next() {
            var place = reader.position
            place.file += firstFile
            while files.count <= Int(place.file) {
                files.append(reader.files[files.count - Int(firstFile)])
            }
            add(reader.owner, reader.type, reader.ttl, reader.data, at: place)
        }
        diagnostics += reader.diagnostics
        let zone = zones.count - 1
        diagnosedZones += repeatElement(zone, count: reader.diagnostics.count)
        if reader.diagnostics.contains(where: { $0.severity == .error }) {
            faultyZones.insert(zone)
        }
    }

    private mutating func add(
        _ owner: [UInt8],
        _ type: RecordType,
        _ ttl: UInt32,
        _ bytes: [UInt8],
        at place: ZonePosition
    ) {
        guard !type.isMeta, bytes.count <= Int(UInt16.max) else {
            return note(.unservedType, file: place.file, place, "\(type) cannot be served")
        }
        guard masked.isEmpty || !isMasked(owner, type, ttl, bytes, at: place) else { return }
        guard let offset = UInt32(exactly: data.count) else { return noteTooMany() }
        var record = Record(
            ttl: ttl,
            offset: offset,
            line: place.line,
            file: place.file,
            length: UInt16(bytes.count),
            type: type
        )
        guard type == .ALIAS else {
            guard let name = append(record, owner: owner) else { return }
            data += bytes
            if type == .DNAME { redirections.append(name) }
            return
        }
        // It answers for both families; the record itself is never asked for.
        record.isAlias = true
        for family in [RecordType.A, .AAAA] {
            record.type = family
            guard let name = append(record, owner: owner) else { return }
            if family == .A { aliasNames.append(name) }
        }
        data += bytes
    }

    // The number of the owner; nil when the record is not taken.
    @discardableResult
    private mutating func append(_ record: Record, owner: [UInt8]) -> UInt32? {
        guard let zone = zones.last, !zone.isDuplicate else { return nil }
        lowered.removeAll(keepingCapacity: true)
        for octet in owner {
            lowered.append(octet &- 0x41 < 26 ? octet | 0x20 : octet)
        }
        let position = ZonePosition(line: record.line, column: 1)
        guard isInZone(lowered, zone.apexName) else {
            let apex = DomainName(wire: zone.apexName) ?? .root
            let shown = DomainName(wire: owner) ?? .root
            let message = "\(shown) is outside of zone \(apex)"
            note(.outOfZone, file: record.file, position, message)
            return nil
        }
        guard let number = UInt32(exactly: records.count), number != absent,
            let name = intern(lowered)
        else {
            noteTooMany()
            return nil
        }
        records.append(record)
        let last = names[Int(name)].lastRecord
        if last == absent {
            names[Int(name)].firstRecord = number
            // Its first record says how a name is written.
            if lowered != owner { spellings[name] = owner }
        } else {
            records[Int(last)].next = number
        }
        names[Int(name)].lastRecord = number
        return name
    }

    // At a label boundary: the rest after whole labels must be the apex.
    private func isInZone(_ name: [UInt8], _ apex: [UInt8]) -> Bool {
        var position = 0
        while name.count - position > apex.count { position += Int(name[position]) + 1 }
        return name.count - position == apex.count
            && WireName.matches(name.span, at: position, apex.span, at: 0, length: apex.count)
    }

    mutating func note(
        _ code: ZoneCode,
        file: UInt32,
        _ position: ZonePosition,
        _ message: String,
        isOfZone: Bool = false
    ) {
        let zone = zone(ofFile: file)
        if !code.isWarning { faultyZones.insert(zone) }
        let limit = ZoneFileReader.diagnosticLimit
        let known = diagnostics.count { $0.severity == (code.isWarning ? .warning : .error) }
        guard known < limit else { return }
        let name = files.indices.contains(Int(file)) ? files[Int(file)] : ""
        var found = ZoneDiagnostic(code, file: name, at: position, message)
        if isOfZone, zones.indices.contains(zone) {
            found.zone = DomainName(wire: zones[zone].apexName).map { "\($0)" }
        }
        diagnostics.append(found)
        diagnosedZones.append(zone)
    }

    // Files are listed as zones are begun: those of a zone come before those of the next one.
    private func zone(ofFile file: UInt32) -> Int {
        var (low, high) = (0, zones.count)
        while low < high {
            let middle = (low + high) / 2
            if zones[middle].file <= file { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    private mutating func noteTooMany() {
        guard !diagnostics.contains(where: { $0.code == .tooManyRecords }) else { return }
        note(.tooManyRecords, file: 0, .none, "the zones together are too large for one table")
    }
}

/// The names of a table under construction: a hash index over (zone, name).
extension ZoneTableBuilder {
    // The name's number, created together with its ancestors up to the apex: each of them exists,
    // even without records (RFC 4592 §2.2.2).
    mutating func intern(_ name: [UInt8]) -> UInt32? {
        let zone = UInt32(truncatingIfNeeded: zones.count - 1)
        guard let scanned = WireName.scan(name.span, at: 0) else { return nil }
        if let known = lookup(name.span, at: 0, scanned.hash, zone: zone) { return known }
        let apexLength = zones[Int(zone)].apexName.count
        // Upwards to the first ancestor that exists, then down again.
        var starts: [Int] = [0]
        var hashes = [scanned.hash]
        var position = 0
        var hash = scanned.hash
        var parent = absent
        while name.count - position > apexLength {
            for _ in 0...Int(name[position]) {
                hash.dropFirst(name[position])
                position += 1
            }
            if let known = lookup(name.span, at: position, hash, zone: zone) {
                parent = known
                break
            }
            starts.append(position)
            hashes.append(hash)
        }
        for (depth, start) in starts.enumerated().reversed() {
            let labels = scanned.labelCount - depth
            let isApex = name.count - start == apexLength
            guard
                let created = create(
                    name[start...],
                    hashes[depth],
                    zone,
                    labels,
                    isApex ? absent : parent
                )
            else { return nil }
            parent = created
        }
        return parent
    }

    private mutating func create(
        _ name: ArraySlice<UInt8>,
        _ hash: NameHash,
        _ zone: UInt32,
        _ labels: Int,
        _ parent: UInt32
    ) -> UInt32? {
        guard let number = UInt32(exactly: names.count), number < absent - 1,
            let offset = UInt32(exactly: nameBytes.count)
        else { return nil }
        nameBytes += name
        names.append(
            Name(
                hash: hash.value,
                offset: offset,
                zone: zone,
                parent: parent,
                length: UInt8(truncatingIfNeeded: name.count),
                labelCount: UInt8(truncatingIfNeeded: labels)
            )
        )
        if names.count * 4 > index.count * 3 { grow() }
        place(number)
        return number
    }

    private func key(_ hash: UInt64, _ zone: UInt32) -> Int {
        Int(truncatingIfNeeded: hash &+ UInt64(zone) &* 0x9e37_79b9) & (index.count - 1)
    }

    private mutating func place(_ number: UInt32) {
        let name = names[Int(number)]
        var slot = key(name.hash, name.zone)
        while index[slot] != 0 { slot = (slot + 1) & (index.count - 1) }
        index[slot] = number + 1
    }

    private mutating func grow() {
        index = Array(repeating: 0, count: index.count * 2)
        for number in 0..<names.count - 1 { place(UInt32(truncatingIfNeeded: number)) }
    }

    // A lower-cased name in a zone; nil when the zone has no such name.
    func lookup(
        _ bytes: Span<UInt8>,
        at start: Int,
        _ hash: NameHash,
        zone: UInt32
    ) -> UInt32? {
        let length = bytes.count - start
        var slot = key(hash.value, zone)
        while index[slot] != 0 {
            let number = index[slot] - 1
            let name = names[Int(number)]
            if name.hash == hash.value, name.zone == zone, Int(name.length) == length,
                WireName.matches(
                    bytes,
                    at: start,
                    nameBytes.span,
                    at: Int(name.offset),
                    length: length
                )
            {
                return number
            }
            slot = (slot + 1) & (index.count - 1)
        }
        return nil
    }
}
