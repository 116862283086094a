// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPProtocol
import Steering
import Testing

@testable import ControlPlane

/// Where a client is, as `explain-dns` tells it.
@Suite struct ClientPlaceTests {
    private static let text = """
        listeners: [ { dns: "127.0.0.1:5300" } ]
        geo:
          networks:
            10.1.0.0/16:
              { country: DE, subdivision: DE-BE, city: Berlin, latitude: 52.5, longitude: 13.4,
                asn: 64500 }
            10.2.0.0/16: { country: FR }
            10.3.0.0/16: { asn: 64501 }
        zones:
          example.com:
            soa: { primary: ns1.example.com, mailbox: h.example.com }
            records: { www: { steer: near }, by: { steer: by }, plain: { steer: plain } }
        steer:
          near:
            proximity:
              - { name: frankfurt, address: 203.0.113.1, at: "50.1, 8.7" }
              - { name: virginia, address: 203.0.113.2, at: "38.9, -77.5", bias: 50 }
          by: { geo: [ { country: DE, address: 203.0.113.3 } ] }
          plain: { weighted: [ { address: 203.0.113.4 }, { address: 203.0.113.5 } ] }
        """

    private func explain(_ name: String, from client: String) throws -> JSONValue {
        var surface = try StillSurface(Self.text)
        let desk = AdminDesk(listen: nil, events: EventLog(level: .info), log: nil)
        let request = ServiceRequest(
            method: .get,
            target: "/api/v1/explain-dns?name=\(name).example.com&from=\(client)",
            fields: [ServiceRequest.Field("host", "localhost")]
        )
        let moment = Moment(
            now: Instant(nanoseconds: 160_000_000_000),
            realtime: 1_795_194_309_000_000_000
        )
        guard case .now(let response) = desk.answer(request, &surface, at: moment),
            case .bytes(let bytes) = response.body
        else { return .null }
        return try JSONReader.read(bytes)
    }

    @Test func `the client's place and the distances are told with who says so`() throws {
        let told = try explain("www", from: "10.1.2.3")
        let place = try #require(told["place"])
        #expect(place["country"] == "DE" && place["subdivision"] == "DE-BE")
        #expect(place["city"] == "Berlin" && place["source"] == "own network")
        #expect(place["latitude"]?.number == 52.5 && place["pointSource"] == "own network")
        #expect(place["asn"] == 64_500 && place["asnSource"] == "own network")
        let distances = try #require(told["policy"]?["steps"]?[0]?["distances"]?.elements)
        #expect(distances.map { $0["name"]?.string } == ["frankfurt", "virginia"])
        let far = distances.compactMap { $0["kilometres"]?.number }
        #expect((400...450).contains(far[0]) && (6_600...6_800).contains(far[1]), "\(far)")
        let counted = distances.compactMap { $0["countsAsKilometres"]?.number }
        #expect(counted[0] == far[0] && abs(counted[1] - far[1] / 2) <= 0.1)
        let text = ExplanationText.query(told, usesColour: false)
        #expect(
            text.contains(
                "client   10.1.2.3 in 10.1.0.0/16: DE, DE-BE, Berlin (own network); "
                    + "52.5, 13.4 (own network); AS64500 (own network)\n"
            ),
            "\(text)"
        )
        #expect(text.contains("  frankfurt is \(far[0]) km away\n"), "\(text)")
        let biased = "virginia is \(far[1]) km away, which counts as \(counted[1]) km by its bias\n"
        #expect(text.contains(biased), "\(text)")
    }

    @Test func `who has no coordinates is in the middle of the country`() throws {
        let told = try explain("www", from: "10.2.0.1")
        #expect(told["place"]?["source"] == "own network")
        #expect(told["place"]?["pointSource"] == "built-in")
        #expect(told["policy"]?["steps"]?[0]?["distances"]?[0]?["kilometres"]?.number != nil)
        #expect(
            ExplanationText.query(told, usesColour: false).contains("; middle of the country ")
        )
    }

    @Test func `what nothing tells is told as that`() throws {
        let numbered = try explain("by", from: "10.3.0.1")
        #expect(numbered["place"]?["source"]?.isNull == true && numbered["place"]?["asn"] == 64_501)
        #expect(numbered["policy"]?["steps"]?[0]?["distances"]?.isNull == true)
        let nowhere = try explain("www", from: "99.1.1.1")
        #expect(nowhere["policy"]?["steps"]?[0]?["distances"]?[0]?["kilometres"]?.isNull == true)
        let text = ExplanationText.query(nowhere, usesColour: false)
        #expect(text.contains(": nothing tells where it is\n"), "\(text)")
        #expect(!text.contains(" km away"), "\(text)")
        let plain = try explain("plain", from: "10.1.2.3")
        #expect(plain["place"]?.isNull == true)
        #expect(!ExplanationText.query(plain, usesColour: false).contains("client   "))
    }
}
