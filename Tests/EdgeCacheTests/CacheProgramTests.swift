// SPDX-License-Identifier: Apache-2.0
import Runtime
import Testing

@Suite struct CacheProgramTests {
    /// Steps of each seed: more when `MARTLET_CACHE_STEPS` asks for more of them.
    static var steps: Int {
        let wanted = ProcessControl.environment("MARTLET_CACHE_STEPS").flatMap { Int($0) } ?? 0
        return max(25_000, wanted / 4)
    }

    /// What has to happen, and how often at least in a thousand steps.
    static let wanted = [
        ("fresh", 30.0), ("stale", 1), ("refreshing", 1), ("ahead", 0.2), ("fetch", 50),
        ("wait", 20),
        ("passing", 1),
        ("unavailable", 1), ("kept", 20), ("refused", 5), ("whole", 20), ("broken", 1),
        ("failed", 5), ("stale on error", 0.2), ("renewed", 2), ("304 of no use", 0.2),
        ("renewed for others", 0.1), ("read along", 3), ("purge hard", 1), ("purge soft", 1),
        ("purge where", 1), ("restart", 0.1), ("HEAD of what is stored", 0.1),
        ("HEAD of something else", 0.5), ("evictions", 0.1), ("waited for others", 0.1),
    ]

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `whatever happens, nobody gets what RFC 9111 does not allow`(seed: UInt64) throws {
        let program = try CacheProgram(seed: seed)
        for step in 0..<Self.steps {
            try program.step()
            guard program.failures.isEmpty else {
                Issue.record("step \(step): \(program.failures)")
                return
            }
        }
        try program.restart()
        #expect(program.failures.isEmpty)
        for (word, often) in Self.wanted {
            let least = Int(often * Double(Self.steps) / 1000)
            #expect(program.counts[word] ?? 0 >= least, "\(word): \(program.counts)")
        }
    }

    @Test(arguments: [5, 6, 7, 8] as [UInt64])
    func `what a disk keeps over restarts is what RFC 9111 allows, too`(seed: UInt64) throws {
        let program = try CacheProgram(seed: seed, hasDisk: true)
        for step in 0..<Self.steps {
            try program.step()
            guard program.failures.isEmpty else {
                Issue.record("step \(step): \(program.failures)")
                return
            }
        }
        try program.restart()
        #expect(program.failures.isEmpty)
        for word in ["load", "restart", "purge where", "purge soft", "fresh", "evictions"] {
            #expect(program.counts[word] ?? 0 > 0, "\(word): \(program.counts)")
        }
    }
}
