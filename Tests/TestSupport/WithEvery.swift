// SPDX-License-Identifier: Apache-2.0

/// Runs `body` with every value in turn; the point is a name that reads well in nested tests.
public func withEvery<Value>(_ values: some Sequence<Value>, _ body: (Value) throws -> Void)
    rethrows
{
    for value in values { try body(value) }
}
