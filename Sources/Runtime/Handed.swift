// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Something that goes over to another thread, once.
///
/// The closure that a thread begins with lives as long as the thread does, and so does what it
/// captures: a large value that soon gives way to another would never be freed.
public final class Handed<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    /// Something to be taken, or a place for it.
    public init(_ value: Value? = nil) { self.value = Mutex(value) }

    /// Puts the value there.
    public func give(_ given: Value) { value.withLock { $0 = given } }

    /// The value; nil when it is not there yet, or was taken before.
    public func take() -> Value? {
        value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}
