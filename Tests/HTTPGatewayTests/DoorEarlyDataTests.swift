// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import TestSupport
import Testing

@testable import HTTPGateway

private let closing = "Connection: close\r\n"

/// Requests in TLS early data, by OpenSSL's client.
@Suite struct DoorEarlyDataTests {
    /// A door with TLS, and a client of it.
    struct Stage: ~Copyable {
        var door: DoorHarness
        let maker: CertificateMaker

        init(takesEarlyData: Bool = true) throws {
            let maker = try CertificateMaker()
            let files = try maker.make("a", names: ["a.example"])
            let certificate = try TLSCertificate(
                certificate: maker.bytes(files.certificate),
                key: maker.bytes(files.key)
            )
            var settings = TLSServerSettings()
            settings.takesEarlyData = takesEarlyData
            let context = try TLSServerContext(
                settings,
                table: TLSCertificateTable([certificate]),
                tickets: TLSTickets()
            )
            let door = try DoorHarness { $0.listeners[0].tls = context }
            self.door = door
            self.maker = maker
        }

        /// A whole handshake, for a ticket.
        mutating func remember() throws {
            _ = try ask(["-sess_out", "\(maker.folder)/ticket"], get(fields: closing))
        }

        /// What the client says and hears when it asks with the first packet.
        mutating func early(_ request: String) throws -> String {
            let name = "\(maker.folder)/early"
            try maker.write(request, to: name)
            return try ask(["-sess_in", "\(maker.folder)/ticket", "-early_data", name], "")
        }

        /// The same after the handshake.
        mutating func late(_ request: String) throws -> String {
            try ask(["-sess_in", "\(maker.folder)/ticket"], request)
        }

        private mutating func ask(_ more: [String], _ request: String) throws -> String {
            let command =
                ["s_client", "-connect", "\(door.address)", "-servername", "a.example"]
                + ["-CAfile", maker.authority, "-ign_eof"] + more
            let hasEnded = try maker.start(command, input: request, output: "said")
            door.turn { _ in hasEnded() }
            return String(decoding: try maker.bytes("\(maker.folder)/said"), as: UTF8.self)
        }
    }

    @Test func `a safe request is served, and the endpoint is told`() throws {
        var stage = try Stage()
        try stage.remember()
        #expect(!stage.door.told(0).contains("Early-Data"))
        let said = try stage.early(get("/early", fields: closing + "early-data: 0\r\n"))
        #expect(said.contains("Early data was accepted") && said.contains("HTTP/1.1 200 OK"))
        let told = stage.door.told(0)
        #expect(told.contains("GET /early ") && told.components("arly-") == 1)
        #expect(told.contains("Early-Data: 1\r\n"))
        #expect(stage.door.count(.earlyRequests) == 1 && stage.door.count(.resumptions) == 1)
        #expect(stage.door.leftovers() == [])
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "TRACE", "UNKNOWN"])
    func `another method gets 425 and reaches nobody`(method: String) throws {
        var stage = try Stage()
        try stage.remember()
        let request = "\(method) /early HTTP/1.1\r\nHost: a.example\r\n\(closing)\r\n"
        let said = try stage.early(request)
        #expect(said.contains("HTTP/1.1 425 Too Early") && said.contains("too-early"))
        #expect(!stage.door.told(0).contains("/early"))
        #expect(stage.door.count(.tooEarly) == 1)
        // The same ticket, and no early data: it is as good as any.
        guard method != "TRACE" else { return }
        let late = try stage.late(request)
        #expect(late.contains("HTTP/1.1 200 OK"))
        #expect(!stage.door.told(0).contains("Early-Data"))
        #expect(stage.door.leftovers() == [])
    }

    @Test func `a change of protocol gets 425`() throws {
        var stage = try Stage()
        try stage.remember()
        let fields = "Connection: upgrade\r\nUpgrade: websocket\r\n"
        // It would keep the connection: the client's end of the line ends it.
        let said = try stage.early(get("/early", fields: fields) + get(fields: closing))
        #expect(said.contains("HTTP/1.1 425 Too Early"))
        #expect(!stage.door.told(0).contains("/early"))
        #expect(stage.door.leftovers() == [])
    }

    @Test func `where it is off nothing of it is read`() throws {
        var stage = try Stage(takesEarlyData: false)
        try stage.remember()
        let said = try stage.early(get("/early", fields: closing))
        #expect(!said.contains("Early data was accepted"))
        #expect(!stage.door.told(0).contains("/early") && stage.door.count(.earlyRequests) == 0)
        #expect(stage.door.leftovers() == [])
    }
}
