// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Keeps the keys of all signed zones: machines, files, and what is to be served of them.
///
/// The order that a crash at any point leaves whole: a key is on disk before the machine knows it,
/// the state is on disk before it is served, and former content counts as served until what came
/// after it is (``applied(now:)``). What cannot be saved does not happen, and is tried again.
///
/// Times are seconds since 1970.
struct KeyKeeper: Sendable {
    /// How an order ended.
    enum Outcome: Equatable, Sendable {
        case done
        case unknownZone
        case refused(RolloverMachine.Refusal)
        /// Another server decides.
        case follows
        case failed(KeyStore.Fault)
    }

    /// After what cannot be written, and between looks of one who follows.
    static let retryGap: Int64 = 30
    static let followGap: Int64 = 5
    /// Between looks at a parent of which nothing is expected.
    static let idleLook: Int64 = 3600
    /// After so long without the DS set it is said again, once a day.
    static let patience: Int64 = 3 * 86_400

    let store: KeyStore?
    var zones: [String: KeptZone] = [:] { didSet { isDeadlineStale = true } }
    private var isDeadlineStale = false
    /// When ``expire(now:)`` next has something to do; nil for never.
    private(set) var nextDeadline: Int64?
    /// Something other than before is to be served.
    var hasChanged = false
    /// What is worth a line of the log.
    var news: [KeyNews] = []

    init(store: KeyStore?) { self.store = store }

    mutating func takeNews() -> [KeyNews] {
        defer { news = [] }
        return news
    }

    mutating func takeChange() -> Bool {
        defer { hasChanged = false }
        return hasChanged
    }

    // MARK: Zones

    /// Makes these the zones whose keys are kept.
    mutating func configure(_ plans: [KeyPlan], now: Int64) {
        defer { settleDeadline() }
        let wanted = Set(plans.map(\.zone))
        for zone in zones.keys.sorted() where !wanted.contains(zone) {
            tellAbandoned(zone)
            zones[zone] = nil
            hasChanged = true
        }
        for plan in plans { take(plan, now) }
    }

    /// Takes other plans of zones, and leaves those of all others.
    mutating func reconfigure(_ plans: [KeyPlan], now: Int64) {
        defer { settleDeadline() }
        for plan in plans { take(plan, now) }
    }

    private mutating func take(_ plan: KeyPlan, _ now: Int64) {
        guard var kept = zones[plan.zone] else { return open(plan, now) }
        kept.plan = plan
        if plan.source != nil, kept.nextLook == nil { kept.nextLook = now }
        zones[plan.zone] = kept
        loadMissing(plan.zone)
        guard !plan.follows else { return }
        _ = handle(.policy(plan.policy, signed: plan.isSigned), plan.zone, now)
    }

    // MARK: Time and events

    /// Looked up with each turn of a loop, while zones may be very many.
    mutating func settleDeadline() {
        guard isDeadlineStale else { return }
        isDeadlineStale = false
        nextDeadline = zones.values.compactMap(\.nextDeadline).min()
    }

    /// Does what time demands; returns the zones whose parents are to be asked.
    mutating func expire(now: Int64) -> [(zone: String, source: ParentMachine.Source)] {
        defer { settleDeadline() }
        var looks: [(zone: String, source: ParentMachine.Source)] = []
        for zone in zones.keys.sorted() {
            guard let kept = zones[zone], kept.nextDeadline.map({ $0 <= now }) ?? false else {
                continue
            }
            guard !kept.plan.follows else {
                follow(zone, now)
                continue
            }
            zones[zone]?.retryAt = nil
            _ = handle(.time, zone, now)
            guard let kept = zones[zone], let source = kept.plan.source,
                let look = kept.nextLook, look <= now
            else { continue }
            let isAwaited = kept.machine.awaitsParent
            zones[zone]?.nextLook =
                now + (isAwaited ? kept.plan.parentInterval : KeyKeeper.idleLook)
            looks.append((zone, source))
        }
        return looks
    }

    /// Notes that what is to be served is served, and nothing else.
    mutating func applied(now: Int64) {
        defer { settleDeadline() }
        for zone in zones.keys.sorted() where zones[zone]?.mustApply == true {
            zones[zone]?.mustApply = false
            guard zones[zone]?.plan.follows == false else { continue }
            // What could not be saved is not over: it is told of again.
            if case .failed = handle(.applied, zone, now) { zones[zone]?.mustApply = true }
        }
    }

