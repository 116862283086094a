// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import Runtime

/// What the prober asks of the process that runs commands; one message each.
public enum CommandOrder: Sendable, Equatable {
    /// Run this.
    case run(CommandRun)
    /// Nobody wants to know of the run any more: end it.
    case stop(UInt64)
    /// Are you there?
    case ping
}

/// A command to be run.
public struct CommandRun: Sendable, Equatable {
    /// Names the run; no other one ever has it.
    public var number: UInt64
    /// The absolute path of the program.
    public var program: String
    /// Its arguments.
    public var arguments: [String]
    /// Its variables, but for `PATH`.
    public var environment: [String]
    /// When it is over it is ended, with all that it has started.
    public var timeout: Interval

    /// A run from its parts.
    public init(
        number: UInt64,
        program: String,
        arguments: [String] = [],
        environment: [String] = [],
        timeout: Interval
    ) {
        self.number = number
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.timeout = timeout
    }
}

/// What the process that runs commands tells the prober.
public enum CommandNews: Sendable, Equatable {
    /// It is being started, and this is its process group.
    case started(UInt64, group: Int32)
    /// It was not started; a shortage says nothing of the endpoint.
    case refused(UInt64, reason: String, isShortage: Bool)
    /// It was started and did not become its program.
    case notBegun(UInt64, reason: String, isShortage: Bool)
    /// It had its time, and is being ended.
    case late(UInt64, said: String)
    /// It wrote too much, and is being ended.
    case flooded(UInt64, said: String)
    /// It has ended, and nothing of it is left.
    case ended(UInt64, ProcessEnd, said: String)
    /// The answer to a ping.
    case pong
}

/// The form of the messages: JSON texts that keep their borders on a socket.
enum CommandWire {
    static let messageLimit = 65_536
    static let limits = JSONLimits(bytes: messageLimit, depth: 4, values: 1_000)

    static func read(_ bytes: [UInt8]) -> JSONValue? {
        try? JSONReader.read(bytes, limits: limits)
    }

    static func number(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }
    static func number(_ json: JSONValue?) -> UInt64? {
        json?.integer.flatMap { UInt64(exactly: $0) }
    }
    static func code(_ json: JSONValue?) -> Int32? {
        json?.integer.flatMap { Int32(exactly: $0) }
    }
}

extension CommandOrder {
    var message: [UInt8] {
        let json: JSONValue =
            switch self {
            case .run(let run):
                [
                    "run": CommandWire.number(run.number), "program": .string(run.program),
                    "arguments": .array(run.arguments.map(JSONValue.string)),
                    "environment": .array(run.environment.map(JSONValue.string)),
                    "timeout": .integer(run.timeout.nanoseconds),
                ]
            case .stop(let number): ["stop": CommandWire.number(number)]
            case .ping: ["ping": true]
            }
        return Array(json.text().utf8)
    }

    init?(message: [UInt8]) {
        guard let json = CommandWire.read(message) else { return nil }
        if json["ping"]?.bool == true {
            self = .ping
        } else if let number = CommandWire.number(json["stop"]) {
            self = .stop(number)
        } else if let number = CommandWire.number(json["run"]),
            let program = json["program"]?.string, let timeout = json["timeout"]?.integer
        {
            self = .run(
                CommandRun(
                    number: number,
                    program: program,
                    arguments: (json["arguments"]?.elements ?? []).compactMap(\.string),
                    environment: (json["environment"]?.elements ?? []).compactMap(\.string),
                    timeout: Interval(nanoseconds: timeout)
                )
            )
        } else {
            return nil
        }
    }
}

extension CommandNews {
    var message: [UInt8] {
        let json: JSONValue =
            switch self {
            case .started(let number, let group):
                ["started": CommandWire.number(number), "group": .integer(Int64(group))]
            case .refused(let number, let reason, let isShortage):
                [
                    "refused": CommandWire.number(number), "reason": .string(reason),
                    "shortage": .bool(isShortage),
                ]
            case .notBegun(let number, let reason, let isShortage):
                [
                    "unbegun": CommandWire.number(number), "reason": .string(reason),
                    "shortage": .bool(isShortage),
                ]
            case .late(let number, let said):
                ["late": CommandWire.number(number), "said": .string(said)]
            case .flooded(let number, let said):
                ["flooded": CommandWire.number(number), "said": .string(said)]
            case .ended(let number, .exited(let code), let said):
                [
                    "ended": CommandWire.number(number), "code": .integer(Int64(code)),
                    "said": .string(said),
                ]
            case .ended(let number, .signaled(let signal), let said):
                [
                    "ended": CommandWire.number(number), "signal": .integer(Int64(signal)),
                    "said": .string(said),
                ]
            case .pong: ["pong": true]
            }
        return Array(json.text().utf8)
    }

    init?(message: [UInt8]) {
        guard let json = CommandWire.read(message) else { return nil }
        let said = json["said"]?.string ?? ""
        if json["pong"]?.bool == true {
            self = .pong
        } else if let number = CommandWire.number(json["started"]),
            let group = CommandWire.code(json["group"])
        {
            self = .started(number, group: group)
        } else if let number = CommandWire.number(json["refused"]) {
            self = .refused(
                number,
                reason: json["reason"]?.string ?? "",
                isShortage: json["shortage"]?.bool == true
            )
        } else if let number = CommandWire.number(json["unbegun"]) {
            self = .notBegun(
                number,
                reason: json["reason"]?.string ?? "",
                isShortage: json["shortage"]?.bool == true
            )
        } else if let number = CommandWire.number(json["late"]) {
            self = .late(number, said: said)
        } else if let number = CommandWire.number(json["flooded"]) {
            self = .flooded(number, said: said)
        } else if let number = CommandWire.number(json["ended"]) {
            if let code = CommandWire.code(json["code"]) {
                self = .ended(number, .exited(code), said: said)
            } else if let signal = CommandWire.code(json["signal"]) {
                self = .ended(number, .signaled(signal), said: said)
            } else {
                return nil
            }
        } else {
            return nil
        }
    }
}
