// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// Who may come in with which password, as a file of users says.
public final class UserTable: Sendable, Equatable {
    /// Why a text is no file of users.
    public struct Fault: Error, Equatable, Sendable {
        /// What is wrong, without any hash.
        public let message: String
    }

    /// The most users of a file.
    public static let userLimit = 10_000

    /// Another number for each content.
    let identity: UInt64
    private let hashes: [[UInt8]: String]
    private let anyHash: String

    /// Reads lines of `name:hash`; empty ones and those with `#` in front are skipped.
    ///
    /// A file of comments lets nobody in. One without any line is refused: more likely it is being
    /// written at this moment.
    public init(_ text: [UInt8]) throws(Fault) {
        var hashes: [[UInt8]: String] = [:]
        var anyHash = ""
        var hasComment = false
        let lines = text.split(separator: 0x0a, omittingEmptySubsequences: false)
        for (number, bytes) in lines.enumerated() {
            var line = bytes
            if line.last == 0x0d { line.removeLast() }
            hasComment = hasComment || line.first == 0x23
            if line.isEmpty || line.first == 0x23 { continue }
            let (name, hash) = try UserTable.read(line, number + 1)
            guard hashes.updateValue(hash, forKey: name) == nil else {
                throw Fault(
                    message: "has the user `\(String(decoding: name, as: UTF8.self))` twice, again "
                        + "in line \(number + 1)"
                )
            }
            if anyHash.isEmpty { anyHash = hash }
            guard hashes.count <= UserTable.userLimit else {
                throw Fault(message: "has more than \(UserTable.userLimit) users")
            }
        }
        guard !hashes.isEmpty || hasComment else {
            throw Fault(message: "has no user, nor a comment that says that none is meant")
        }
        self.hashes = hashes
        self.anyHash = anyHash
        identity = Hash.bytes(text.span, seed: 0x7573_6572)
    }

    private static func read(
        _ line: ArraySlice<UInt8>,
        _ number: Int
    ) throws(Fault) -> ([UInt8], String) {
        let parts = line.split(separator: 0x3a, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count > 1, !parts[0].isEmpty else {
            throw Fault(message: "line \(number) is no `name:hash`")
        }
        // Told to endpoints in a field: what cannot stand there is nobody's name.
        guard parts[0].count <= 255, parts[0].allSatisfy({ (0x21..<0x7f).contains($0) }) else {
            throw Fault(message: "the name in line \(number) is not of visible ASCII characters")
        }
        let hash = String(decoding: parts[1], as: UTF8.self)
        guard PasswordHash.isSupported(hash) else {
            throw Fault(
                message: "the hash in line \(number) is none of bcrypt (`$2y$`), SHA-256 (`$5$`), "
                    + "SHA-512 (`$6$`), yescrypt (`$y$`)"
            )
        }
        return (Array(parts[0]), hash)
    }

    /// The hash to compare with, and whether the user is there: for somebody unknown it is that of
    /// another user, so that finding out takes as long.
    ///
    /// Octet by octet: `==` of texts takes other letters for the same.
    func hash(of name: ArraySlice<UInt8>) -> (hash: String, isKnown: Bool) {
        if let hash = hashes[Array(name)] { return (hash, true) }
        return (anyHash, false)
    }

    /// Number of users.
    public var count: Int { hashes.count }

    /// The same content.
    public static func == (a: UserTable, b: UserTable) -> Bool { a.identity == b.identity }
}
