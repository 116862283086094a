// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// What the control thread knows of zones that change while they serve.
///
///     desk --> queue --> flight: decided, laid out, then kept, by the store's thread
///                          |
///            answers <-- zones in force
///
/// Changes wait for one flight at a time, and all that have come meanwhile go with the next: one
/// table and one sync for many updates, and the more of them the longer a flight takes. What a flight
/// does costs what it changes (``ZonePatch``), and is done by another thread all the same
/// (``ZoneWork``): a zone that changes for the first time is taken apart once, whatever its size.
struct ZoneUpdater {
    /// Updates that go with one flight.
    static let batchLimit = 500

    /// An answer that waits for its flight.
    struct Answer: Sendable {
        var request: UpdateDesk.Request
        var code: ResponseCode
        var signature: UpdateSignature
    }

    /// Changes that are being kept.
    struct Flight: Sendable {
        var number: UInt64
        /// What is kept; known once it has landed.
        var commits: [ZoneCommit] = []
        var answers: [Answer] = []
        /// What else is told of the end: true when all is kept.
        var tickets: [ZoneTicket] = []
        /// A version that has come from elsewhere, and nothing else.
        var arrival: ZoneArrival?
        /// Zones that are put together anew, and nothing else.
        var preparation: ZonePreparation?
        /// A zone whose file is read again, and nothing else.
        var reread: ZoneReread?
        /// Zones of a configuration that was read, and nothing else.
        var reloaded: ReloadedZones?
        /// What was decided.
        let outcome = Handed<ZoneWork.Outcome>()
        /// The zones have been put together anew meanwhile.
        var isOvertaken = false
    }

    let store: ZoneStore
    var overlays: ZoneOverlays
    /// Zones in a form that can be changed; a flight has those that it is about.
    var live: [DomainName: ZoneRecords] = [:]
    var queue: [UpdateDesk.Request] = []
    var flight: Flight?
    /// Versions that have come from elsewhere, and wait to be put among the others.
    var arrivals: [ZoneArrival] = []
    var wasArrival = false
    /// So many updates are tried one by one, since together they made a zone that cannot be served.
    var cautious = 0
    /// Changes that the API has asked for.
    var jobs: [ZoneAPIJob] = []
    /// Writes zones as the API shows them; nil until its first listener is open.
    var renderer: AdminRenderer?
    /// What is to be told to those who asked.
    var finished: [(Handle, ServiceResponse)] = []
    /// What is kept is not yet what is served: names are steered otherwise, or an alias leads
    /// elsewhere.
    var awaitsSteering = false
    /// Those who are told once it is.
    var steeringTickets: [ZoneTicket] = []
    /// Orders of operators that have not begun.
    var orders: [ZoneOrder] = []
    /// Until when orders may take that have not ended, by number.
    var openOrders: [UInt64: Instant] = [:]
    /// Orders that have ended, and how.
    var endedOrders: [(number: UInt64, outcome: ControlOutcome)] = []
    /// The same by messages.
    var steeringAnswers: [Answer] = []
    /// Zones that another thread is to put together for that, or does.
    var preparing = Preparing.none
    /// Zones that were, for the next snapshot.
    var prepared: ZoneAssembly.Result?

    enum Preparing: Equatable {
        case none
        /// These, beside all others as they are; nil for all.
        case wanted(Set<DomainName>?)
        case begun
    }
    /// The latest turn was one of an operator.
    var wasOrder = false
    /// The latest turn was one of the API.
    var wasJob = false
    /// Zones have come or gone since those were last looked at that are counted by themselves.
    var hasOtherZones = true
    /// Zones that are read from their files when all are put together anew.
    var rereads: Set<String> = []
    private var number: UInt64 = 0

    init(store: ZoneStore) {
        self.store = store
        overlays = ZoneOverlays(store.zones)
    }

    /// Something waits that can be begun as soon as nothing is being kept.
    var hasWork: Bool { hasChanges || !arrivals.isEmpty }
    /// True while zones wait to be put together by another thread.
    var wantsPreparation: Bool {
        if case .wanted = preparing { true } else { false }
    }
    /// The same of changes by messages, by the API and by operators.
    var hasChanges: Bool { !queue.isEmpty || !jobs.isEmpty || !orders.isEmpty }

    mutating func nextNumber() -> UInt64 {
        number += 1
        return number
    }

    /// The zones have been put together anew: what was derived from them is worth nothing.
    mutating func noteReread() {
        flight?.isOvertaken = true
        ZoneUpdater.letGo(Array(live.values))
        live = [:]
    }

    /// One zone has been put together anew.
    mutating func noteReread(_ apex: DomainName) {
        flight?.isOvertaken = true
        noteChange(of: apex)
    }

    /// Some zones have been put together anew, and policies may have other numbers.
    mutating func noteSteering(of zones: Set<DomainName>) {
        flight?.isOvertaken = true
        for (apex, zone) in live where zones.contains(apex) || !zone.fixed.isEmpty {
            noteChange(of: apex)
        }
    }

    /// A zone is not what was made of it in memory.
    mutating func noteChange(of apex: DomainName) {
        if let zone = live.removeValue(forKey: apex) { ZoneUpdater.letGo([zone]) }
    }

    /// Gives up zones; large ones elsewhere, since a million sets are given up one by one.
    static func letGo(_ zones: consuming [ZoneRecords]) {
        guard zones.contains(where: { $0.names.count > 1000 }) else { return }
        let gone = Handed(zones)
        try? WorkerThread.start(name: "zone-end", isPatient: true) { _ = gone.take() }
    }

    /// Takes what is kept now.
    mutating func merge(_ commits: [ZoneCommit]) {
        for commit in commits {
            let name = commit.zone.name
            overlays.settle(commit)
            if commit.isRemoval || overlays.zones[name] == nil { hasOtherZones = true }
            guard !commit.isRemoval else {
                overlays.zones[name] = nil
                continue
            }
            // Taken out of where it is kept: thousands of sets are not copied for one of them.
            var zone = overlays.zones.removeValue(forKey: name) ?? commit.zone
            (zone.kind, zone.base, zone.facts) =
                (commit.zone.kind, commit.zone.base, commit.zone.facts)
            if commit.replacesAll { zone.sets = [:] }
            zone.merge(commit.sets)
            overlays.zones[name] = zone
        }
    }
}

/// A request of the API that waits for its change.
struct ZoneTicket: Sendable {
    /// Nil for an order of an operator.
    var handle: Handle?
    /// The order, and what its end is when all is kept.
    var order: (number: UInt64, end: ZoneOrder.End)?
    /// The zone that was made, and whether it is shown with its sets.
    var created: (name: DomainName, withSets: Bool)?
    /// What the log says of the change once it is kept, and who has asked for it by the API.
    var change: KeptChange.Word?
    var client: IPAddress?
}

/// What a flight does to a zone.
struct ZoneChange: Sendable {
    /// What the zone is when it is new: whatever the store had under its name is replaced.
    var kind = StoredZone.Kind.overlay
    var sets: [RecordSetKey: RecordSet?] = [:]
    var differences: [ZoneDifference] = []
    var isRemoval = false
    /// The sets are all that is to lie over the file of the zone as it is now.
    var restsOnFile = false
}
