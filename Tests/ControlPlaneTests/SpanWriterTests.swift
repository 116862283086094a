// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPProtocol
import Testing

@testable import ControlPlane
@testable import HTTPGateway

@Suite struct SpanWriterTests {
    private static let trace = TraceContext(
        traceID: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
        spanID: 0x0000_0000_0000_00ff,
        parentID: 0xb7ad_6b71_6920_3331,
        flags: 1
    )

    private static func record(
        _ attempts: [RequestRecord.Attempt],
        status: Int = 200,
        reason: Reason = .completed,
        path: String = "/a/x"
    ) -> SpanRecord {
        var request = RequestRecord()
        request.words[RequestRecord.Place.began] = 1_795_194_309_000_000_123
        request.words[RequestRecord.Place.total] = 2500
        request.words[RequestRecord.Place.id + 1] = 0xabc
        request.words[RequestRecord.Place.client + 1] = 0xc000_0207
        request[.isIPv4] = 1
        request[.status] = status
        request[.pool] = 1
        request[.hasEndpoint] = attempts.last?.status == 0 ? 0 : 1
        request.set(reason)
        request.setText(host: Array("www.example.com".utf8).span, path: Array(path.utf8).span)
        for attempt in attempts { request.add(attempt) }
        var record = SpanRecord(request: request, trace: trace)
        record[.method] = Int(Method.get.rawValue) + 1
        record[.version] = 20
        record[.port] = 8443
        record.setPath(Array(path.utf8).span)
        return record
    }

    private static func attempt(
        _ number: Int,
        slot: Int,
        status: UInt16 = 200,
        _ fault: Fault? = nil
    ) -> RequestRecord.Attempt {
        let code = fault.map { $0.rawValue + 1 } ?? 0
        var attempt = RequestRecord.Attempt(
            slot: slot,
            status: status,
            fault: code,
            began: Int64(number) * 100,
            ended: Int64(number) * 100 + 50
        )
        attempt.number = number
        return attempt
    }

    private func spans(_ record: SpanRecord) throws -> [JSONValue] {
        let view = try StillSurface().view
        let writer = SpanWriter(pools: view.pools, gateway: view.snapshot?.gateway)
        let item = writer.item(record)
        let text = "[" + String(decoding: item.json, as: UTF8.self) + "]"
        let spans = try #require(try JSONReader.read(Array(text.utf8)).elements)
        #expect(spans.count == item.spans)
        return spans
    }

    private func attributes(_ span: JSONValue) -> [String: String] {
        var found: [String: String] = [:]
        for attribute in span["attributes"]?.elements ?? [] {
            let value = attribute["value"]
            let text = value?["stringValue"]?.string ?? value?["intValue"]?.string
            found[attribute["key"]?.string ?? "?"] = text
        }
        return found
    }

