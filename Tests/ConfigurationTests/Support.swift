// SPDX-License-Identifier: Apache-2.0
import Configuration
import Foundation
import Testing

/// Reads a configuration from text.
func read(_ text: String, checks: OutsideChecks = OutsideChecks()) -> ReadResult {
    ConfigurationReader(checks: checks).read(Array(text.utf8), file: "martlet.yaml")
}

/// The settings of a text that must be valid.
func settings(_ text: String) throws -> Settings {
    let result = read(text)
    return try #require(result.configuration?.settings, "\(CheckReport.text(result))")
}

/// The repository as the tests were built from it.
enum Repository {
    static let root: String = {
        // #filePath is Tests/ConfigurationTests/Support.swift.
        var parts = #filePath.split(separator: "/")
        parts.removeLast(3)
        return "/" + parts.joined(separator: "/") + "/"
    }()

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: root + path)))
    }

    static func text(_ path: String) throws -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    static func files(_ folder: String, _ ending: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root + folder)
            .filter { $0.hasSuffix(ending) }.sorted().map { folder + "/" + $0 }
    }
}

/// A valid file to put a fault into: two listeners, a probe, a pool, a route, a zone, a policy.
let sample = """
    listeners:
      - { http: ":8080" }
      - { dns: ":5300" }
    probes:
      web: { http: /healthz, expect: 200, interval: 2s, timeout: 1s, rise: 2, fall: 3 }
    pools:
      api:
        balance: least-connections
        probe: web
        drain: 60s
        endpoints:
          - { address: 10.0.1.1:8080, weight: 3 }
          - { address: 10.0.1.2:8080 }
    routes:
      - { host: photos.example.com, path: /api/, pool: api, retry: 2 }
    zones:
      example.com:
        soa: { primary: ns1.example.com, mailbox: hostmaster.example.com }
        records:
          www: { ttl: 30s, steer: www }
    steer:
      www: { failover: [ { pool: api }, { weighted: { 203.0.113.10: 50, 203.0.113.11: 50 } } ] }

    """
