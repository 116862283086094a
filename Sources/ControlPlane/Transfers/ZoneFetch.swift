// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// One look at the primaries of a zone, and what it takes to have their version.
struct FetchJob: Sendable {
    struct Primary: Sendable {
        var address: SocketAddress
        var key: TransactionKey?
        var security: FetchSecurity?
    }

    var zone: DomainName
    /// In the order in which they are asked.
    var primaries: [Primary]
    /// The version in hand.
    var known: SerialNumber?
    /// Where the zone is kept; nil when nothing is, and then a version is in the answer alone.
    var path: String?
    /// True when others take the zone from here, and want to know what has changed.
    var keepsHistory = false
    /// The most octets.
    var sizeLimit: Int
    /// The most time.
    var timeLimit: Interval
    /// Random, for ids.
    var seed: UInt64
}

/// What came of it.
struct FetchResult: Sendable {
    enum Outcome: Sendable {
        /// No primary has a newer version.
        case current
        /// A newer version is in hand.
        case updated(Update)
        /// No primary could be asked.
        case failed
    }

    struct Update: Sendable {
        /// All of it; empty where it is kept in a file.
        var records: [DNSMessage.Record]
        /// How many they are.
        var count = 0
        /// The zone laid out, as it would be from its records.
        var table: ZoneTable?
        /// What has changed since the version in hand, where that was asked for.
        var difference: ZoneDifference?
        var isIncremental: Bool
        /// What was wrong with the differences that were asked for first.
        var whyWhole: String?
        var octets: Int
        var dropped: Int
        var duration: Interval
    }

    var zone: DomainName
    var outcome = Outcome.failed
    var serial: SerialNumber?
    var timers: RefreshMachine.Timers?
    /// The primary that it came from.
    var source: SocketAddress?
    /// Why others could not be asked.
    var problems: [(primary: SocketAddress, text: String)] = []
}

/// Does a job, on a thread that may wait.
struct ZoneFetch {
    private let job: FetchJob
    private var random: SeededRandom
    // The primary in hand does not know EDNS (RFC 5936 §2.1.5).
    private var isOld = false

    init(_ job: FetchJob) {
        self.job = job
        random = SeededRandom(seed: job.seed)
    }

    mutating func run() -> FetchResult {
        var result = FetchResult(zone: job.zone)
        var behind: [(primary: SocketAddress, text: String)] = []
        let end = Clock.monotonic() + job.timeLimit
        for (number, primary) in job.primaries.enumerated() {
            // Each has its share: one that sends on and on must not take the time of all others.
            let now = Clock.monotonic()
            let share = max((end - now).nanoseconds, 0) / Int64(job.primaries.count - number)
            let deadline = now + Interval(nanoseconds: share)
            isOld = false
            do throws(FetchFault) {
                let soa = try serial(of: primary, deadline)
                guard let serial = soa.serial, let timers = RefreshMachine.Timers(soa) else {
                    throw FetchFault("its SOA is malformed")
                }
                if let known = job.known, !serial.isNewer(than: known) {
                    if serial != known {
                        let text =
                            "its serial \(serial.rawValue) is older than \(known.rawValue) in hand"
                        behind.append((primary.address, text))
                    }
                    // Another one may be further; the first that is not behind says how long this
                    // holds.
                    if result.source == nil {
                        (result.outcome, result.serial) = (.current, known)
                        (result.timers, result.source) = (timers, primary.address)
                    }
                    continue
                }
                var update = try take(primary, deadline)
                result.serial = update.records.first?.serial
                result.timers = update.records.first.flatMap { RefreshMachine.Timers($0) }
                update.count = update.records.count
                // Letting go of a million records takes long: that is this thread's work too.
                if job.path != nil { update.records = [] }
                result.outcome = .updated(update)
                result.source = primary.address
                return result
            } catch {
                result.problems.append((primary.address, error.text))
            }
        }
        // One that lags is nothing to tell of; when all do, their serial has gone back.
        let asked = job.primaries.count - result.problems.count
        if !behind.isEmpty, behind.count == asked { result.problems += behind }
        return result
    }

    // MARK: Questions

