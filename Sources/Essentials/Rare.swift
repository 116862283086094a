// SPDX-License-Identifier: Apache-2.0

/// An optional that takes one word however large its value is: for what few of many have.
@propertyWrapper
public indirect enum Rare<Value> {
    /// There is none.
    case none
    /// There is one.
    case some(Value)

    /// Wraps an optional.
    public init(wrappedValue: Value?) {
        self = wrappedValue.map(Rare.some) ?? .none
    }

    /// The value, or nil.
    public var wrappedValue: Value? {
        get {
            if case .some(let value) = self { value } else { nil }
        }
        set { self = Rare(wrappedValue: newValue) }
    }
}

extension Rare: Sendable where Value: Sendable {}
extension Rare: Equatable where Value: Equatable {}
