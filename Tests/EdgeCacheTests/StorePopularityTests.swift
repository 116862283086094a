// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import EdgeCache

@Suite struct StorePopularityTests {
    @Test(arguments: [600, 60_000])
    func `what is asked for again and again stays, whatever is asked for once`(_ size: Int) throws {
        let desk = try StoreDesk(memory: 32 << 20, objectLimit: 1 << 20)
        let body = String(repeating: "x", count: size)
        let room = (32 << 20) / (size + 1_500)
        let popular = (0..<20).map { "popular \($0)" }
        for key in popular {
            try desk.put(key, body)
            for _ in 0..<2 { #expect(desk.fresh(key) != nil) }
        }
        var missed = 0
        for number in 0..<3 * room {
            try desk.put("once \(number)", body)
            guard number % 4 == 0 else { continue }
            let key = popular[number / 4 % 20]
            if desk.fresh(key) == nil {
                missed += 1
                try desk.put(key, body)
            }
        }
        #expect(missed <= 3, "\(missed) of \(3 * room / 4)")
    }
}
