// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Reasons of misses in words.
enum MissWords {
    /// Fields that differ from client to client, so that next to nobody shares what varies by them.
    private static let personal = [
        "cookie", "user-agent", "authorization", "referer", "x-forwarded-for", "origin",
    ]

    /// What a reason means; `vary` is what most of what is stored varies by, or empty.
    static func text(_ reason: String, vary: String) -> String {
        switch reason {
        case "uri-miss": "nothing was stored"
        case "vary-miss": self.vary(vary)
        case "stale": "what was stored was stale"
        case "request": "the client asked for a fresh answer"
        case "method": "a method that a cache does not answer"
        case "bypass": "the request does not allow an answer from a cache"
        case "passing": "its answers may not be stored"
        default: reason
        }
    }

    /// The field to blame first, then all of them.
    private static func vary(_ fields: String) -> String {
        let names = fields.split(separator: ",").map { name in
            String(name.drop { $0 == " " }.prefix { $0 != " " })
        }
        guard !names.isEmpty else { return "stored for requests with other fields (Vary)" }
        let blamed = names.filter { personal.contains($0.lowercased()) }
        guard !blamed.isEmpty else { return "Vary: \(names.joined(separator: ", ")) at the origin" }
        let list = blamed.joined(separator: ", ")
        return "Vary: \(list) at the origin, which differs from client to client"
    }

    /// A share as a whole number of hundredths, or with one decimal where that would be none.
    static func percent(_ part: Int, of whole: Int) -> String {
        guard whole > 0, part >= 0 else { return "0 %" }
        let share = min(Double(part) / Double(whole), 1)
        let tenths = Int((share * 1000).rounded())
        return tenths % 10 == 0 || tenths >= 100
            ? "\(Int((share * 100).rounded())) %" : "\(tenths / 10).\(tenths % 10) %"
    }
}
