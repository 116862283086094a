// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

@Suite struct `Mutated configurations` {
    /// Changes that people and broken tools make: bytes, lines, words and whole pieces.
    struct Mutator {
        private static let signs = Array("{}[]:-,&*!|>'\"%@`#?\n\t 09".utf8)

        var random: SeededRandom
        let words: [[UInt8]]

        init(seed: UInt64, text: [UInt8]) {
            random = SeededRandom(seed: seed)
            words = text.split { $0 == 0x20 || $0 == 0x0a }.map(Array.init)
        }

        mutating func below(_ bound: Int) -> Int { Int(random.next(below: UInt32(max(bound, 1)))) }

        mutating func mutate(_ text: [UInt8]) -> [UInt8] {
            var bytes = text
            for _ in 0...below(4) {
                let at = below(bytes.count)
                let length = min(below(40), bytes.count - at)
                switch below(8) {
                case 0 where !bytes.isEmpty: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(at..<at + length)
                case 2: bytes.insert(contentsOf: bytes[at..<at + length], at: below(bytes.count))
                case 3: bytes.insert(contentsOf: words[below(words.count)], at: at)
                case 4: bytes.insert(Self.signs[below(Self.signs.count)], at: at)
                case 5: bytes.removeSubrange(at..<bytes.count)
                default: swapWords(&bytes, at)
                }
            }
            return bytes
        }

        /// Puts a word of the file where another stands: the right shape with the wrong meaning.
        private mutating func swapWords(_ bytes: inout [UInt8], _ at: Int) {
            guard !bytes.isEmpty else { return }
            let isGap: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0a }
            let start = bytes[..<at].lastIndex(where: isGap).map { $0 + 1 } ?? 0
            let end = bytes[at...].firstIndex(where: isGap) ?? bytes.count
            guard start <= end else { return }
            bytes.replaceSubrange(start..<end, with: words[below(words.count)])
        }
    }

    @Test(arguments: ["full", "dns-steering", "pools-and-probes"])
    func `no mutation traps, and what is refused says where`(name: String) throws {
        let text = try Repository.bytes("Documentation/examples/\(name).yaml")
        let valid = try #require(ConfigurationReader().read(text, file: "a").configuration)
        var mutator = Mutator(seed: 20_250_711, text: text)
        var accepted = 0
        for round in 0..<1500 {
            let mutated = mutator.mutate(text)
            let result = ConfigurationReader().read(mutated, file: "a")
            _ = CheckReport.text(result)
            if let configuration = result.configuration {
                accepted += 1
                _ = ConfigurationDifference(from: valid, to: configuration).text
            } else {
                let isExplained = !result.errors.isEmpty
                #expect(isExplained, "refused without an error: round \(round)")
            }
            let lines = mutated.count { $0 == 0x0a } + 1
            let arePlaced = result.diagnostics.allSatisfy {
                (1...lines + 1).contains($0.range.start.line) && $0.range.start.column > 0
            }
            #expect(arePlaced, "a finding outside the file: round \(round)")
        }
        #expect(accepted > 10, "the mutations must not all be refused by YAML: \(accepted)")
        #expect(accepted < 1400)
    }

    @Test func `random bytes never trap`() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<3000 {
            let count = Int(random.next(below: 200))
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = CheckReport.text(ConfigurationReader().read(bytes, file: "a"))
        }
    }
}
