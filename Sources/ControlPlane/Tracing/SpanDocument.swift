// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials

/// What stands around the spans of a batch, and in front of it in a request (OTLP 1.x, OTLP/HTTP).
struct SpanDocument: Sendable {
    private let head: [UInt8]
    private let fields: String

    /// The ends of all that was begun.
    private static let end = Array("]}]}]}".utf8)

    init(_ settings: OTLPSettings) {
        var json = JSONWriter()
        json.beginObject()
        json.name("resourceSpans")
        json.beginArray()
        json.beginObject()
        json.name("resource")
        json.beginObject()
        json.name("attributes")
        json.beginArray()
        SpanDocument.write("service.name", settings.service, to: &json)
        for attribute in settings.attributes where attribute.name != "service.name" {
            SpanDocument.write(attribute.name, attribute.value, to: &json)
        }
        json.endArray()
        json.endObject()
        json.name("scopeSpans")
        json.beginArray()
        json.beginObject()
        json.name("scope")
        json.beginObject()
        json.name("name")
        json.write("martlet")
        json.name("version")
        json.write(Version.current)
        json.endObject()
        json.name("spans")
        json.beginArray()
        head = json.bytes
        fields =
            "POST \(settings.endpoint.target) HTTP/1.1\r\nHost: \(settings.endpoint.authority)\r\n"
            + "User-Agent: martlet/\(Version.current)\r\nContent-Type: application/json\r\n"
            + "Accept: application/json\r\n"
            + settings.headers.map { "\($0.name): \($0.value)\r\n" }.joined()
    }

    /// The document that holds a batch.
    func body(_ items: [ExportItem]) -> [UInt8] {
        var bytes = head
        bytes.reserveCapacity(head.count + items.reduce(16) { $0 + $1.json.count + 1 })
        for (number, item) in items.enumerated() {
            if number > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += item.json
        }
        return bytes + SpanDocument.end
    }

    /// The request that brings a batch.
    func request(_ items: [ExportItem]) -> [UInt8] {
        let body = body(items)
        return Array("\(fields)Content-Length: \(body.count)\r\n\r\n".utf8) + body
    }

    /// An attribute with a text.
    static func write(_ key: String, _ value: String, to json: inout JSONWriter) {
        json.beginObject()
        json.name("key")
        json.write(key)
        json.name("value")
        json.beginObject()
        json.name("stringValue")
        json.write(value)
        json.endObject()
        json.endObject()
    }
}
