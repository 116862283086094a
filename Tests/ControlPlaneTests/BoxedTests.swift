// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ControlPlane

/// What is boxed is changed where it lies.
@Suite struct BoxedTests {
    private final class Storage {}

    /// Knows whether anybody else has a copy, as arrays and dictionaries do.
    private struct Table {
        private var storage = Storage()
        private(set) var copies = 0

        mutating func change() {
            if !isKnownUniquelyReferenced(&storage) {
                copies += 1
                storage = Storage()
            }
        }
    }

    private struct Owner: ~Copyable {
        @Boxed var table = (inner: Table(), other: 1)

        mutating func change() { table.inner.change() }
    }

    @Test func `a change in a box copies nothing`() {
        var owner = Owner()
        for _ in 0..<3 { owner.change() }
        owner.table.inner.change()
        let alone = owner.table.inner.copies
        // Somebody who looks keeps what was seen.
        let seen = owner.table
        owner.change()
        let (now, then) = (owner.table.inner.copies, seen.inner.copies)
        #expect(alone == 0 && now == 1 && then == 0)
    }
}
