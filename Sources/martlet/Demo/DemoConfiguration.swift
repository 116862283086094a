// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The configuration of a demonstration, in the form a user would write it.
enum DemoConfiguration {
    static func text(
        ports: DemoPorts,
        folder: DemoFolder,
        origins: [(name: String, address: SocketAddress)]
    ) -> String {
        let endpoints = origins.map { origin in
            "      - { name: \(origin.name), address: \(origin.address) }\n"
        }.joined()
        return """
            # Written by `martlet demo`. Change it and send HUP to the process named `gateway`
            # in \(folder.path)/processes: a reload loses nothing.
            state: \(folder.state)
            admin:
              listen: 127.0.0.1:\(ports.admin)
            log:
              output: \(folder.log)

            listeners:
              - { http: "127.0.0.1:\(ports.http)" }
              - { dns: "127.0.0.1:\(ports.dns)" }

            probes:
              deep: { http: /healthz, interval: 1s, fast-interval: 200ms, timeout: 800ms, rise: 2, fall: 2 }

            pools:
              web:
                balance: least-connections
                probe: deep
                passive: { statuses: 500-599, ejection: 10s }
                endpoints:
            \(endpoints)
            routes:
              - { pool: web }

            zones:
              \(Demo.zone):
                soa: { primary: ns1.\(Demo.zone), mailbox: hostmaster.\(Demo.zone) }
                records:
                  ns1: { a: 127.0.0.1 }
                  www: { ttl: 1s, steer: www }

            steer:
              www: { pool: web, ttl: 1s, all-down: all }

            """
    }
}
