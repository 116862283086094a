// SPDX-License-Identifier: Apache-2.0
internal import CRE2

/// A regular expression of RE2 over bytes: matching takes linear time whatever the pattern.
///
/// Patterns and bodies are taken as bytes, so `.` is one byte and never a line end.
@safe public final class RegularExpression: Sendable {
    /// A pattern that does not compile.
    public struct PatternError: Error, Equatable, Sendable {
        /// RE2's explanation.
        public let reason: String
    }

    /// The text it was compiled from.
    public let pattern: String
    // RE2 objects are immutable once compiled, and matching is safe from any thread.
    nonisolated(unsafe) private let compiled: OpaquePointer

    /// Compiles a pattern; an automaton that would need more than 1 MiB is refused.
    public init(_ pattern: String) throws(PatternError) {
        self.pattern = pattern
        var reason = [CChar](repeating: 0, count: 256)
        let bytes = pattern.utf8.map { CChar(bitPattern: $0) }
        let result = unsafe mt_re2_compile(bytes, bytes.count, &reason, reason.count)
        guard let result = unsafe result else {
            let text = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let words = String(decoding: text, as: UTF8.self)
            throw PatternError(reason: words.isEmpty ? "out of memory" : words)
        }
        unsafe compiled = result
    }

    deinit { unsafe mt_re2_free(compiled) }

    /// True when the expression matches somewhere in the bytes.
    public func matches(_ bytes: Span<UInt8>) -> Bool { unowned.matches(bytes) }

    /// The expression without a share in its life, for tables that are read for each request.
    public var unowned: UnownedExpression { unsafe UnownedExpression(compiled) }
}

/// A compiled expression that someone else keeps alive: plain bytes, free to copy.
@safe public struct UnownedExpression: BitwiseCopyable, Sendable {
    nonisolated(unsafe) private let compiled: OpaquePointer

    fileprivate init(_ compiled: OpaquePointer) { unsafe self.compiled = compiled }

    /// True when the expression matches somewhere in the bytes.
    public func matches(_ bytes: Span<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            return unsafe mt_re2_search(compiled, start, buffer.count)
        }
    }
}

extension RegularExpression: Equatable {
    /// True when both come from the same pattern.
    public static func == (a: RegularExpression, b: RegularExpression) -> Bool {
        a === b || a.pattern == b.pattern
    }
}
