// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@testable import ControlPlane

/// What commands print, and how they find the service.
@Suite struct CommandTextTests {
    @Test(
        arguments: [
            ("http://127.0.0.1:9180/", "127.0.0.1:9180"), ("127.0.0.1:9180", "127.0.0.1:9180"),
            ("localhost:1", "127.0.0.1:1"), (":80", "127.0.0.1:80"), ("9180", "127.0.0.1:9180"),
            ("http://[::1]:9180", "[::1]:9180"), ("foo", nil), ("http://foo:1", nil), ("", nil),
        ] as [(String, String?)]
    )
    func `an admin address is written in many ways`(text: String, address: String?) {
        let client = try? ServiceClient(text)
        #expect(client.map { "\($0.address)" } == address)
    }

    @Test func `nobody listening is said with what to do about it`() throws {
        let listener = try Socket.listen(
            SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0),
            backlog: 1,
            reusePort: false
        )
        let address = try #require(Socket.localAddress(listener))
        listener.close()
        var said = ""
        do throws(ServiceClientError) {
            _ = try ServiceClient(address).ask("GET", "/")
        } catch {
            said = error.description
        }
        #expect(said.hasPrefix("nothing listens at 127.0.0.1:") && said.contains("martlet run"))
    }

    @Test func `a table leaves out columns without content and cannot steer the terminal`() {
        var table = TextTable(["A", "B", "C"], usesColour: true)
        table.add([TextTable.Cell("x\u{1b}[31m"), TextTable.Cell(""), TextTable.Cell("y", .good)])
        #expect(
            table.text == "  \u{1b}[2mA\u{1b}[0m       \u{1b}[2mC\u{1b}[0m\n"
                + "  x?[31m  \u{1b}[32my\u{1b}[0m\n"
        )
    }

    @Test(
        arguments: [
            (0.4, "0 s"), (59.9, "59 s"), (185, "3 min 5 s"), (7800, "2 h 10 min"),
            (435_600, "5 d 1 h"), (nil, ""), (.infinity, ""),
        ] as [(Double?, String)]
    )
    func `lengths of time are for people`(seconds: Double?, text: String) {
        #expect(SpanText.text(seconds) == text)
    }

    @Test func `zones that have not come, or have expired, are told of`() {
        func zone(_ name: String, _ state: String, _ problem: JSONValue = .null) -> JSONValue {
            let primary: JSONValue = ["address": "192.0.2.1:53", "problem": problem]
            return [
                "name": .string(name), "state": .string(state), "problems": .array([]),
                "transfer": ["primaries": .array([primary])],
            ]
        }
        let zones = [
            zone("a.test.", "served", "silent"), zone("b.test.", "awaited", "it refuses"),
            zone("c.test.", "expired"),
        ]
        #expect(
            ZoneFaultText.briefly(.array(zones)) == """
                zone b.test. is answered SERVFAIL: it has not come from its primaries (192.0.2.1:53: it refuses)
                zone c.test. is answered SERVFAIL: it has expired, its primaries are silent for too long

                """
        )
        #expect(
            ZoneFaultText.lines(.array(zones)).contains("192.0.2.1") == false,
            "the list has it"
        )
        let many = (0..<21).map { zone("z\($0).test.", "awaited") }
        let lines = ZoneFaultText.briefly(.array(many)).split(separator: "\n")
        #expect(lines.count == 21)
        #expect(lines.last?.hasPrefix("1 more of the zones") == true)
    }

    @Test func `a refused configuration is shown with its places`() {
        let problem: JSONValue = [
            "title": "The configuration was refused", "code": "M3030", "detail": "1 error.",
            "remedy": "Correct it.",
            "errors": [
                ["file": "a.yaml", "line": 3, "column": 7, "code": "M1101", "message": "no"]
            ],
        ]
        let lines = ProblemText.text(problem).split(separator: "\n")
        #expect(lines[0] == "martlet: The configuration was refused (M3030)")
        #expect(lines.contains("  a.yaml:3:7: M1101 no"))
    }
}
