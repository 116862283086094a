// SPDX-License-Identifier: Apache-2.0

/// A large value behind one reference.
///
/// The compiler's ownership checks of a noncopyable struct go through every field of every field in
/// each of its functions: with a whole configuration in it, that takes minutes. Only for structs that
/// are never copied, since copies would share the value.
@propertyWrapper
struct Boxed<Value> {
    private final class Storage {
        var value: Value
        init(_ value: Value) { self.value = value }
    }

    private let storage: Storage

    init(wrappedValue: Value) { storage = Storage(wrappedValue) }

    var wrappedValue: Value {
        get { storage.value }
        // In place: with a value to be had and put back, each change of a table in it would copy it.
        _modify { yield &storage.value }
    }
}
