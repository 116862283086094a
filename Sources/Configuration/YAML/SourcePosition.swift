// SPDX-License-Identifier: Apache-2.0

/// A place in a text: line and column from 1, columns counted in Unicode scalars.
public struct SourcePosition: Sendable, Hashable {
    /// The line, from 1.
    public var line: Int
    /// The column, from 1.
    public var column: Int

    /// A place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// A stretch of text; the end is the place after its last character.
public struct SourceRange: Sendable, Hashable {
    /// Where it begins.
    public var start: SourcePosition
    /// The place after its last character.
    public var end: SourcePosition

    /// A stretch of text.
    public init(start: SourcePosition, end: SourcePosition) {
        self.start = start
        self.end = end
    }
}
