// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// The one screen that a demonstration prints: what runs where, and what to try.
struct DemoScreen {
    let program: String
    let folder: DemoFolder
    let ports: DemoPorts
    let origins: [(plan: DemoOrigin, address: SocketAddress)]

    /// How the user called this program, so that the commands below can be pasted.
    static func programName() -> String {
        let called = CommandLine.arguments.first ?? "martlet"
        return called.contains("/") ? called : "martlet"
    }

    var text: String {
        let victim = origins.first?.plan.name ?? "wren"
        let drained = origins.dropFirst().first?.plan.name ?? "robin"
        let url = "http://127.0.0.1:\(ports.http)"
        let admin = "127.0.0.1:\(ports.admin)"
        let places = origins.enumerated().map { index, origin in
            (index == 0 ? "  origins      " : "               ")
                + DemoScreen.padded(origin.plan.name, 7)
                + DemoScreen.padded(origin.address.description, 19)
                + "answers after \(origin.plan.delay) ms"
        }
        let demo = "\(program) demo\(folder.number == 1 ? "" : " --demo \(folder.number)")"
        let lines =
            [
                "Martlet demo: one binary, two doors, one picture of health. Ctrl-C ends it all.",
                "  HTTP door    \(url)",
                "  DNS door     127.0.0.1:\(ports.dns), zone \(Demo.zone)",
                "  status page  http://\(admin)  (and /metrics, /api/v1/snapshot)",
            ] + places + [
                "  traffic      \(Demo.trafficRate) requests/s over \(Demo.trafficConnections) "
                    + "connections, none sent twice",
                "  files        \(folder.path)/martlet.yaml, martlet.log",
                "",
                "Five commands to try in another terminal\(place):",
                "  1. Ask the HTTP door who serves, and ask again.",
                "       curl -s \(url)/api/items",
                "  2. Ask the DNS door: the same health decides.",
                "       dig +short @127.0.0.1 -p \(ports.dns) \(Demo.host)",
                "  3. Kill an origin, then repeat 1 and 2: nothing fails. --revive brings it back.",
                "       \(demo) --kill \(victim)",
                "  4. Drain an endpoint: no new work, nothing is cut. `ready` takes it in again.",
                "       \(program) drain web \(drained)\(adminOption)",
                "  5. Ask why a request goes where it goes.",
                "       \(program) explain \(url)/api/items\(adminOption)",
                "More: \(demo) --break NAME db|cache|disk|500|slow|lie, then --mend NAME",
                "",
            ]
        return lines.joined(separator: "\n")
    }

    /// A program that was called by a path from here is found from here only.
    private var place: String {
        program.contains("/") && !program.hasPrefix("/") ? ", in this folder" : ""
    }

    private var adminOption: String {
        ports.admin == 9180 ? "" : " --admin http://127.0.0.1:\(ports.admin)"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 1))
    }
}
