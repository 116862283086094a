// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// What of a request's fields goes on, and what ends here.
@Suite struct DoorForwardTests {
    @Test(arguments: ["OPTIONS", "TRACE"])
    func `RFC 9110 section 7.6.2 Max-Forwards counts down, and ends here at zero`(
        _ method: String
    ) throws {
        var stage = try DoorHarness()
        func ask(_ left: String) -> String {
            "\(method) /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: \(left)\r\n\r\n"
        }
        let guest = stage.visit(ask("2"))
        stage.hear(guest, until: "hello")
        #expect(stage.told(0).components("\r\nMax-Forwards: 1\r\n") == 1)
        #expect(stage.told(0).components("Max-Forwards") == 1)
        stage.send(guest, ask("0"))
        let text = stage.hear(guest, until: ": max-forwards\n")
        #expect(text.contains(method == "TRACE" ? "HTTP/1.1 405 " : "HTTP/1.1 200 OK\r\nDate"))
        #expect(text.contains("\r\nAllow: GET, "))
        #expect(stage.told(0).components("/x") == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `Max-Forwards means nothing to other methods`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(get(fields: "Max-Forwards: 0\r\n"))
        stage.hear(guest, until: "hello")
        #expect(stage.told(0).contains("\r\nMax-Forwards: 0\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a known name with underscores does not reach an origin`() throws {
        var stage = try DoorHarness()
        let disguised = [
            "X_Forwarded_For", "x_forwarded-proto", "Content_Length", "Transfer_Encoding",
            "X_Real_IP", "X_Request_Id", "proxy_authorization",
        ]
        let honest = ["api_key", "X_Forwarded_Fo", "_", "a_very_long_name_of_some_application"]
        let fields = (disguised + honest).map { "\($0): 7\r\n" }.joined()
        let guest = stage.visit(get(fields: fields))
        stage.hear(guest, until: "hello")
        let told = stage.told(0)
        for name in disguised { #expect(!told.contains(name), "\(name)") }
        for name in honest { #expect(told.contains("\r\n\(name): 7\r\n"), "\(name)") }
        #expect(stage.leftovers() == [])
    }
}
