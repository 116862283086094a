// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
public import Steering

extension LogEvent {
    /// The line about a change that the health keeper has published.
    public init(_ event: HealthEvent, at moment: Moment) {
        let who = "\(event.identity.pool)/\(event.name)"
        let (kind, level, message) = LogEvent.wording(event, who, at: moment)
        self.init(kind, level, realtime: moment.realtime(of: event.at), message)
        fields = [
            JSONMember("pool", .string(event.identity.pool)),
            JSONMember("endpoint", .string(event.name)),
        ]
        fields += LogEvent.change(event.change)
        if event.reason != .pending || !event.detail.isEmpty {
            fields.append(JSONMember("reason", .string(event.reason.word)))
        }
        if !event.detail.isEmpty { fields.append(JSONMember("detail", .string(event.detail))) }
        fields.append(JSONMember("healthGeneration", .integer(Int64(event.generation))))
        if event.closesConnections {
            fields.append(JSONMember("closesConnections", .bool(true)))
        }
    }

    private static func wording(
        _ event: HealthEvent,
        _ who: String,
        at moment: Moment
    ) -> (EventKind, LogLevel, String) {
        let why = event.detail.isEmpty ? event.reason.word : "\(event.reason.word), \(event.detail)"
        switch event.change {
        case .health(_, .down):
            return (.health, .warning, "\(who) is down: \(why)")
        case .health(_, let now):
            return (.health, .info, "\(who) is \(now.word)")
        case .reason:
            return (.healthReason, .info, "\(who) is down for another reason: \(why)")
        case .administrative(_, let now):
            return (.administrative, .info, "\(who) is set to \(now.word)")
        case .weight(_, let now):
            let text =
                now.map { "has the weight \($0) now" } ?? "has its weight from the file again"
            return (.weight, .info, "\(who) \(text)")
        case .forced(_, let now?):
            let left = SpanText.text(max((now.until - moment.now).seconds, 0).rounded())
            return (.forced, .warning, "\(who) is forced \(now.word) for \(left)")
        case .forced(let before, nil):
            return (.forced, .info, "\(who) is no longer forced \(before?.word ?? "")")
        case .role(_, .unknown):
            return (.role, .warning, "\(who) no longer says whether it leads")
        case .role(_, let now):
            return (.role, .info, "\(who) is \(now == .leader ? "the leader" : "a replica")")
        case .ejected(let until, let times):
            let length = (until - moment.now).seconds.rounded()
            let text = "\(who) is ejected for \(Int(max(length, 0))) s, time \(times): \(why)"
            return (.ejected, .warning, text)
        case .halfOpen(let cause):
            return (.halfOpen, .info, "\(who) is half-open after an ejection: \(cause.rawValue)")
        case .restored(let cause):
            return (.restored, .info, "\(who) is no longer ejected: \(cause.rawValue)")
        }
    }

    private static func change(_ change: HealthEvent.Change) -> [JSONMember] {
        func fromTo(_ from: String, _ to: String) -> [JSONMember] {
            [JSONMember("from", .string(from)), JSONMember("to", .string(to))]
        }
        func weight(_ value: UInt32?) -> String { value.map { "\($0)" } ?? "file" }
        return switch change {
        case .health(let from, let to): fromTo(from.word, to.word)
        case .administrative(let from, let to): fromTo(from.word, to.word)
        case .forced(let from, let to): fromTo(from?.word ?? "auto", to?.word ?? "auto")
        case .reason(let from, let to): fromTo(from.word, to.word)
        case .role(let from, let to): fromTo(from.word, to.word)
        case .weight(let from, let to): fromTo(weight(from), weight(to))
        case .ejected(_, let times): [JSONMember("times", .integer(Int64(times)))]
        case .halfOpen(let cause), .restored(let cause):
            [JSONMember("cause", .string(cause.rawValue))]
        }
    }
}
