// SPDX-License-Identifier: Apache-2.0

/// An object that somebody else holds, used without counting a reference to it.
///
/// For what is asked millions of times a second by whoever holds it for years: the holder keeps the object
/// beside this, and uses no ``Lent`` any more once it has let the object go.
@safe public struct Lent<Object: AnyObject & Sendable>: Sendable {
    private let object: Unmanaged<Object>

    /// Lends an object; the caller goes on holding it.
    public init(_ object: Object) { unsafe self.object = Unmanaged.passUnretained(object) }

    /// Lets `body` use the object, and returns what it does.
    @inline(__always) public func use<Result>(_ body: (Object) -> Result) -> Result {
        unsafe object._withUnsafeGuaranteedRef { body($0) }
    }
}
