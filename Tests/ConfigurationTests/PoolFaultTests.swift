// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

/// What a pool and its probe say that will not do what is meant.
@Suite struct PoolFaultTests {
    @Test(
        arguments: [
            ("expect: 200, role: { status: 200 }", ["M1361"]),
            ("role: { status: 200-299 }", ["M1361"]),
            ("role: { status: 200 }", []), ("expect: [200, 503], role: { status: 200 }", []),
            ("expect: 200, role: { field: role }", []),
        ]
    )
    func `roles by status leave replicas up`(probe: String, codes: [String]) {
        let text = """
            listeners: [{ http: ':80' }]
            probes: { p: { http: /, \(probe) } }
            pools: { a: { probe: p, writes: leader, endpoints: [{ address: '127.0.0.1:1' }] } }
            routes: [{ pool: a }]
            """
        #expect(read(text).diagnostics.map(\.code.rawValue) == codes)
    }

    @Test(
        arguments: [
            (", same-site: none", ["M1362"]), (", same-site: none, secure: always", []),
            (", same-site: lax", []), ("", []),
        ]
    )
    func `a cookie that browsers drop is told`(sticky: String, codes: [String]) {
        let text = """
            listeners: [{ http: ':80' }]
            pools: { a: { sticky: { cookie: s\(sticky) }, endpoints: [{ address: '127.0.0.1:1' }] } }
            routes: [{ pool: a }]
            """
        #expect(read(text).diagnostics.map(\.code.rawValue) == codes)
    }
}
