// SPDX-License-Identifier: Apache-2.0
internal import Runtime

/// `martlet demo`: a demonstration to look at, and the commands that act on a running one.
enum DemoCommand {
    static let usage = """
        usage: martlet demo                          start a demonstration; Ctrl-C ends it
               martlet demo --kill NAME              SIGKILL an origin
               martlet demo --revive NAME            start it again
               martlet demo --break NAME FAULT       FAULT: \(OriginFault.words)
               martlet demo --mend NAME              take all faults away
               martlet demo --demo N ...             act on the N-th of several demonstrations
        """

    enum Act: Equatable {
        case start
        case help
        case kill(String)
        case revive(String)
        case breakOrigin(String, OriginFault)
        case mend(String)
    }

    /// Runs the command; returns the exit code.
    static func run(arguments: [String]) -> Int32 {
        do throws(DemoRefusal) {
            let (act, number) = try parse(arguments)
            switch act {
            case .help: Demo.line(usage)
            case .start: return try DemoStage.run()
            case .kill(let name): try DemoActions(number).kill(name)
            case .revive(let name): try DemoActions(number).revive(name)
            case .breakOrigin(let name, let fault): try DemoActions(number).breakOrigin(name, fault)
            case .mend(let name): try DemoActions(number).mend(name)
            }
            return 0
        } catch {
            ProcessControl.printError("martlet demo: \(error.text)")
            return error.exitCode
        }
    }

    static func parse(_ arguments: [String]) throws(DemoRefusal) -> (act: Act, number: Int?) {
        var rest = arguments[...]
        var number: Int?
        var act = Act.start
        func value(_ option: String) throws(DemoRefusal) -> String {
            guard let value = rest.popFirst(), !value.hasPrefix("--") else {
                throw DemoRefusal("\(option) needs a value\n\(usage)", exitCode: 2)
            }
            return value
        }
        while let option = rest.popFirst() {
            guard act == .start || option == "--demo" else {
                throw DemoRefusal("one act at a time\n\(usage)", exitCode: 2)
            }
            switch option {
            case "--help", "-h": act = .help
            case "--kill": act = .kill(try origin(value(option)))
            case "--revive": act = .revive(try origin(value(option)))
            case "--mend": act = .mend(try origin(value(option)))
            case "--break":
                let name = try origin(value(option))
                let word = try value(option)
                guard let fault = OriginFault(rawValue: word) else {
                    let text = "no fault '\(word)'; there are \(OriginFault.words)"
                    throw DemoRefusal(text, exitCode: 2)
                }
                act = .breakOrigin(name, fault)
            case "--demo":
                number = Int(try value(option))
                guard number != nil else {
                    throw DemoRefusal("--demo needs a number\n\(usage)", exitCode: 2)
                }
            default: throw DemoRefusal("unknown option '\(option)'\n\(usage)", exitCode: 2)
            }
        }
        return (act, number)
    }

    private static func origin(_ name: String) throws(DemoRefusal) -> String {
        guard DemoOrigin.all.contains(where: { $0.name == name }) else {
            let names = DemoOrigin.all.map(\.name).joined(separator: ", ")
            throw DemoRefusal("no origin '\(name)'; there are \(names)", exitCode: 2)
        }
        return name
    }
}
