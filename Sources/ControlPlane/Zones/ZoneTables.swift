// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// The tables of the zone store, and what is done with them; for one thread.
///
///     zones    one row per zone: kind, base, facts
///     sets     one row per record set: all records in one value; NULL for a set that is gone; and one
///              of no type for a name with capitals, with the name as it is written
///     journal  one row per version: what led to it from the one before (RFC 1995)
struct ZoneTables {
    /// Versions that the journal keeps of a zone, and octets of their records.
    static let journalLimit = (versions: 1000, octets: 16 << 20)
    static let schemaVersion: Int64 = 1
    // Before all types, so that it is read before the sets of its name.
    static let spellingType: Int64 = -1

    private static let schema = [
        "CREATE TABLE zones (name BLOB PRIMARY KEY, kind INTEGER NOT NULL, base INTEGER NOT NULL,"
            + " facts BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE sets (zone BLOB NOT NULL REFERENCES zones ON DELETE CASCADE,"
            + " owner BLOB NOT NULL, type INTEGER NOT NULL, ttl INTEGER NOT NULL, data BLOB,"
            + " PRIMARY KEY (zone, owner, type)) WITHOUT ROWID",
        "CREATE TABLE journal (zone BLOB NOT NULL REFERENCES zones ON DELETE CASCADE,"
            + " number INTEGER NOT NULL, from_serial INTEGER NOT NULL, to_serial INTEGER NOT NULL,"
            + " octets INTEGER NOT NULL, deleted BLOB NOT NULL, added BLOB NOT NULL,"
            + " PRIMARY KEY (zone, number)) WITHOUT ROWID",
        "PRAGMA user_version=1",
    ]

    let database: Database

    /// Opens the file, and makes the tables in a new one.
    init(_ path: String) throws(Database.Fault) {
        database = try Database(path)
        var version: Int64 = 0
        try database.rows("PRAGMA user_version") { row in
            version = row.first?.integer ?? 0
            return false
        }
        guard version != ZoneTables.schemaVersion else { return }
        guard version == 0 else {
            throw Database.Fault(code: -1, message: "it was written by a newer version of Martlet")
        }
        try database.transaction { () throws(Database.Fault) in
            for statement in ZoneTables.schema { try database.run(statement) }
        }
    }

    /// Opens a file that is only read, where none can be written: the disk may be full.
    init(reading path: String) throws(Database.Fault) {
        database = try Database(reading: path)
        var version: Int64 = 0
        try database.rows("PRAGMA user_version") { row in
            version = row.first?.integer ?? 0
            return false
        }
        guard version == ZoneTables.schemaVersion else {
            throw Database.Fault(code: -1, message: "it was written by another version of Martlet")
        }
    }

    // MARK: Reading

    /// All zones.
    func zones() throws(Database.Fault) -> [StoredZone] {
        var found: [DomainName: StoredZone] = [:]
        try database.rows("SELECT name, kind, base, facts FROM zones") { row in
            guard row.count == 4, let name = DomainName(wire: row[0].bytes),
                let kind = StoredZone.Kind(rawValue: row[1].integer)
            else { return true }
            found[name] = StoredZone(
                name: name,
                kind: kind,
                base: UInt32(truncatingIfNeeded: row[2].integer),
                facts: row[3].bytes
            )
            return true
        }
        var spelled: [DomainName: DomainName] = [:]
        var present: DomainName?
        let sets = "SELECT zone, owner, type, ttl, data FROM sets ORDER BY zone, owner, type"
        try database.rows(sets) { row in
            guard row.count == 5, let zone = DomainName(wire: row[0].bytes),
                let name = DomainName(wire: row[1].bytes)
            else { return true }
            if present != zone { (present, spelled) = (zone, [:]) }
            guard row[2].integer != ZoneTables.spellingType else {
                spelled[name] = DomainName(wire: row[4].bytes)
                return true
            }
            let owner = spelled[name] ?? name
            let type = RecordType(UInt16(truncatingIfNeeded: row[2].integer))
            let ttl = UInt32(truncatingIfNeeded: row[3].integer)
            let set: RecordSet?? =
                row[4] == .null ? .some(nil) : ZoneTables.set(row[4].bytes, ttl).map { .some($0) }
            if let set { found[zone]?.sets[RecordSetKey(owner, type)] = .some(set) }
            return true
        }
        return found.values.sorted { $0.name.wire.lexicographicallyPrecedes($1.name.wire) }
    }

    /// The latest versions of a zone, oldest first, as many as a history holds: each begins where
    /// the one before ends.
    func journal(of zone: DomainName) throws(Database.Fault) -> [ZoneDifference] {
        var found: [ZoneDifference] = []
        var octets = 0
        let text =
            "SELECT deleted, added FROM journal WHERE zone = ? ORDER BY number DESC LIMIT ?"
        let limit = Database.Value.integer(Int64(ZoneHistory.countLimit))
        try database.rows(text, [.blob(zone.lowercased.wire), limit]) { row in
            // A gap, or what is none, makes all before it useless.
            guard
                let difference = ZoneDifference(
                    deletedWire: row[0].bytes,
                    addedWire: row[1].bytes
                ), found.last.map({ $0.from == difference.to }) ?? true
            else { return false }
            octets += difference.wire.count
            guard octets <= ZoneHistory.byteLimit else { return false }
            found.append(difference)
            return true
        }
        return found.reversed()
    }

