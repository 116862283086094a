// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// The bytes of a probe's request, written once per target.
enum ProbeRequest {
    /// The request of a question to an address, the message of a call, or a query without its number;
    /// empty for a question without one.
    ///
    /// Fields that are not valid are left out: a probe must never be what smuggles a line.
    static func bytes(_ question: ProbeQuestion, to address: SocketAddress) -> [UInt8] {
        if case .grpc(let call) = question { return GRPCCheck.request(service: call.service) }
        if case .dns(let question) = question { return question.query }
        guard case .http(let http) = question else { return [] }
        let path = http.path.isEmpty ? "/" : target(http.path)
        var text = Array("\(http.method.name) \(path) HTTP/1.1\r\n".utf8)
        let own = [
            ProbeField("Host", http.host ?? "\(address)"),
            ProbeField("User-Agent", "Martlet-Prober"),
            ProbeField("Accept", "*/*"),
        ]
        for field in own where !http.fields.contains(where: { same($0.name, field.name) }) {
            append(field, to: &text)
        }
        for field in http.fields where !same(field.name, "Connection") { append(field, to: &text) }
        // The connection ends with the answer, whatever the endpoint would like.
        append(ProbeField("Connection", "close"), to: &text)
        text += [0x0d, 0x0a]
        return text
    }

    private static func same(_ a: String, _ b: String) -> Bool { a.lowercased() == b.lowercased() }

    private static func append(_ field: ProbeField, to text: inout [UInt8]) {
        let name = Array(field.name.utf8)
        let value = Array(field.value.utf8)
        guard FieldSyntax.isToken(name.span), FieldSyntax.isFieldValue(value.span) else { return }
        text += name + [0x3a, 0x20] + value + [0x0d, 0x0a]
    }

    // RFC 9112 §3.2: visible ASCII only; anything else is percent-encoded (RFC 3986 §2.1).
    private static func target(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            if byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "#") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.utf8.count < 2 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }
}
