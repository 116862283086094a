// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import ControlPlane

@Suite struct ZoneComparisonTests {
    @Test func `lines that only one of two has are told, name by name`() {
        let difference = ZoneComparison(
            from: ["b.test.\t60\tIN\tA\t192.0.2.1", "a.test.\t60\tIN\tA\t192.0.2.1", "same"],
            to: ["same", "b.test.\t60\tIN\tA\t192.0.2.2", "c.test.\t60\tIN\tA\t192.0.2.3"]
        )
        #expect(!difference.isEmpty)
        #expect(
            difference.text == """
                - a.test.\t60\tIN\tA\t192.0.2.1
                - b.test.\t60\tIN\tA\t192.0.2.1
                + b.test.\t60\tIN\tA\t192.0.2.2
                + c.test.\t60\tIN\tA\t192.0.2.3

                """
        )
        #expect(difference.json["added"]?.elements?.count == 2)
    }

    @Test func `two orders of the same lines are no difference`() {
        let difference = ZoneComparison(from: ["a", "b"], to: ["b", "a"])
        #expect(difference.isEmpty)
        #expect(difference.text == "no difference\n")
    }
}
