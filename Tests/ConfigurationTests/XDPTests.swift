// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

@Suite struct XDPTests {
    func found(_ listeners: String) -> [String] {
        let text =
            "listeners:\n\(listeners)zones: { example.com: { soa: { primary: ns1.example.net, mailbox: h@example.net }, records: { '@': { ns: [ns1.example.net] } } } }\n"
        let result = ConfigurationReader().read(Array(text.utf8), file: "a.yaml")
        return result.diagnostics.map(\.code.rawValue)
    }

    func found(xdp: String) -> [String] { found("  - { dns: ':53', xdp: \(xdp) }\n") }

    @Test func `an interface is taken with its defaults, or with all that there is to say`() {
        #expect(found(xdp: "{ interface: eth0 }") == [])
        #expect(found(xdp: "{ interface: eth0.100-a_b, mode: generic, queues: 32 }") == [])
        #expect(found(xdp: "{ interface: e, mode: auto, queues: all }") == [])
    }

    @Test(arguments: ["a/b", "a b", "a:b", ".", "..", "é"])
    func `what cannot be the name of an interface is an error`(name: String) {
        #expect(found(xdp: "{ interface: '\(name)' }") == ["M1691"])
    }

    @Test func `other values are errors as everywhere`() {
        #expect(found(xdp: "{ interface: abcdefghijklmnop }") == ["M1216"])
        #expect(found(xdp: "{ mode: native }") == ["M1104"])
        #expect(found(xdp: "{ interface: a, mode: fast }") == ["M1206"])
        #expect(found(xdp: "{ interface: a, queues: 0 }") == ["M1207"])
        #expect(found(xdp: "{ interface: a, queues: 33 }") == ["M1207"])
        #expect(found(xdp: "{ interface: a, speed: 1 }") == ["M1101"])
    }

    @Test func `two listeners cannot share an interface`() {
        let one = "  - { dns: ':53', xdp: { interface: a } }\n"
        #expect(found(one + "  - { dns: ':54', xdp: { interface: b } }\n") == [])
        #expect(found(one + "  - { dns: ':54', xdp: { interface: a } }\n") == ["M1690"])
    }
}
