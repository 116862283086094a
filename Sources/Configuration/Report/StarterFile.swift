// SPDX-License-Identifier: Apache-2.0

/// What `martlet init` writes.
public enum StarterFile {
    /// A commented configuration that works as it stands, once the endpoints are yours.
    public static let text = """
        # A starter configuration for Martlet. What stands behind `#` with a default is not needed.
        # Check it with `martlet check martlet.yaml`; all options: Documentation/reference/configuration.md

        # workers: auto               # one thread per usable core
        # shutdown-grace: 30s         # how long requests may finish after TERM

        admin:
          listen: 127.0.0.1:9180      # status page, /metrics, API; asks for no password

        log:
          level: info                 # error, warning, info or debug
          # access: { output: stdout, format: json }

        listeners:
          - http: ":8080"             # every address of the machine
            # trusted-proxies: [10.0.0.0/8]
          - dns: ":5300"              # UDP and TCP

        # How endpoints are checked. Martlet knows their health before the first request comes.
        probes:
          web:
            http: /healthz            # or `tcp: connect`
            expect: 200
            interval: 5s
            timeout: 2s
            rise: 2                   # successes that bring an endpoint up
            fall: 3                   # failures that take it down

        # Servers that can stand in for each other.
        pools:
          app:
            balance: least-connections
            probe: web
            endpoints:
              - { address: 127.0.0.1:9001 }
              - { address: 127.0.0.1:9002, weight: 2 }
            # retry: { attempts: 2, budget: 20% }
            # queue: { limit: 1024, timeout: 5s }

        # Which request goes to which pool: the most exact host, then the longest path.
        routes:
          - { pool: app }
          # - { host: api.example.com, path: /v1/, pool: app, timeout: 10s }

        # Names answered by the DNS door. The same health decides here and above.
        zones:
          example.com:
            soa: { primary: ns1.example.com, mailbox: hostmaster@example.com }
            records:
              ns1: { a: 192.0.2.53 }
              www: { ttl: 30s, steer: www }
              "@": { txt: "v=spf1 -all" }

        steer:
          www:
            pool: app                 # the healthy endpoints of the pool
            all-down: all             # when nothing is healthy: all, none, servfail, last-good

        """
}
