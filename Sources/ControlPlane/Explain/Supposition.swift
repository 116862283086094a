// SPDX-License-Identifier: Apache-2.0
internal import Configuration
public import Essentials
public import Steering

/// What is supposed, in the place of what is: states of endpoints, and the time.
public struct Supposition: Sendable, Equatable {
    /// One state that is supposed.
    public struct Assumption: Sendable, Equatable {
        /// What is in it, as it was written.
        public var what: String
        /// The state.
        public var state: SupposedState

        /// Joins the parts.
        public init(_ what: String, _ state: SupposedState) {
            self.what = what
            self.state = state
        }
    }

    /// The time that is supposed.
    public enum Time: Sendable, Equatable {
        /// So long after the question.
        case after(Interval)
        /// A moment, in nanoseconds since 1970.
        case at(Int64)
    }

    /// States in the order given: of two for one endpoint the later adds to the earlier, or takes
    /// its place.
    public var assumptions: [Assumption] = []
    /// The time; nil for now.
    public var time: Time?

    /// How far from now a supposed time may be.
    static let reach = Interval.seconds(366 * 86_400)
    /// The most states in one question.
    static let assumptionLimit = 100

    /// Nothing is supposed.
    public init() {}

    /// True when nothing is supposed.
    public var isEmpty: Bool { assumptions.isEmpty && time == nil }

    /// The moment that is asked about, on both clocks: whatever depends on time is asked with it.
    public func moment(from now: Moment) -> Moment {
        let offset = offset(from: now)
        return Moment(
            now: now.now + offset,
            realtime: now.realtime.addingReportingOverflow(offset.nanoseconds).partialValue
        )
    }

    /// How far that is from now.
    func offset(from now: Moment) -> Interval {
        switch time {
        case nil: .zero
        case .after(let interval): interval
        case .at(let realtime): Interval(nanoseconds: realtime &- now.realtime)
        }
    }
}

// MARK: Reading

extension Supposition {
    init(_ parameters: Parameters) throws(Problem) {
        self.init()
        for parameter in parameters.all where parameter.name == "assume" {
            assumptions.append(try Assumption(parameter.value))
        }
        guard assumptions.count <= Supposition.assumptionLimit else {
            let limit = Supposition.assumptionLimit
            throw Problem(.assumption, "At most \(limit) states can be supposed at once.")
        }
        if let text = parameters.value("at") { time = try Supposition.time(text) }
    }

    private static func time(_ text: String) throws(Problem) -> Time {
        guard text.hasPrefix("+") else {
            guard let moment = WallTime(rfc3339: text)?.nanoseconds else {
                throw Problem(
                    .supposedTime,
                    "'\(text)' is no time: write '2026-11-20T17:05:09Z', or '+10m' for ten minutes "
                        + "from now."
                )
            }
            return .at(moment)
        }
        do throws(DurationText.Fault) {
            return .after(try DurationText.read(String(text.dropFirst()), in: .zero...reach))
        } catch {
            throw Problem(.supposedTime, "'\(text)' is no time: \(error.text).")
        }
    }
}

extension Supposition.Assumption {
    /// Reads `WHAT=STATE`.
    init(_ text: String) throws(Problem) {
        let states = SupposedState.allCases.map(\.rawValue).joined(separator: ", ")
        guard let mark = text.lastIndex(of: "="), mark > text.startIndex else {
            throw Problem(
                .assumption,
                "'\(text)' supposes nothing: write WHAT=STATE, with one of \(states)."
            )
        }
        let word = text[text.index(after: mark)...]
        guard let state = SupposedState(rawValue: String(word)) else {
            throw Problem(.assumption, "'\(word)' is no state that can be supposed: \(states) are.")
        }
        self.init(String(text[..<mark]), state)
    }
}
