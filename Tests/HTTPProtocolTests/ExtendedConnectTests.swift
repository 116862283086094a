// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTPProtocol

/// CONNECT with a protocol (RFC 8441).
@Suite struct ExtendedConnectTests {
    typealias List = [(String, String)]

    static let socket: List = [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"),
        (":path", "/chat?x"), (":authority", "server.example.com"),
    ]

    static func convert(_ list: List, endsStream: Bool = false) -> HTTP2ConversionTests.Outcome {
        HTTP2ConversionTests.convert(list, endsStream: endsStream)
    }

    // The key is the one of RFC 6455 §1.3.
    @Test(arguments: ["websocket", "WebSocket"])
    func `a WebSocket is asked for as HTTP 1 has it`(name: String) {
        let fields: List = [
            ("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"),
            ("sec-websocket-key", "bogus"), ("sec-websocket-accept", "bogus"),
        ]
        let list = Self.socket.map { $0.0 == ":protocol" ? ($0.0, name) : $0 }
        let outcome = Self.convert(list + fields)
        #expect(
            outcome.text == "GET /chat?x HTTP/1.1\r\nhost: server.example.com\r\n"
                + "sec-websocket-version: 13\r\nsec-websocket-protocol: chat\r\n"
                + "connection: upgrade\r\nupgrade: websocket\r\n"
                + "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        #expect(outcome.refusal == nil && !outcome.isRefusedAsText)
    }

    static let refused: [(List, Refusal)] = [
        (socket.map { $0.0 == ":protocol" ? ($0.0, "connect-udp") : $0 }, .connectProtocol),
        (socket.map { $0.0 == ":protocol" ? ($0.0, "") : $0 }, .connectProtocol),
        (socket.map { $0.0 == ":protocol" ? ($0.0, "websockets") : $0 }, .connectProtocol),
        (socket.map { $0.0 == ":method" ? ($0.0, "GET") : $0 }, .pseudoField),
        (socket.filter { $0.0 != ":scheme" }, .pseudoField),
        (socket.filter { $0.0 != ":path" }, .pseudoField),
        (socket.filter { $0.0 != ":authority" }, .hostMissing),
        (socket + [(":protocol", "websocket")], .pseudoField),
        (socket.map { $0.0 == ":path" ? ($0.0, "http://a/") : $0 }, .target),
        (socket + [("content-length", "0")], .lengthMismatch),
        (socket + [("upgrade", "h2c")], .connectionField),
        (socket + [("connection", "upgrade")], .connectionField),
        ([(":method", "CONNECT"), (":protocols", "websocket"), (":authority", "a")], .pseudoField),
    ]

    @Test(arguments: refused.indices)
    func `what is no request for a WebSocket is refused`(index: Int) {
        let (list, refusal) = Self.refused[index]
        #expect(Self.convert(list).refusal == refusal, "\(list)")
    }

    @Test func `a plain CONNECT stays one`() {
        let outcome = Self.convert([(":method", "CONNECT"), (":authority", "a:443")])
        #expect(outcome.text.hasPrefix("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n"))
        #expect(!outcome.text.contains("upgrade"))
    }

    @Test func `an unknown protocol is answered with 501`() {
        #expect(Refusal.connectProtocol.status == 501)
    }
}
