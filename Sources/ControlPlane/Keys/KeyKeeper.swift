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
    private(set) var zones: [String: KeptZone] = [:] { didSet { isDeadlineStale = true } }
    private var isDeadlineStale = false
    /// When ``expire(now:)`` next has something to do; nil for never.
    private(set) var nextDeadline: Int64?
    /// Something other than before is to be served.
    private(set) var hasChanged = false
    /// What is worth a line of the log.
    private var news: [KeyNews] = []

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
        for zone in Array(zones.keys) where !wanted.contains(zone) {
            zones[zone] = nil
            hasChanged = true
        }
        for plan in plans {
            guard var kept = zones[plan.zone] else {
                open(plan, now)
                continue
            }
            kept.plan = plan
            zones[plan.zone] = kept
            loadMissing(plan.zone)
            guard !plan.follows else { continue }
            _ = handle(.policy(plan.policy, signed: plan.isSigned), plan.zone, now)
        }
    }

    private mutating func open(_ plan: KeyPlan, _ now: Int64) {
        let zone = plan.zone
        hasChanged = true
        guard let store else {
            let text =
                "zone \(zone) cannot be signed: there is no state folder to keep its keys in; set "
                + "'state' to a folder that can be written"
            news.append(.fault(zone, KeyStore.Fault(code: "M1682", text: text)))
            return
        }
        do throws(KeyStore.Fault) {
            if !plan.follows { try store.prepare(zone) }
        } catch {
            news.append(.fault(zone, error))
        }
        let found = store.load(zone)
        for fault in found.faults { news.append(.fault(zone, fault)) }
        // Keys that are there and cannot be read are not replaced: it is as if there were others.
        guard found.state != nil || found.faults.isEmpty else { return }
        var kept = KeptZone(plan, found, store: store, now: now)
        if found.hasState, kept.isRebuilt {
            if !plan.follows { store.setAside(zone) }
            let text =
                "the state of the keys of zone \(zone) cannot be understood: every key that was "
                + "found is published and used, until the parent is seen to refer to one"
            news.append(.fault(zone, KeyStore.Fault(code: "M1681", text: text)))
        }
        kept.mustApply = true
        zones[zone] = kept
        guard !plan.follows else { return }
        // Before the first key there is a state: a key without one was brought from elsewhere.
        if !found.hasState || kept.isRebuilt { save(zone, now) }
        _ = handle(.policy(plan.policy, signed: plan.isSigned), zone, now)
    }

    /// Looks again for key files that were missing.
    private mutating func loadMissing(_ zone: String) {
        guard let store, let kept = zones[zone] else { return }
        for key in kept.missing {
            let file = KeyFile(key.key)
            do throws(KeyStore.Fault) {
                zones[zone]?.keys[key.id] = try store.read(file, zone)
                hasChanged = true
                news.append(
                    KeyNews(zone: zone, text: "zone \(zone): the file of \(key.key.words) is back")
                )
            } catch {
                news.append(.fault(zone, error))
            }
        }
    }

    // MARK: Time and events

    /// Looked up with each turn of a loop, while zones may be very many.
    private mutating func settleDeadline() {
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
            _ = handle(.applied, zone, now)
        }
    }

    /// Carries out what an operator asks for.
    mutating func order(_ event: RolloverMachine.Event, _ zone: String, now: Int64) -> Outcome {
        defer { settleDeadline() }
        guard let kept = zones[zone] else { return .unknownZone }
        return kept.plan.follows ? .follows : handle(event, zone, now)
    }

    /// Takes the DS set of a parent, or why it cannot be told.
    mutating func takeParent(_ zone: String, _ outcome: ParentMachine.Outcome, now: Int64) {
        defer { settleDeadline() }
        guard var kept = zones[zone], let apex = DomainName(zone) else { return }
        let former = kept.parent
        switch outcome {
        case .failed(let reason):
            kept.parent = .unknown(reason)
            zones[zone] = kept
        case .holds(let records):
            let seen = kept.match(records, apex)
            kept.parent = .seen(tags: seen.tags, strangers: seen.strangers)
            zones[zone] = kept
            if seen.ids != kept.machine.parentKeys || kept.machine.awaitsParent {
                _ = handle(.parentHolds(seen.ids), zone, now)
            }
        }
        tellParent(zone, former, now)
    }

    private mutating func tellParent(_ zone: String, _ former: KeptZone.Parent, _ now: Int64) {
        guard let kept = zones[zone] else { return }
        if kept.parent != former {
            switch kept.parent {
            case .seen(let tags, let strangers) where tags.isEmpty && strangers > 0:
                let text =
                    "the parent of zone \(zone) refers to none of its keys: validators take it for "
                    + "bogus; give it the DS that 'martlet zone sign-status' shows"
                news.append(.fault(zone, KeyStore.Fault(code: "M1683", text: text)))
            case .unknown(let reason) where kept.machine.awaitsParent:
                let text = "the DS set of zone \(zone) cannot be seen: \(reason)"
                news.append(KeyNews(zone: zone, level: .warning, code: "M1685", text: text))
            default: break
            }
        }
        if let since = kept.machine.awaitedSince, kept.machine.awaitsParent,
            now - since >= KeyKeeper.patience, now - kept.remindedAt >= 86_400
        {
            zones[zone]?.remindedAt = now
            let text =
                "the parent of zone \(zone) has not taken over its DS set for "
                + "\((now - since) / 86_400) days: the rollover waits for it"
            news.append(KeyNews(zone: zone, level: .warning, code: "M1684", text: text))
        }
    }

    // MARK: The machine and its files

    private mutating func handle(
        _ event: RolloverMachine.Event,
        _ zone: String,
        _ now: Int64
    ) -> Outcome {
        guard let store, let before = zones[zone] else { return .unknownZone }
        var kept = before
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

    private mutating func save(_ zone: String, _ now: Int64) {
        guard let store, let kept = zones[zone] else { return }
        do throws(KeyStore.Fault) {
            try store.save(kept.machine.json, zone: zone)
        } catch {
            zones[zone]?.retryAt = now + KeyKeeper.retryGap
            tell(error, zone)
        }
    }

    /// A full disk is told of once.
    private mutating func tell(_ fault: KeyStore.Fault, _ zone: String) {
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
        next.nextLook = now + KeyKeeper.followGap
        next.take(machine, found.keys)
        guard next.isServable || !kept.isServable else { return }
        news += KeyNews.changes(zone, from: kept.machine, to: machine)
        zones[zone] = next
        hasChanged = true
    }
}
