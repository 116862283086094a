// SPDX-License-Identifier: Apache-2.0

/// Finds the word that was probably meant.
public enum Spelling {
    /// Candidates looked at: a file may define tens of thousands of names.
    private static let candidateLimit = 1000

    /// The known word closest to `word`, when it is close enough to be worth saying.
    public static func nearest(
        to word: String,
        among known: some Sequence<String>
    ) -> String? {
        let wanted = letters(word)
        guard !wanted.isEmpty else { return nil }
        // A third of the letters may be wrong: `timout` yes, `tier` for `user` no.
        let allowed = Swift.max(1, wanted.count / 3)
        var best: (word: String, distance: Int)?
        var longer: [String] = []
        for candidate in known.prefix(candidateLimit) {
            let letters = letters(candidate)
            // `leastconn` for `least-connections`: cut short, as other programs have it.
            if wanted.count > 3, letters.starts(with: wanted) { longer.append(candidate) }
            guard abs(letters.count - wanted.count) <= allowed else { continue }
            let distance = distance(wanted, letters)
            guard distance <= allowed, distance < best?.distance ?? .max else { continue }
            best = (candidate, distance)
        }
        return best?.word ?? (longer.count == 1 ? longer.first : nil)
    }

    /// Small letters without what joins words: `first_byte` is `first-byte`.
    private static func letters(_ word: String) -> [UInt8] {
        word.lowercased().utf8.prefix(64).filter { $0 != 0x2d && $0 != 0x5f }
    }

    /// Insertions, removals, changes and swaps of neighbours that turn `a` into `b`.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in b.indices {
                let change = last[j] + (a[i] == b[j] ? 0 : 1)
                var cost = Swift.min(change, last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = Swift.min(cost, before[j - 1] + 1)
                }
                row.append(cost)
            }
            before = last
            last = row
        }
        return last[b.count]
    }
}
