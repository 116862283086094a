// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import HTTPGateway

@Suite struct DoorFieldTests {
    static func supply(_ name: String, _ value: String) -> FieldEdit {
        FieldEdit(.supply, name, TextTemplate(parts: [.text(value)]))
    }

    @Test func `what a route supplies gives way to what the endpoint says`() throws {
        let answer = "HTTP/1.1 200 OK\r\nx-a: own\r\nContent-Length: 2\r\n\r\nok"
        var stage = try DoorHarness([[.answer(answer)]]) { plan in
            plan.routes[0].responseFields = [
                Self.supply("X-A", "route"), Self.supply("X-B", "route"),
            ]
        }
        let guest = stage.visit(get())
        let text = stage.hear(guest, until: "\r\n\r\nok")
        #expect(text.contains("\r\nx-a: own\r\n") && !text.contains("X-A"))
        #expect(text.contains("\r\nX-B: route\r\n"))
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "GET", "/", [])
        let fields = stage.answer(&client, stream).fields
        #expect(fields.contains("x-a: own") && fields.contains("x-b: route"))
        #expect(fields.count { $0.hasPrefix("x-a:") } == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer of the door's own has all of them, but none for TLS alone`() throws {
        let here = try #require(Prefix(DoorHarness.loopback, length: 32))
        var stage = try DoorHarness { plan in
            var secure = Self.supply("X-Secure", "1")
            secure.isSecureOnly = true
            var removal = FieldEdit(.remove, "X-Kept")
            removal.isSecureOnly = true
            plan.routes[0].responseFields = [secure, Self.supply("X-A", "1"), removal]
            plan.routes[0].denied = [here]
        }
        let text = stage.hearAll(stage.visit(get(fields: "Connection: close\r\n")))
        #expect(text.contains(" 403 ") && text.contains("\r\nX-A: 1\r\n"))
        #expect(!text.contains("X-Secure"))
        #expect(stage.leftovers() == [])
    }
}
