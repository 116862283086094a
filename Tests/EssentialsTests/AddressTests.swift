// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        "0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:0:0:1",
        "1:2:3:4:5:6:7:8", "1::8", "2001:db8:0:1:1:1:1:1",
    ])
    func `canonical text survives a round trip`(text: String) {
        #expect(IPAddress(text)?.description == text)
        var bytes: [UInt8] = []
        bytes = [UInt8](capacity: 64) { output in
            if let address = IPAddress(text) { output.write(address: address) }
        }
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", ":::", "1::2::3", "12345::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", ":1:2:3:4:5:6:7", "1.2.3.4:80",
        "1:", "::1.2.3", "g::",
    ])
    func `anything else is refused`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `an embedded dotted quad is read`() {
        #expect(IPAddress("::ffff:192.0.2.1")?.unmapped == IPAddress("192.0.2.1"))
    }

    @Test func `a prefix holds exactly its addresses`() throws {
        let prefix = try #require(Prefix("10.1.0.0/16"))
        #expect(prefix.contains(try #require(IPAddress("10.1.255.255"))))
        #expect(!prefix.contains(try #require(IPAddress("10.2.0.0"))))
        #expect(Prefix("10.1.2.3/16") == prefix)
        #expect(Prefix("0.0.0.0/0")?.contains(try #require(IPAddress("255.1.1.1"))) == true)
        #expect(Prefix("10.0.0.0/33") == nil)
        #expect(Prefix("::/128")?.contains(try #require(IPAddress("0.0.0.0"))) == false)
    }

    @Test func `a socket address needs brackets exactly for IPv6`() {
        #expect(SocketAddress("192.0.2.1:80")?.port == 80)
        #expect(SocketAddress("[::1]:80")?.description == "[::1]:80")
        #expect(SocketAddress("::1:80") == nil)
        #expect(SocketAddress("[192.0.2.1]:80") == nil)
    }
}
