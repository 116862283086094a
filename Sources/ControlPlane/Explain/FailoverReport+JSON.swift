// SPDX-License-Identifier: Apache-2.0
internal import Configuration
public import Essentials
internal import Steering

extension FailoverReport {
    /// The report as the API shows it; all times in seconds.
    public var json: JSONValue {
        ["names": .array(names.map(\.json))]
    }
}

extension FailoverReport.Name {
    fileprivate var json: JSONValue {
        let slowest = groups.map(\.worst).max()
        let isWithin = within.map { within in
            unchecked.isEmpty && (slowest.map { $0 <= within } ?? false)
        }
        return [
            "name": .string(owner),
            "policy": .string(policy),
            "hasSpare": .bool(hasSpare),
            "withinSeconds": within.map { .seconds($0) } ?? .null,
            "isWithin": isWithin.map { .bool($0) } ?? .null,
            "worstSeconds": slowest.map { .seconds($0) } ?? .null,
            "unchecked": .array(unchecked.map { .string($0.target) }),
            "probes": .array(groups.map(\.json)),
        ]
    }
}

extension FailoverReport.Group {
    fileprivate var json: JSONValue {
        [
            "name": .string(probe),
            "decidedBy": decider.map { .string($0.probe) } ?? .null,
            "decidedWhen": decider.map { .string($0.comesUp ? "up" : "down") } ?? .null,
            "targets": .array(targets.map { .string($0) }),
            "intervalSeconds": .seconds(terms.interval),
            "fastIntervalSeconds": .seconds(terms.fastInterval),
            "timeoutSeconds": .seconds(terms.timeout),
            "jitterPercent": .integer(Int64(terms.jitterPercent)),
            "fall": .integer(Int64(terms.fall)),
            "ttlSeconds": [
                "most": .integer(Int64(terms.ttl)),
                "healthy": .integer(Int64(terms.answerTTL(afterFailures: 0))),
                "beforeVerdict": .integer(Int64(terms.answerTTL(afterFailures: terms.fall - 1))),
            ],
            "advice": .string(advice),
            "refuses": fault(.refuses),
            "hangs": fault(.hangs),
        ]
    }

    private func fault(_ fault: TargetFault) -> JSONValue {
        let time = FailoverTime(terms, fault)
        var members = FailoverTime.Part.allCases.map { part in
            JSONMember(part.rawValue, time.span(part).json)
        }
        members.append(JSONMember("total", time.total.json))
        let shown = floors.map { floor -> JSONValue in
            let time = FailoverTime(terms, fault, floor: floor.seconds)
            return [
                "floorSeconds": .integer(Int64(floor.seconds)),
                "sharePercent": .integer(Int64(floor.share.percent)),
                "ttl": time.ttl.json,
                "total": time.total.json,
            ]
        }
        members.append(JSONMember("floors", .array(shown)))
        let shares = floors.map { (seconds: $0.seconds, share: Double($0.share.percent) / 100) }
        members.append(JSONMember("all", FailoverTime.together(terms, fault, shares).json))
        return .object(members)
    }
}

extension FailoverSpan {
    fileprivate var json: JSONValue {
        ["best": .seconds(best), "typical": .seconds(typical), "worst": .seconds(worst)]
    }
}

extension JSONValue {
    /// A length of time in seconds, to the millisecond.
    fileprivate static func seconds(_ interval: Interval) -> JSONValue {
        .number((interval.seconds * 1_000).rounded() / 1_000)
    }
}
