// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A weight that changes at times of the calendar, at once or evenly over a while.
///
///     70 |--------.
///        |         `.            at 22:00 to 0 over 10m
///      0 |           `--------
///              22:00  22:10
public struct WeightSchedule: Sendable, Equatable {
    /// One change of the weight.
    public struct Step: Sendable, Equatable {
        /// When it begins.
        public var at: WallTime
        /// The weight that it leads to.
        public var weight: UInt32
        /// How long the way there takes; zero for at once.
        public var over: Interval

        /// Joins the parts.
        public init(at: WallTime, weight: UInt32, over: Interval = .zero) {
            self.at = at
            self.weight = weight
            self.over = over
        }
    }

    /// What a schedule says of one moment.
    public struct Reading: Sendable, Equatable {
        /// The weight.
        public var weight: UInt32
        /// When it is next another one by a jump; nil for never.
        public var jump: WallTime?
        /// True while it is on its way.
        public var isWalking: Bool
        /// True once a step has begun.
        public var hasBegun: Bool
    }

    /// The weight before the first step.
    public var base: UInt32
    /// The steps, the earliest first.
    public var steps: [Step]

    /// Joins the parts; the steps are brought into order.
    public init(base: UInt32, steps: [Step] = []) {
        self.base = base
        self.steps = steps.sorted { $0.at < $1.at }
    }

    /// The weight at a moment.
    public func reading(at now: WallTime) -> Reading {
        var reading = Reading(weight: base, jump: nil, isWalking: false, hasBegun: false)
        for step in steps {
            guard step.at <= now else {
                if step.over <= .zero { reading.jump = step.at }
                break
            }
            reading.hasBegun = true
            reading.isWalking = false
            let passed = now - step.at
            if passed < step.over {
                reading.weight = WeightSchedule.between(
                    reading.weight,
                    step.weight,
                    passed.seconds / step.over.seconds
                )
                reading.isWalking = true
            } else {
                reading.weight = step.weight
            }
        }
        return reading
    }

    /// A step that began before the one ahead had ended starts from where that one stood.
    private static func between(_ from: UInt32, _ to: UInt32, _ share: Double) -> UInt32 {
        let value = Double(from) + (Double(to) - Double(from)) * min(max(share, 0), 1)
        return UInt32(min(max(value.rounded(), 0), Double(Dial.highestWeight)))
    }
}