    // MARK: Writing

    /// Keeps some changes, all of them or none.
    func write(_ commits: [ZoneCommit]) throws(Database.Fault) {
        try database.transaction { () throws(Database.Fault) in
            for commit in commits { try write(commit) }
        }
    }

    private func write(_ commit: ZoneCommit) throws(Database.Fault) {
        let zone = Database.Value.blob(commit.zone.name.lowercased.wire)
        guard !commit.isRemoval else {
            return try database.run("DELETE FROM zones WHERE name = ?", [zone])
        }
        try database.run(
            "INSERT INTO zones VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
                + " SET kind = excluded.kind, base = excluded.base, facts = excluded.facts",
            [
                zone, .integer(commit.zone.kind.rawValue), .integer(Int64(commit.zone.base)),
                .blob(commit.zone.facts),
            ]
        )
        if commit.replacesAll { try database.run("DELETE FROM sets WHERE zone = ?", [zone]) }
        for (key, set) in commit.sets {
            let lowered = key.owner.lowercased.wire
            let owner = Database.Value.blob(lowered)
            let type = Database.Value.integer(Int64(key.type.rawValue))
            guard set != nil || commit.zone.kind == .overlay else {
                try database.run(
                    "DELETE FROM sets WHERE zone = ? AND owner = ? AND type = ?",
                    [zone, owner, type]
                )
                try forgetSpelling(zone, owner)
                continue
            }
            try database.run(
                "INSERT OR REPLACE INTO sets VALUES (?, ?, ?, ?, ?)",
                [
                    zone, owner, type, .integer(Int64(set?.ttl ?? 0)),
                    set.map { .blob(ZoneTables.bytes($0)) } ?? .null,
                ]
            )
            guard set != nil, lowered != key.owner.wire else { continue }
            let name = Database.Value.blob(key.owner.wire)
            try database.run(
                "INSERT OR REPLACE INTO sets VALUES (?, ?, ?, 0, ?)",
                [zone, owner, .integer(ZoneTables.spellingType), name]
            )
        }
        if commit.dropsJournal { try database.run("DELETE FROM journal WHERE zone = ?", [zone]) }
        for difference in commit.differences { try append(difference, zone) }
        if !commit.differences.isEmpty { try trim(zone) }
    }

    /// Forgets how a name is written that has no sets any more.
    private func forgetSpelling(_ zone: Database.Value, _ owner: Database.Value) throws(Database
        .Fault)
    {
        let spelling = Database.Value.integer(ZoneTables.spellingType)
        try database.run(
            "DELETE FROM sets WHERE zone = ? AND owner = ? AND type = ?"
                + " AND NOT EXISTS (SELECT 1 FROM sets WHERE zone = ? AND owner = ? AND type <> ?)",
            [zone, owner, spelling, zone, owner, spelling]
        )
    }

    private func append(
        _ difference: ZoneDifference,
        _ zone: Database.Value
    ) throws(Database.Fault) {
        let (deleted, added) = (difference.deletedWire, difference.addedWire)
        try database.run(
            "INSERT INTO journal SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6"
                + " FROM journal WHERE zone = ?1",
            [
                zone, .integer(Int64(difference.from.rawValue)),
                .integer(Int64(difference.to.rawValue)),
                .integer(Int64(deleted.count + added.count)), .blob(deleted), .blob(added),
            ]
        )
    }

    // Once for all that a flight brings: the journal is gone through for that.
    private func trim(_ zone: Database.Value) throws(Database.Fault) {
        var (newest, octets, versions): (Int64, Int64, Int64) = (0, 0, 0)
        try database.rows(
            "SELECT max(number), sum(octets), count(*) FROM journal WHERE zone = ?",
            [zone]
        ) { row in
            (newest, octets, versions) = (row[0].integer, row[1].integer, row[2].integer)
            return false
        }
        let limit = ZoneTables.journalLimit
        guard octets > limit.octets || versions > limit.versions else { return }
        // The oldest go; at once a tenth more than must, so that this is rare.
        var (kept, oldest) = (Int64(0), newest + 1)
        try database.rows(
            "SELECT number, octets FROM journal WHERE zone = ? ORDER BY number DESC",
            [zone]
        ) { row in
            kept += row[1].integer
            let isOver =
                kept > limit.octets / 10 * 9
                || newest - row[0].integer >= Int64(limit.versions / 10 * 9)
            if isOver { return false }
            oldest = row[0].integer
            return true
        }
        try database.run(
            "DELETE FROM journal WHERE zone = ? AND number < ?",
            [zone, .integer(oldest)]
        )
    }

    // MARK: Sets

    /// The data of a set, each with its length before it.
    static func bytes(_ set: RecordSet) -> [UInt8] {
        set.data.flatMap { [UInt8($0.count >> 8 & 255), UInt8($0.count & 255)] + $0 }
    }

    static func set(_ bytes: [UInt8], _ ttl: UInt32) -> RecordSet? {
        var data: [[UInt8]] = []
        var position = 0
        while position + 2 <= bytes.count {
            let end = position + 2 + Int(bytes[position]) << 8 + Int(bytes[position + 1])
            guard end <= bytes.count else { return nil }
            data.append(Array(bytes[position + 2..<end]))
            position = end
        }
        return position == bytes.count ? RecordSet(ttl: ttl, data: data) : nil
    }
}
