// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Orders of operators about zones: they take their turn among updates, and are answered once what
/// they did is on the disk.
extension Plane {
    /// Takes all changes of a zone of the configuration back.
    mutating func discardZone(_ name: String, _ now: Instant) -> ControlOutcome {
        let wanted = (name.hasSuffix(".") ? name : name + ".").lowercased()
        let isConfigured = settings.zones.contains { $0.name == wanted }
        guard let apex = DomainName(wanted), isConfigured || updater.overlays.zones[apex] != nil
        else { return .unknownZone }
        return enqueue(.discard(apex), now)
    }

    /// Has an order wait for its turn.
    mutating func enqueue(_ wish: ZoneOrder.Wish, _ now: Instant) -> ControlOutcome {
        guard updater.openOrders.count < ZoneOrder.queueLimit else {
            return .failed("\(ZoneOrder.queueLimit) orders about zones wait; ask again")
        }
        let number = updater.nextNumber()
        updater.orders.append(ZoneOrder(number: number, wish: wish))
        updater.openOrders[number] = now + ZoneOrder.limit
        return .awaited(number)
    }

    /// Begins the next order, unless it is the turn of others: one in a turn, since an order may take
    /// as long as a zone is large.
    mutating func followOrder() {
        let others = !updater.queue.isEmpty || !updater.jobs.isEmpty
        guard !updater.orders.isEmpty, !(updater.wasOrder && others) else {
            updater.wasOrder = false
            return
        }
        updater.wasOrder = true
        let order = updater.orders.removeFirst()
        let outcome: ControlOutcome?
        switch order.wish {
        case .discard(let apex): outcome = discard(apex, order.number)
        case .reread(let name): outcome = reread(name, order.number)
        case .replace(let wanted): outcome = importZone(wanted, order.number)
        }
        if let outcome { end(order.number, outcome) }
    }

    // Nil when it has begun.
    private mutating func discard(_ apex: DomainName, _ number: UInt64) -> ControlOutcome? {
        guard let stored = updater.overlays.zones[apex] else { return .done }
        guard settings.zones.contains(where: { $0.name == "\(apex)" }) || stored.kind == .overlay
        else { return .failed("zone \(apex) was made by the zone API: delete it there") }
        guard canChange else {
            return .failed("zones cannot be changed now: \(whyUnchangeable)")
        }
        var change = ZoneChange()
        change.isRemoval = true
        let serial = assembly.zoneResult.place(of: apex)?.serial?.rawValue
        var ticket = ZoneTicket(order: (number, .discarded(apex, serial)))
        ticket.change = .discarded
        launch(.changes([apex: change], [:]), [], [ticket])
        return nil
    }

    /// An order is over: what it did is kept, or why it is not.
    mutating func end(_ number: UInt64, _ end: ZoneOrder.End, _ fault: ZoneAPIFault?) {
        if let fault { return self.end(number, .failed(fault.message)) }
        switch end {
        case .reread(let name):
            let faults = assembly.zoneResult.faults.filter { $0.zone == name }
            note(faults)
            self.end(number, faults.isEmpty ? .done : .refused(faults.flatMap(\.problems)))
        case .imported(let report): self.end(number, .imported(report))
        case .refused(let problems): self.end(number, .refused(problems))
        case .open: self.end(number, .failed("nothing has become of the order; ask again"))
        case .discarded(let apex, let serial):
            if let found = assembly.zoneResult.faults.first(where: { $0.zone == "\(apex)" }) {
                return self.end(number, .refused(found.problems))
            }
            guard let text = whySecondariesMiss(apex, since: serial) else {
                return self.end(number, .done)
            }
            note(.notice, .warning, text, [JSONMember("zone", .string("\(apex)"))])
            self.end(number, .noted(text))
        }
    }

    mutating func end(_ number: UInt64, _ outcome: ControlOutcome) {
        // Nobody hears of one that was given up.
        guard updater.openOrders.removeValue(forKey: number) != nil else { return }
        updater.endedOrders.append((number, outcome))
    }

    /// Gives up orders that come to no end.
    mutating func endLateOrders(_ now: Instant) {
        for (number, until) in updater.openOrders where now >= until {
            let isBegun = !updater.orders.contains { $0.number == number }
            updater.orders.removeAll { $0.number == number }
            end(
                number,
                .failed(
                    isBegun
                        ? "it takes longer than \(ZoneOrder.limit), for the size of the zone or for "
                            + "a disk that does not answer, and goes on; 'martlet zone list' shows "
                            + "whether it is done"
                        : "other changes of zones take longer than \(ZoneOrder.limit): the disk "
                            + "may not answer; nothing is changed, ask again"
                )
            )
        }
    }

    /// Why nothing can be changed, and what helps.
    var whyUnchangeable: String {
        if isUpgrading || isRetired { return "another process takes over; ask again" }
        if case .stopping = phase { return "the process ends" }
        return "there is no store to keep them in; set `state` to a folder that can be written, "
            + "and see the log of the start"
    }

    mutating func takeEnded() -> [(order: UInt64, outcome: ControlOutcome)] {
        guard !updater.endedOrders.isEmpty else { return [] }
        defer { updater.endedOrders = [] }
        return updater.endedOrders.map { ($0.number, $0.outcome) }
    }
}

extension ZoneUpdater {
    /// When an order has taken too long.
    var orderDeadline: Instant { openOrders.values.min() ?? .never }
}