    // RFC 9103 §7.8: who serves zones by TLS knows EDNS, and says by it why it refuses.
    private mutating func question(
        _ type: RecordType,
        to primary: FetchJob.Primary,
        authority: [UInt8] = []
    ) -> [UInt8] {
        let id = UInt16(truncatingIfNeeded: random.next())
        let option = primary.security == nil || isOld ? [] : ZoneFetch.option
        var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 255), 0, 0, 0, 1, 0, 0, 0]
        bytes += [authority.isEmpty ? 0 : 1, 0, option.isEmpty ? 0 : 1]
        bytes += job.zone.wire + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1]
        return bytes + authority + option
    }

    // OPT of version 0, for 1232 octets, without options.
    private static let option: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]

    // What a primary says of the SOA, by a connection that is closed then.
    private mutating func answer(
        of primary: FetchJob.Primary,
        _ deadline: Instant
    ) throws(FetchFault) -> DNSMessage {
        var exchange = try FetchExchange(primary, deadline)
        let request = question(.SOA, to: primary)
        try exchange.ask(request)
        let (message, _) = try exchange.answer()
        guard message.id == UInt16(request[0]) << 8 | UInt16(request[1]), message.isResponse,
            message.isAbout(job.zone, .SOA)
        else { throw FetchFault("its answer is about something else") }
        return message
    }

    private mutating func serial(
        of primary: FetchJob.Primary,
        _ deadline: Instant
    ) throws(FetchFault) -> DNSMessage.Record {
        var message = try answer(of: primary, deadline)
        if primary.security != nil, !isOld, message.option == nil,
            message.code == .formatError || message.code == .notImplemented
        {
            isOld = true
            message = try answer(of: primary, deadline)
        }
        guard message.code == .noError else {
            let answer = "\(message.code)\(FetchExchange.reasons(message))"
            throw FetchFault("it answers \(answer) when asked for the SOA")
        }
        guard let soa = message.answers.first(where: { $0.type == .SOA && $0.owner == job.zone })
        else { throw FetchFault("it does not have the zone: its answer has no SOA") }
        // RFC 1996 §4.5, RFC 1034 §4.3.5: one that has it by hearsay is no primary.
        guard message.isAuthoritative else {
            throw FetchFault("it is not authoritative for the zone")
        }
        return soa
    }

    private mutating func take(
        _ primary: FetchJob.Primary,
        _ deadline: Instant
    ) throws(FetchFault) -> FetchResult.Update {
        let began = Clock.monotonic()
        let base = base
        var reason: String?
        if let base {
            do throws(FetchFault) {
                return try changes(primary, base, deadline, began)
            } catch {
                reason = error.text
            }
        }
        let transfer = try transfer(primary, known: nil, deadline)
        var update = try adopted(
            transfer.records,
            since: base,
            transfer,
            isIncremental: false,
            began
        )
        update.whyWhole = reason
        return update
    }

    // The version in hand.
    private var base: [DNSMessage.Record]? {
        guard let known = job.known, let path = job.path,
            let bytes = try? File.read(path, limit: job.sizeLimit * 2),
            let base = ZoneImage.records(in: bytes), base.first?.serial == known
        else { return nil }
        return base
    }

    // RFC 1995: what has changed; whatever is wrong with that, the whole zone comes instead.
    private mutating func changes(
        _ primary: FetchJob.Primary,
        _ base: [DNSMessage.Record],
        _ deadline: Instant,
        _ began: Instant
    ) throws(FetchFault) -> FetchResult.Update {
        let transfer = try transfer(primary, known: base.first, deadline)
        guard !transfer.isCurrent else { throw FetchFault("it has nothing newer after all") }
        guard transfer.changes.isEmpty else {
            guard let records = transfer.applied(to: base) else {
                throw FetchFault("its changes do not fit")
            }
            return try adopted(records, since: base, transfer, isIncremental: true, began)
        }
        return try adopted(transfer.records, since: base, transfer, isIncremental: false, began)
    }

    private mutating func transfer(
        _ primary: FetchJob.Primary,
        known: DNSMessage.Record?,
        _ deadline: Instant
    ) throws(FetchFault) -> IncomingTransfer {
        var exchange = try FetchExchange(primary, deadline)
        let type = known == nil ? RecordType.AXFR : .IXFR
        let request = question(type, to: primary, authority: known?.wire ?? [])
        try exchange.ask(request)
        var transfer = IncomingTransfer(
            job.zone,
            id: UInt16(request[0]) << 8 | UInt16(request[1]),
            known: known?.serial,
            limit: job.sizeLimit
        )
        while !transfer.isDone {
            let (message, octets) = try exchange.answer()
            do throws(IncomingTransfer.Fault) {
                try transfer.take(message, octets: octets)
            } catch {
                throw FetchFault(ZoneFetch.text(of: error, message))
            }
        }
        guard exchange.isSettled else { throw FetchFault("the end of its answer is not signed") }
        return transfer
    }

    private static func text(of fault: IncomingTransfer.Fault, _ message: DNSMessage) -> String {
        switch fault {
        case .refused(let code):
            "it answers \(code)\(FetchExchange.reasons(message)) when asked for the zone"
        case .disorder(let what): "its answer is out of order: \(what)"
        case .tooLarge: "the zone is larger than 'size-limit'"
        }
    }

    // MARK: Versions

    // Judged as a file would be; then kept, so that a restart has it.
    private func adopted(
        _ records: [DNSMessage.Record],
        since base: [DNSMessage.Record]?,
        _ transfer: IncomingTransfer,
        isIncremental: Bool,
        _ began: Instant
    ) throws(FetchFault) -> FetchResult.Update {
        if let known = job.known, let serial = records.first?.serial, !serial.isNewer(than: known) {
            throw FetchFault(
                "it sends serial \(serial.rawValue), not newer than \(known.rawValue) in hand"
            )
        }
        // RFC 1034 §4.2.1: what is cut off, or never was whole, must not take a good zone's place.
        guard records.contains(where: { $0.type == .NS && $0.owner == job.zone }) else {
            throw FetchFault("the zone is faulty: it has no NS records at its apex")
        }
        let build = built(records)
        guard let table = build.table else {
            let first = build.diagnostics.first { $0.severity == .error }
            throw FetchFault(
                "the zone is faulty: \(first.map { "\($0.message)" } ?? "it has errors")"
            )
        }
        var difference: ZoneDifference?
        if let path = job.path {
            do throws(SystemError) {
                difference = try keepDifference(base, table, path)
                try File.writeAtomically(path, ZoneImage.bytes(of: records))
            } catch {
                throw FetchFault("it cannot be kept in the state folder: \(error)")
            }
        }
        return FetchResult.Update(
            records: records,
            table: table,
            difference: difference,
            isIncremental: isIncremental,
            octets: transfer.size,
            dropped: transfer.dropped,
            duration: Clock.monotonic() - began
        )
    }

    private func built(_ records: [DNSMessage.Record]) -> ZoneBuild {
        var builder = ZoneTableBuilder()
        builder.beginZone(job.zone, source: "\(job.zone)")
        builder.add(records.map { .record($0) }) { _ in nil }
        return builder.build()
    }

    // As both versions are served, which is what others have of the one before.
    private func keepDifference(
        _ base: [DNSMessage.Record]?,
        _ table: ZoneTable,
        _ path: String
    ) throws(SystemError) -> ZoneDifference? {
        guard job.keepsHistory, let base, base.count <= Plane.differenceLimit,
            table.setCount <= Plane.differenceLimit, let former = built(base).table
        else { return nil }
        let (old, new) = (served(former), served(table))
        guard let difference = ZoneDifference(from: old, to: new) else { return nil }
        try TransferredZones.keep(difference, from: old, to: new, beside: path)
        return difference
    }

    private func served(_ table: ZoneTable) -> [DNSMessage.Record] {
        ZoneAssembly.Place(table: table, zone: 0).records
    }
}

extension RefreshMachine.Timers {
    /// What an SOA says.
    init?(_ soa: DNSMessage.Record) {
        guard soa.type == .SOA, soa.data.count >= 22 else { return nil }
        let numbers = Array(soa.data.suffix(16)).withTimes
        self.init(refresh: numbers[0], retry: numbers[1], expire: numbers[2])
    }
}

extension Array where Element == UInt8 {
    /// Four octets each as one number.
    fileprivate var withTimes: [UInt32] {
        stride(from: 0, to: count - 3, by: 4).map { place in
            self[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