    @Test func `a request is one span of the server and one of the client`() throws {
        let spans = try spans(Self.record([Self.attempt(1, slot: 0)]))
        let server = spans[0]
        #expect(server["traceId"] == "0af7651916cd43dd8448eb211c80319c")
        #expect(server["spanId"] == "00000000000000ff")
        #expect(server["parentSpanId"] == "b7ad6b7169203331")
        #expect(server["kind"] == 2 && server["flags"] == 0x301 && server["name"] == "GET")
        #expect(server["startTimeUnixNano"] == "1795194309000000123")
        #expect(server["endTimeUnixNano"] == "1795194309002500123")
        #expect(server["status"] == .object([]))
        #expect(
            attributes(server) == [
                "http.request.method": "GET", "url.scheme": "http", "url.path": "/a/x",
                "server.address": "www.example.com", "server.port": "8443",
                "client.address": "192.0.2.7", "network.protocol.name": "http",
                "network.protocol.version": "2", "http.response.status_code": "200",
                "martlet.pool": "web", "martlet.endpoint": "one", "martlet.reason": "ok",
                "martlet.request_id": "00000000000000000000000000000abc",
            ]
        )
        let client = spans[1]
        #expect(client["spanId"]?.string?.count == 16 && client["traceId"] == server["traceId"])
        #expect(client["parentSpanId"] == server["spanId"] && client["flags"] == 0x101)
        #expect(client["kind"] == 3 && client["startTimeUnixNano"] == "1795194309000100123")
        #expect(
            attributes(client) == [
                "http.request.method": "GET", "url.full": "http://192.0.2.1:80/a/x",
                "server.address": "192.0.2.1", "server.port": "80",
                "http.response.status_code": "200", "martlet.pool": "web",
                "martlet.endpoint": "one", "martlet.reason": "ok",
            ]
        )
    }

    @Test func `retries say how often, and why`() throws {
        let spans = try spans(
            Self.record([
                Self.attempt(1, slot: 0, status: 0, .originReset),
                Self.attempt(2, slot: 1, status: 503, .originStatus), Self.attempt(3, slot: 0),
            ])
        )
        #expect(spans.count == 4 && spans[0]["status"] == .object([]))
        let told = spans.dropFirst().map(attributes)
        #expect(told.map { $0["http.request.resend_count"] } == [nil, "1", "2"])
        #expect(told.map { $0["error.type"] } == ["origin-reset", "503", nil])
        #expect(told.map { $0["martlet.reason"] } == ["origin-reset", "origin-status", "ok"])
        #expect(spans.dropFirst().map { $0["status"]?["code"]?.integer } == [2, 2, nil])
        #expect(Set(spans.map { $0["spanId"]?.string ?? "" }).count == 4)
    }

    @Test func `an answer that was cut is an error of its attempt, an end by the client is none`()
        throws
    {
        for (fault, type) in [
            (Fault.originTruncated, "origin-truncated"), (.clientGone, nil), (.tunnelClosed, nil),
        ] {
            let record = Self.record([Self.attempt(1, slot: 0, fault)], reason: .fault(fault))
            for span in try spans(record) {
                #expect(attributes(span)["error.type"] == type)
                #expect(span["status"]?["code"]?.integer == (type == nil ? nil : 2))
            }
        }
    }

    static let ends: [(status: Int, reason: Reason, type: String?)] = [
        (502, .fault(.originReset), "origin-reset"), (500, .completed, "500"),
        (404, .fault(.noRoute), nil), (200, .fault(.originTruncated), "origin-truncated"),
        (0, .fault(.shutdown), "shutdown"), (200, .fault(.clientGone), nil), (499, .completed, nil),
        (404, .fault(.originTruncated), "origin-truncated"), (404, .fault(.clientGone), nil),
        (403, .fault(.clientDenied), nil), (499, .fault(.outOfBuffers), "out-of-buffers"),
        (200, .fault(.optionsEnd), nil), (101, .fault(.tunnelClosed), nil),
    ]

    @Test(arguments: ends.indices)
    func `what went wrong here is an error`(place: Int) throws {
        let (status, reason, type) = Self.ends[place]
        let server = try spans(Self.record([], status: status, reason: reason))[0]
        #expect(attributes(server)["error.type"] == type)
        #expect(server["status"]?["code"]?.integer == (type == nil ? nil : 2))
        #expect(attributes(server)["martlet.endpoint"] == nil)
        #expect((attributes(server)["http.response.status_code"] == nil) == (status == 0))
    }

    @Test func `an attempt that was cut is no error`() throws {
        var cut = Self.attempt(1, slot: 0, status: 0)
        cut.isOvertaken = true
        let spans = try spans(Self.record([cut, Self.attempt(2, slot: 1)]))
        #expect(attributes(spans[1])["martlet.reason"] == "overtaken")
        #expect(spans[1]["status"] == .object([]) && attributes(spans[1])["error.type"] == nil)
        #expect(attributes(spans[0])["martlet.endpoint"] == "two")
    }

    @Test func `what clients write cannot leave its text`() throws {
        let path = "/\"}],\\\u{1}\u{7f}<é"
        var record = Self.record([], path: path)
        #expect(attributes(try spans(record)[0])["url.path"] == path)
        record.setPath([0x2f, 0xff, 0xfe, 0x22].span)
        _ = try spans(record)
        record[.method] = 0
        #expect(try spans(record)[0]["name"] == "HTTP")
        #expect(attributes(try spans(record)[0])["http.request.method"] == "_OTHER")
        #expect(attributes(try spans(record)[0])["http.request.method_original"] == nil)
        record.setMethod(Array("PROPFIND\"".utf8).span)
        #expect(attributes(try spans(record)[0])["http.request.method_original"] == "PROPFIND\"")
    }

    @Test func `a URL names the endpoint and has no query`() throws {
        let view = try StillSurface().view
        func url(_ path: String, secure: Set<Int> = [], _ address: SocketAddress? = nil) throws
            -> String?
        {
            var pools = view.pools
            if let address { pools[0].endpoints[0].address = address }
            let writer = SpanWriter(pools: pools, gateway: nil, secure: secure)
            let item = writer.item(Self.record([Self.attempt(1, slot: 0)], path: path))
            let text = "[" + String(decoding: item.json, as: UTF8.self) + "]"
            let spans = try #require(try JSONReader.read(Array(text.utf8)).elements)
            return attributes(spans[1])["url.full"]
        }
        #expect(try url("/a%20b") == "http://192.0.2.1:80/a%20b")
        #expect(try url("/a", secure: [0]) == "https://192.0.2.1:80/a")
        let six = SocketAddress(IPAddress(v6: 1), port: 8443)
        #expect(try url("/a", six) == "http://[::1]:8443/a")
        #expect(try url("") == "http://192.0.2.1:80", "not known any more")
        #expect(try url("*") == "http://192.0.2.1:80")
    }

    @Test func `names stay known to whoever comes next, and new ones come first`() throws {
        let view = try StillSurface().view
        let old = SpanWriter(pools: view.pools, gateway: nil)
        var pools = view.pools
        let gone = pools[0].endpoints[0].slot
        pools[0].endpoints.removeFirst()
        pools[0].endpoints[0].name = "renamed"
        var writer = SpanWriter(pools: pools, gateway: nil)
        writer.keep(old)
        let record = Self.record([
            Self.attempt(1, slot: gone, status: 503, .originStatus), Self.attempt(2, slot: 1),
        ])
        let text = "[" + String(decoding: writer.item(record).json, as: UTF8.self) + "]"
        let spans = try #require(try JSONReader.read(Array(text.utf8)).elements)
        #expect(attributes(spans[1])["martlet.endpoint"] == "one")
        #expect(attributes(spans[2])["martlet.endpoint"] == "renamed")
    }

    @Test func `a batch is one document with its resource, and a request with its fields`() throws {
        let text = """
            tracing:
              otlp:
                endpoint: http://127.0.0.1:4318/v1/traces?x=1
                headers: { X-Key: secret }
                service: edge
                attributes: { deployment.environment.name: test }
            """
        let read = ConfigurationReader().read(Array(text.utf8), file: "t.yaml")
        let settings = try #require(read.configuration?.settings.tracing.otlp)
        let document = SpanDocument(settings)
        let items = (1...3).map { ExportItem(spans: 1, json: Array("{\"spanId\":\"\($0)\"}".utf8)) }
        let json = try JSONReader.read(document.body(items))
        let group = try #require(json["resourceSpans"]?[0])
        let resource = group["resource"] ?? .null
        #expect(
            attributes(resource) == ["service.name": "edge", "deployment.environment.name": "test"]
        )
        let scope = try #require(group["scopeSpans"]?[0])
        #expect(scope["scope"]?["name"] == "martlet")
        #expect(scope["spans"]?.elements?.compactMap { $0["spanId"]?.string } == ["1", "2", "3"])
        let request = String(decoding: document.request(items), as: UTF8.self)
        #expect(request.hasPrefix("POST /v1/traces?x=1 HTTP/1.1\r\nHost: 127.0.0.1:4318\r\n"))
        #expect(request.contains("\r\nX-Key: secret\r\nContent-Length: "))
        #expect(request.contains("\r\nContent-Type: application/json\r\n"))
    }
}
