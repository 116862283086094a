// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials
internal import Steering

/// The picture of health as a supposition has it: played through by a copy of what keeps the real
/// one, and read by the policies in its place.
struct SupposedPicture {
    /// The moment that is asked about.
    let moment: Moment
    /// What is supposed of which slot.
    let marks: [Int: [SupposedState]]
    // Nil when nothing is supposed: the doors' own picture holds.
    private let table: HealthTable?
    // The weights that are planned for the moment; nil for those of now.
    private let board: DialBoard?
    /// The supposition as the API shows it; null when there is none.
    let json: JSONValue

    /// Plays a supposition through, or says what in it means nothing.
    init<S: ControlSurface & ~Copyable>(
        _ supposition: Supposition,
        _ surface: borrowing S,
        at now: Moment
    ) throws(Problem) {
        moment = supposition.moment(from: now)
        guard !supposition.isEmpty else {
            (marks, table, board, json) = ([:], nil, nil, .null)
            return
        }
        let offset = supposition.offset(from: now)
        let reach = Supposition.reach
        guard (Interval(nanoseconds: -reach.nanoseconds)...reach).contains(offset) else {
            throw Problem(.supposedTime, "The time is more than 366 days from now.")
        }
        let view = surface.view
        let targets = SupposedTargets(view)
        var keeper = surface.rehearsal()
        var marks: [Int: [SupposedState]] = [:]
        var told: [JSONValue] = []
        var undone: [String] = []
        for assumption in supposition.assumptions {
            let slots = try targets.slots(of: assumption.what)
            keeper.suppose(slots, assumption.state, now: now.now)
            undone += SupposedPicture.mark(slots, assumption, &marks, targets)
            told.append([
                "what": .string(assumption.what),
                "state": .string(assumption.state.rawValue),
                "endpoints": .array(slots.map { .string(targets.name(of: $0)) }),
            ])
        }
        var steering = view.steering?.keeper
        let picture = keeper.picture
        let happened = steering?.pass(
            SupposedPicture.senses(picture),
            from: WallTime(nanoseconds: now.realtime),
            until: WallTime(nanoseconds: moment.realtime)
        ) { time in
            keeper.pass(until: now.now + (time - WallTime(nanoseconds: now.realtime)))
        }
        keeper.pass(until: moment.now)
        self.marks = marks
        table = picture
        board = SupposedPicture.board(steering, view, at: moment)
        let realtime = CivilTime(nanoseconds: moment.realtime).rfc3339
        json = [
            "time": supposition.time == nil ? .null : .string(realtime),
            "afterSeconds": .number((offset.seconds * 1000).rounded() / 1000),
            "assumptions": .array(told),
            "notes": .array(
                (undone + SupposedPicture.notes(offset, view, now, targets)
                    + SupposedPicture.notes(happened ?? [])).map { .string($0) }
            ),
        ]
    }

    /// What answers by this picture.
    func snapshot(_ snapshot: DNSSnapshot) -> DNSSnapshot {
        table.map { snapshot.steered(by: snapshot.steer.reading($0, board)) } ?? snapshot
    }

    // What rollouts are judged by: the health that is supposed. Nobody knows what traffic will say.
    private static func senses(_ table: HealthTable) -> SteeringKeeper.Senses {
        SteeringKeeper.Senses(
            sample: { slots in
                let words = slots.map { table.word($0) }
                return SideSample(
                    up: words.count { $0.takesNewWork },
                    count: words.count { $0.health != .unknown }
                )
            },
            load: { _ in nil },
            isUp: { table.word($0).takesNewWork },
            hasReturned: { table.rampStart($0) != .start }
        )
    }

    // Schedules are known for all times, and what migrations and rollouts do of themselves; what
    // orders and loads will be is not.
    private static func board(
        _ keeper: SteeringKeeper?,
        _ view: ControlView,
        at moment: Moment
    ) -> DialBoard? {
        guard let keeper, let steer = view.snapshot?.dns.steer else { return nil }
        let board = steer.emptyBoard()
        keeper.write(to: board, at: WallTime(nanoseconds: moment.realtime), now: moment.now)
        return board
    }

    /// The words for a slot, such as `down`; nil when nothing is supposed of it.
    func mark(_ slot: Int) -> String? {
        marks[slot].map { $0.map(\.rawValue).joined(separator: ", ") }
    }

    // Adds a state, and says of which endpoints it undoes another: of two that exclude each other
    // the later counts.
    private static func mark(
        _ slots: [Int],
        _ assumption: Supposition.Assumption,
        _ marks: inout [Int: [SupposedState]],
        _ targets: SupposedTargets
    ) -> [String] {
        let state = assumption.state
        var undone: [SupposedState: [Int]] = [:]
        for slot in slots {
            let former = marks[slot, default: []]
            for other in former where state.undoes(other) {
                undone[other, default: []].append(slot)
            }
            marks[slot] = former.filter { $0 != state && !state.undoes($0) } + [state]
        }
        return SupposedState.allCases.compactMap { other in
            guard let slots = undone[other], let first = slots.first else { return nil }
            let more = slots.count > 1 ? " and \(slots.count - 1) more" : ""
            return "'\(assumption.what)=\(state.rawValue)' counts for "
                + "\(targets.name(of: first))\(more), "
                + "and the '\(other.rawValue)' before it does not"
        }
    }

    // What the answer cannot know.
    private static func notes(
        _ offset: Interval,
        _ view: ControlView,
        _ now: Moment,
        _ targets: SupposedTargets
    ) -> [String] {
        if offset > .zero {
            let ends = view.forced.filter { $0.value.until <= now.now + offset }
            let names = ends.keys.sorted().map { slot in
                "\(targets.name(of: slot)) is no longer forced \(ends[slot]?.word ?? "") then"
            }
            return [
                "what probes and requests will say until then is not known: health stays as it is "
                    + "where nothing else is supposed"
            ] + names
        }
        guard offset < .zero else { return [] }
        let plan = view.steering?.keeper.plan
        let moves = plan?.moves.isEmpty == false
        let rolls = plan?.weighted.contains { $0.rollout != nil } ?? false
        return ["the health of then is not known: that of now is taken"]
            + (moves || rolls
                ? ["how migrations and rollouts stood then is not known: as they do now is taken"]
                : [])
    }

    // What migrations and rollouts do until then.
    private static func notes(
        _ happened: [(time: WallTime, event: SteeringEvent)]
    ) -> [String] {
        let shown = happened.prefix(eventLimit).map { time, event in
            "at \(time), \(SteeringWords.line(of: event).text)"
        }
        let rest = happened.count - shown.count
        return shown + (rest > 0 ? ["and \(rest) more of these"] : [])
    }

    private static let eventLimit = 20
}
