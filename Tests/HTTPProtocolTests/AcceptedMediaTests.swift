// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct AcceptedMediaTests {
    static func accepts(_ lines: [String]) -> Bool {
        var text = "GET / HTTP/1.1\r\nHost: a\r\n"
        for line in lines { text += "Accept: \(line)\r\n" }
        let bytes = Array((text + "\r\n").utf8)
        var parser = RequestParser(limits: HeadLimits())
        var fields = FieldTable(limit: 32)
        var head = RequestHead()
        _ = parser.parse(bytes.span, fields: &fields, head: &head)
        return AcceptedMedia.accepts(Array("application/dns-message".utf8).span, fields, bytes.span)
    }

    @Test(arguments: [
        "application/dns-message", "Application/DNS-Message", "application/*", "*/*",
        "text/html, application/*;q=0.9", "text/html,*/*;q=0.001", "application/dns-message;q=1.0",
        "application/dns-message;v=1;q=0.5", "*/*;q=0, application/*",
        "application/dns-message ; Q=0.1",
        "application/*;q=0, application/dns-message;q=0.2", ",,*/*", "*/*;q=bad, application/*",
        "application/dns-message;q=0, application/dns-message",
    ])
    func `a client that takes it`(line: String) { #expect(Self.accepts([line])) }

    @Test(arguments: [
        "", "text/html", "application/dns-message;q=0", "application/dns-message;q=0.000, */*",
        "application/*;q=0, */*", "*/*;q=0", "application/json", "application/dns-messages",
        "application/d*",
        "application/dns-message;q=2", "application/dns-message;q=", "application", "*",
        "*/dns-message",
        "application/dns-message;v=1;q=0",
    ])
    func `a client that takes it not`(line: String) { #expect(!Self.accepts([line])) }

    @Test func `several lines are one list, and none says that all is taken`() {
        #expect(Self.accepts([]))
        #expect(Self.accepts(["text/html", "*/*"]))
        #expect(!Self.accepts(["*/*", "application/dns-message;q=0"]))
    }
}