    /// Carries out what an operator asks for.
    mutating func order(_ event: RolloverMachine.Event, _ zone: String, now: Int64) -> Outcome {
        defer { settleDeadline() }
        guard let kept = zones[zone] else { return .unknownZone }
        return kept.plan.follows ? .follows : handle(event, zone, now)
    }

    // MARK: The machine and its files

    mutating func handle(
        _ event: RolloverMachine.Event,
        _ zone: String,
        _ now: Int64
    ) -> Outcome {
        // Before the first key there is a state: a key without one was brought from elsewhere.
        if let fault = saveFirst(zone, now) { return .failed(fault) }
        settleClock(zone, now)
        guard let store, let before = zones[zone] else { return .unknownZone }
        var kept = before
        kept.retryAt = nil
        var outcome = Outcome.done
        var events = [event]
        var made: Set<KeyRole> = []
        var serves = false
        while !events.isEmpty {
            for action in kept.machine.handle(events.removeFirst(), now: now) {
                switch action {
                case .serve: serves = true
                case .refuse(let refusal): outcome = .refused(refusal)
                // After the state that says so is on disk.
                case .discard: break
                case .make(let role, let algorithm):
                    guard made.insert(role).inserted else { continue }
                    do throws(KeyStore.Fault) {
                        events.append(.made(try kept.make(role, algorithm, store)))
                    } catch {
                        kept.retryAt = now + KeyKeeper.retryGap
                        outcome = .failed(error)
                        tell(error, zone)
                    }
                }
            }
        }
        kept.takeMade()
        if kept.machine.differs(from: before.machine) {
            do throws(KeyStore.Fault) {
                try store.save(kept.machine.json, zone: zone)
                zones[zone]?.faultTold = nil
            } catch {
                zones[zone]?.retryAt = now + KeyKeeper.retryGap
                tell(error, zone)
                return .failed(error)
            }
        }
        kept.faultTold = zones[zone]?.faultTold
        if serves {
            kept.mustApply = true
            hasChanged = true
        }
        if kept.machine.awaitsParent, !before.machine.awaitsParent { kept.nextLook = now }
        zones[zone] = kept
        news += KeyNews.changes(zone, from: before.machine, to: kept.machine)
        discard(zone, now)
        return outcome
    }

    private mutating func discard(_ zone: String, _ now: Int64) {
        guard let store, let kept = zones[zone] else { return }
        for key in kept.machine.keys where key.isDead {
            store.remove(KeyFile(key.key), zone: zone)
            zones[zone]?.keys[key.id] = nil
            _ = handle(.discarded(key.id), zone, now)
        }
    }

    /// Saves a state that is on no disk yet; why not, when it cannot.
    private mutating func saveFirst(_ zone: String, _ now: Int64) -> KeyStore.Fault? {
        guard let store, let kept = zones[zone], !kept.isOnDisk else { return nil }
        do throws(KeyStore.Fault) {
            try store.save(kept.machine.json, zone: zone)
            zones[zone]?.isOnDisk = true
            return nil
        } catch {
            zones[zone]?.retryAt = now + KeyKeeper.retryGap
            tell(error, zone)
            return error
        }
    }

    /// A full disk is told of once.
    mutating func tell(_ fault: KeyStore.Fault, _ zone: String) {
        guard zones[zone]?.faultTold != fault.text else { return }
        zones[zone]?.faultTold = fault.text
        news.append(.fault(zone, fault))
    }

    /// Takes what another server has written, if it is something new.
    private mutating func follow(_ zone: String, _ now: Int64) {
        guard let store, let kept = zones[zone] else { return }
        zones[zone]?.nextLook = now + KeyKeeper.followGap
        let stamp = File.stamp("\(store.folder(zone))/\(KeyStore.stateName)")
        guard stamp != kept.stamp else { return loadMissing(zone) }
        let found = store.load(zone)
        // Half a copy is not taken, and looked at again.
        guard let state = found.state,
            let machine = RolloverMachine(json: state, policy: kept.plan.policy)
        else { return }
        var next = kept
        next.stamp = stamp
        next.isOnDisk = true
        next.nextLook = now + KeyKeeper.followGap
        next.take(machine, found.keys)
        guard next.isServable || !kept.isServable else { return }
        news += KeyNews.changes(zone, from: kept.machine, to: machine)
        zones[zone] = next
        hasChanged = true
    }
}
