// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Keeps the value that holds it in one place.
///
/// Before a method that does not mutate is called on a large struct in a `mutating` one, the
/// compiler copies the struct to the stack: for the HTTP door 1.9 KB, a dozen times a request. An
/// atomic has an identity, so nothing that contains one is ever copied or moved about; calls pass
/// its address.
public struct Anchor: ~Copyable, Sendable {
    private let cell = Atomic<UInt8>(0)

    /// An anchor.
    public init() {}
}
